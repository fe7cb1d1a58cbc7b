"""Searches of NAS-Bench-201 by WOT and TE-NAS, published beside measured: Tables 2 and 3."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from common.statistics import paired_difference
from report.records import Record, by_n
from report.sections import DATASETS, NOT_RUN, Parts, Sources
from report.tables import ABSENT, Cell, Table, general, mean_std, measured, number, percent

_WHERE = ("images here", "network here", "seeds of the score")
_COST = ("evaluations saved", "n")
_NOTE = (
    "Accuracies are those of the table, after 200 epochs, looked up after the choice; n searches. "
    "Seconds of one search: published on a GTX 1080Ti, here on the hardware named below, those "
    "of TE-NAS summed over its processes. "
    "Optimal, here: the best cell of the table of accuracies. Not rerun: what the paper took "
    "from other works."
)
_QUERIES = (
    " Queries: the best by score are looked at, and the choice among them made, by {}: it has seen "
    "test data."
)
_STANDARD = {"box": 0.5, "kernel": 0.1}  # fractions in Table 2; others stand in Table 3
_PAIRS = {"accuracy": "name", "images": "run.dataset", "network": "run.network",
          "difference (points)": "found.mean:+.2f", "95 %": "found.interval:[]",
          "n": "found.n"}  # fmt: skip
_KERNEL = (
    "Kept is what reaches the quantile, over all cells with a depth, of the mean correlation of "
    "the exact NNGP kernel of a cell's DAG: cells of one kernel stand or fall together."
)


def searches_of(sources: Sources, *kinds: str) -> list[Record]:
    """Searches of NAS-Bench-201, those with the most repeats first."""
    return by_n(run for run in sources.of_kind(*kinds) if run.space == "nas-bench-201")


def table2(sources: Sources) -> Parts:
    """Searches by both indicators, at the standard fraction if their filter has one."""
    yield sources.cite("paper", "Test accuracies and seconds of a search")
    runs = [run for run in searches_of(sources, "wot", "tenas") if _is_of_table2(run)]
    yield from runs
    names = _datasets(runs)
    published = {name: f"{name}, published" for name in names}
    here = _beside(published, names, [f"{name}, here" for name in names])
    columns = ("method", *_WHERE, *here, "seconds, published", "seconds, here", *_COST)
    title = "Test accuracy (%) of the cells found on NAS-Bench-201, mean (std)"
    looks = {run.result["queries"]["looked_at"] for run in runs if "queries" in run.result}
    note = _NOTE + "".join(_QUERIES.format(look) for look in sorted(looks))
    rows = tuple(_rows(sources.published["table2"], runs, names))
    yield Table("table2", title, columns, rows, note)
    if pairs := list(_differences(runs, names)):
        caption = "TE-NAS + DAG minus TE-NAS, test accuracy of equal seeds"
        note = "Interval: Student's t over the differences of n seeds."
        yield Table.of("table2_pairs", caption, pairs, _PAIRS, note)


def _is_of_table2(run: Record) -> bool:
    if run.kind == "tenas":
        return run.result["rank_by"] == "both" and "accuracy" in run.result
    fraction = run.result["fraction"]
    return fraction == _STANDARD.get(run.result["filter"], fraction)


def _rows(
    published: Mapping, runs: Sequence[Record], names: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    """The published rows, those measured here beside them, then further methods."""
    for method in dict.fromkeys([*published, *(run.result["method"] for run in runs)]):
        row = published.get(method, {})
        paper = {name: mean_std(row.get(name)) for name in names}
        own = [run for run in runs if run.result["method"] == method]
        cost_there = number(row.get("seconds"), ".7g")
        for run in own:
            keys = {"accuracy": method}
            if "queries" in run.result:
                keys["accuracy_by_first"] = f"{method} of {run.result['queries']['first']} alone"
            for key, name in keys.items():
                cells = _beside(paper, names, _accuracies(run, names, key))
                yield (name, *_where(run), *cells, cost_there, _seconds(run), *_cost(run))
        if not own:
            optimal = method == "Optimal" and runs
            ours = method.startswith(("WOT", "TE-NAS"))
            word = "read off the table" if optimal else NOT_RUN if ours else "not rerun"
            cells = _beside(paper, names, _best(runs, names) if optimal else [ABSENT] * len(names))
            yield (method, word, ABSENT, ABSENT, *cells, cost_there, *[ABSENT] * 3)


def _beside(paper: Mapping, names: Sequence[str], here: Sequence[Cell]) -> list[Cell]:
    """Cells of measured numbers, behind published ones for the paper's data sets."""
    pairs = ([paper[name], cell] if name in DATASETS else [cell] for name, cell in zip(names, here))
    return [cell for pair in pairs for cell in pair]


def _best(runs: Sequence[Record], names: Sequence[str]) -> list[Cell]:
    """Accuracy of each data set's best cell in the tables of all runs."""
    best = defaultdict(list)
    for run in runs:
        for name, row in run.result.get("accuracy", {}).items():
            best[name] += [row["best"]] if "best" in row else []
    return [number(max(best[name], default=None)) for name in names]


def _differences(runs: Sequence[Record], names: Sequence[str]) -> Iterator[dict]:
    """Paired over equal seeds of runs that differ by the filter and the seeds alone."""
    searches = [run for run in runs if run.kind == "tenas"]
    for plain in (run for run in searches if run.result["filter"] == "none"):
        for exempt in (run for run in searches if run.result["filter"] == "exempt"):
            if plain.alike("filter", "seeds") != exempt.alike("filter", "seeds"):
                continue
            for name in names:
                a, b = ({s["seed"]: s["accuracy"][name] for s in run.result["searches"]
                         if name in s.get("accuracy", {})} for run in (exempt, plain))  # fmt: skip
                pairs = [(a[seed], b[seed]) for seed in a if seed in b]
                if len(pairs) > 1:
                    yield {"name": name, "run": plain, "found": paired_difference(*zip(*pairs))}


def table3(sources: Sources) -> Parts:
    """The box's fractions, and the kernel's where there is a search with it."""
    yield sources.cite("paper", "WOT with fractions of the radius, CIFAR-100")
    searches = [run for run in searches_of(sources, "wot") if "queries" not in run.result]
    box = [run for run in searches if run.result["method"] == "WOT + DAG"]
    yield _of_box(box, sources.published["table3"])
    if kernel := [run for run in searches if run.result["filter"] == "kernel"]:
        yield _of_kernel(kernel)
    yield from (*box, *kernel)


def _of_box(runs: Sequence[Record], published: Mapping) -> Table:
    """A row for each run, and for each published fraction without one."""
    names, rows = _datasets(runs), []
    fractions = {run.result["fraction"] for run in runs} | set(published)
    for fraction in sorted(fractions, reverse=True):
        paper = mean_std(published.get(fraction, {}).get("cifar100"))
        own = [
            (f"{fraction:g}", *_where(run), paper, *_accuracies(run, names), *_cost(run))
            for run in runs
            if run.result["fraction"] == fraction
        ]
        absent = (f"{fraction:g}", NOT_RUN, ABSENT, ABSENT, paper, *[ABSENT] * (len(names) + 2))
        rows += own or [absent]
    columns = ("f", *_WHERE, "cifar100, published", *(f"{name}, here" for name in names), *_COST)
    caption = "Test accuracy (%) that WOT finds with the box rule, by its fraction f"
    return Table("table3", caption, columns, tuple(rows))


def _of_kernel(runs: Sequence[Record]) -> Table:
    names = _datasets(runs)
    rows = [
        (f"{run.result['fraction']:g}", run.result["method"], *_where(run),
         *_accuracies(run, names), *_cost(run))
        for run in sorted(runs, key=lambda r: (r.result["method"], -r.result["fraction"]))
    ]  # fmt: skip
    columns = ("fraction", "method", *_WHERE, *(f"{name}, here" for name in names), *_COST)
    caption = "Test accuracy (%) behind the box of f = 1/2 and the kernel, by the kernel's fraction"
    return Table("table3_kernel", caption, columns, tuple(rows), _KERNEL)


def _datasets(runs: Iterable[Record]) -> list[str]:
    """Data sets that have accuracies: the paper's, then those of other tables."""
    found = (name for run in runs for name in run.result.get("accuracy", {}))
    return list(dict.fromkeys([*DATASETS, *found]))


def _where(run: Record) -> tuple[Cell, ...]:
    return run.dataset, run.network, run.score_seeds


def _accuracies(run: Record, names: Iterable[str], key: str = "accuracy") -> list[Cell]:
    """Mean (std) of the chosen cells' accuracy on each data set."""
    return [measured(run.result.get(key, {}).get(name)) for name in names]


def _cost(run: Record) -> tuple[Cell, ...]:
    """Evaluations saved, and the searches that chose a cell."""
    result = run.result
    saved = result.get("evaluations_saved")
    if run.kind == "tenas" and result["filter"] == "exempt":
        exempt = sum(search["exempt"] for search in result["searches"])
        saved = exempt / (exempt + sum(search["evaluations"] for search in result["searches"]))
    found = [row["n"] for row in result.get("accuracy", {}).values()]
    return percent(saved), max(found, default=result["n"])


def _seconds(run: Record) -> Cell:
    """Of one search."""
    if run.kind == "tenas":
        return general(run.result["seconds_per_search"]["mean"])
    return general(run.result["seconds_per_repeat"]["total"])
