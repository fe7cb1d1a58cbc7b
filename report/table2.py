"""Table 2: searches on NAS-Bench-201, published beside measured."""

from collections.abc import Iterator, Mapping, Sequence

from common.statistics import paired_difference
from report.records import Record
from report.searches import COST, WHERE, accuracies, cost, datasets_of, searches_of, seconds, where
from report.sections import DATASETS, NOT_RUN, Parts, Sources, headed
from report.tables import ABSENT, Cell, Number, Table, interval, mean_std

_NOTE = (
    "Accuracies are those of the table, after 200 epochs, looked up after the choice; n searches. "
    "Seconds of one search: published on a GTX 1080Ti, here on the hardware named below, those "
    "of TE-NAS summed over its processes. "
    "Optimal, here: the best cell of the table of accuracies. Not rerun: what the paper took "
    "from other works."
)
_QUERIES = (
    "Queries: the best by score are looked at, and the choice among them made, by {}: it has seen "
    "test data."
)
_STANDARD = {"box": 0.5, "kernel": 0.1}  # fraction of each filter; others stand in Table 3
_PAIRS = ("accuracy", "images", "network", "difference (points)", "95 %", "n")


@headed(
    "table2",
    "Table 2: searches on NAS-Bench-201",
    "bash scripts/table2.sh cifar10",
    "python -m tenas_dag --config configs/tenas/nasbench201.yaml",
)
def section(sources: Sources) -> Parts:
    """All searches with f = 1/2 and by both indicators; others stand in other tables."""
    yield sources.cite("paper", "Test accuracies and seconds of a search")
    runs = [run for run in searches_of(sources, "wot", "tenas") if _is_of_table2(run)]
    yield from runs
    names = datasets_of(runs)
    here = [
        f"{name}, {what}"
        for name in names
        for what in (("published", "here") if name in DATASETS else ("here",))
    ]
    columns = ("method", *WHERE, *here, "seconds, published", "seconds, here", *COST)
    rows = tuple(_rows(sources.published["table2"], runs, names))
    title = "Test accuracy (%) of the cells found on NAS-Bench-201, mean (std)"
    looks = {run.result["queries"]["looked_at"] for run in runs if "queries" in run.result}
    note = _NOTE + "".join(f" {_QUERIES.format(look)}" for look in sorted(looks))
    yield Table("table2", title, columns, rows, note)
    if pairs := tuple(_differences(runs, names)):
        caption = "TE-NAS + DAG minus TE-NAS, test accuracy of equal seeds"
        note = "Interval: Student's t over the differences of n seeds."
        yield Table("table2_pairs", caption, _PAIRS, pairs, note)


def _is_of_table2(run: Record) -> bool:
    if run.kind == "tenas":
        return run.result.get("rank_by", "both") == "both" and "accuracy" in run.result
    return run.result["fraction"] in (None, _STANDARD.get(run.result["filter"]))


def _rows(
    published: Mapping, runs: Sequence[Record], names: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    """The published rows, those measured here beside them, then further methods."""
    best = _best(runs, names)
    methods = dict.fromkeys([*published, *(run.result["method"] for run in runs)])
    for method in methods:
        paper = published.get(method, {})
        own = [run for run in runs if run.result["method"] == method]
        cost_there = Number(paper["seconds"], spec=".7g") if "seconds" in paper else ABSENT
        for run in own:
            cells = _beside(paper, names, accuracies(run, names))
            yield (method, *where(run), *cells, cost_there, seconds(run), *cost(run))
            if "queries" in run.result:
                cells = _beside(paper, names, accuracies(run, names, "accuracy_by_first"))
                asked = f"{method} of {run.result['queries']['first']} alone"
                yield (asked, *where(run), *cells, cost_there, seconds(run), *cost(run))
        if not own:
            optimal = method == "Optimal" and runs
            ours = method.startswith(("WOT", "TE-NAS"))
            word = "read off the table" if optimal else NOT_RUN if ours else "not rerun"
            cells = _beside(paper, names, best if optimal else [ABSENT] * len(names))
            yield (method, word, ABSENT, ABSENT, *cells, cost_there, *[ABSENT] * 3)


def _beside(paper: Mapping, names: Sequence[str], here: Sequence[Cell]) -> list[Cell]:
    cells: list[Cell] = []
    for name, cell in zip(names, here):
        cells += [mean_std(paper.get(name)), cell] if name in DATASETS else [cell]
    return cells


def _best(runs: Sequence[Record], names: Sequence[str]) -> list[Cell]:
    """Accuracy of each data set's best cell, of any run's table."""
    known = [run.result.get("accuracy", {}) for run in runs]
    found = ([row[name]["best"] for row in known if "best" in row.get(name, {})] for name in names)
    return [Number(values[0]) if values else ABSENT for values in found]


def _differences(runs: Sequence[Record], names: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """Paired over equal seeds of runs with the same images and network."""
    searches = [run for run in runs if run.kind == "tenas"]
    for plain in (run for run in searches if run.result["filter"] == "none"):
        for exempt in (run for run in searches if run.result["filter"] == "exempt"):
            if plain.result["dataset"] != exempt.result["dataset"] or _made(plain) != _made(exempt):
                continue
            for name in names:
                pairs = _pairs(plain, exempt, name)
                if len(pairs) > 1:
                    found = paired_difference(*zip(*pairs))
                    cells = Number(found.mean, spec="+.2f"), interval(found.interval), found.n
                    yield (name, plain.dataset, plain.network, *cells)


def _made(run: Record) -> tuple:
    """What two runs must share, so that they differ by the filter and the seeds alone."""
    settings = {k: v for k, v in run.config.items() if k not in ("filter", "seeds")}
    return run.result["network"], settings


def _pairs(plain: Record, exempt: Record, name: str) -> list[tuple[float, float]]:
    """(with the rule, without it) for each seed that both have."""
    a, b = (
        {
            s["seed"]: s["accuracy"][name]
            for s in run.result["searches"]
            if name in s.get("accuracy", {})
        }
        for run in (exempt, plain)
    )
    return [(a[seed], b[seed]) for seed in a if seed in b]
