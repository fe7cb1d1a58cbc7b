"""TE-NAS: its indicators against accuracy, and which operators survive, in all and by round."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.records import Record, by_n
from report.searches import searches_of
from report.sections import NOT_RUN, Image, Parts, Sources
from report.style import COLOURS, new_figure, new_panels
from report.tables import Number, Table, number

_INDICATORS = {"kappa": "kappa", "regions": "R"}
_TAUS = {"indicator": "indicator", "accuracy": "dataset", "images": "images",
         "published tau": "published?:.2f", "tau here": "tau?:.2f", "p": "p?:.2g", "n": "n?",
         "undefined": "undefined?"}  # fmt: skip
_NOTE = (
    "n cells that have both numbers; undefined: cells without kappa (a singular kernel), which are "
    "left out. Of R no tau is in published.yaml."
)
_RANKINGS = {"kappa": "by kappa alone", "regions": "by R alone", "both": "by both"}


def indicators(sources: Sources) -> Parts:
    """Kendall's taus beside the published one."""
    published = sources.published["tenas"]["kendall_tau"]
    paper = published["cifar100"]["kappa"]
    yield sources.cite("tenas", f"Kendall's tau of kappa with accuracy on CIFAR-100 is {paper:g}")
    runs = by_n(sources.of_kind("tenas_correlation"))
    rows = [
        {"indicator": name, "dataset": dataset, "images": run.dataset,
         "published": published.get(dataset, {}).get(key), **found[key]}
        for run in runs
        for dataset, found in run.result["correlations"].items()
        for key, name in _INDICATORS.items()
    ] or [
        {"indicator": name, "dataset": "cifar100", "images": NOT_RUN,
         "published": published["cifar100"].get(key)}
        for key, name in _INDICATORS.items()
    ]  # fmt: skip
    caption = "Kendall's tau of TE-NAS' indicators with test accuracy of cells of NAS-Bench-201"
    yield Table.of("tenas_indicators", caption, rows, _TAUS, _NOTE)
    for run in runs:
        yield run
        names, cells = list(run.result["correlations"]), run.result["architectures"]
        dataset = "cifar100" if "cifar100" in names else names[0]
        caption = f"Indicators of {cells} cells, images of {run.dataset}: accuracy on {dataset}"
        yield Image.of(run, dataset, caption, partial(draw_correlation, dataset=dataset))


def draw_correlation(run: Record, dataset: str) -> Figure:
    """kappa and R of single architectures against their accuracy."""
    row = run.result["correlations"][dataset]
    figure, panels = new_panels(2, 2, 3.25, 2.8)
    for axis, (key, label) in zip(panels, _INDICATORS.items()):
        points = [
            (record[key], accuracy)
            for record, accuracy in zip(run.result["records"], row["accuracy"])
            if record[key] is not None and accuracy is not None
        ]
        axis.plot(*np.array(points, float).reshape(-1, 2).T, ".", color=COLOURS[0], markersize=4)
        axis.set(xlabel=label, ylabel=f"test accuracy, {dataset} (%)")
        tau = number(row[key]["tau"], "+.2f") or "unknown"
        axis.set_title(f"Kendall's tau {tau}, n = {row[key]['n']}")
    panels[0].set_xscale("log")
    return figure


def preference(sources: Sources) -> Parts:
    """Searches by one indicator, beside the one by both that was made alike."""
    yield sources.cite("tenas", sources.published["tenas"]["preference"])
    groups = _groups(searches_of(sources, "tenas"))
    runs = [run for group in groups for run in group]
    yield from runs
    names = sorted({name for run in runs for name in shares(run)})
    rows = tuple(
        (_label(run), run.dataset, *(Number(shares(run)[n], spec=".1f") for n in names),
         len(run.result["searches"]))
        for run in runs
    )  # fmt: skip
    if rows:
        title = "Share of edges (%) on which each operator survives"
        yield Table("tenas_preference", title, ("pruned", "images", *names, "n"), rows)
    for group in groups:
        caption = f"Operators that survive, by what prunes them; images: {group[0].dataset}"
        draw = partial(draw_preference, group)
        yield Image(f"{group[0].key}_preference", caption, draw, tuple(group))


def _groups(runs: Sequence[Record]) -> list[list[Record]]:
    """Runs that differ by their indicators alone, without those by both that stand alone."""
    alike: dict[tuple, list[Record]] = {}
    for run in runs:
        seeds = tuple(search["seed"] for search in run.result["searches"])
        made = run.alike("rank_by"), run.result["filter"], seeds
        alike.setdefault(made, []).append(run)
    order = list(_RANKINGS)
    groups = [sorted(g, key=lambda run: order.index(run.result["rank_by"])) for g in alike.values()]
    return [group for group in groups if {run.result["rank_by"] for run in group} != {"both"}]


def _label(run: Record) -> str:
    filtered = "" if run.result["filter"] == "none" else f", {run.result['filter']}"
    return _RANKINGS[run.result["rank_by"]] + filtered


def shares(run: Record) -> Counter[str]:
    """Operator -> share of the edges of all searches that chose it, in %."""
    final = [search["rounds"][-1]["left"] for search in run.result["searches"]]
    counts = Counter(name for left in final for cell in left for edge in cell for name in edge)
    return Counter({name: 100 * count / counts.total() for name, count in counts.items()})


def draw_preference(runs: Sequence[Record]) -> Figure:
    """Which operators survive, one group of bars for each ranking."""
    names = sorted({name for run in runs for name in shares(run)})
    figure = new_figure(5.5, 2.8)
    axis = figure.subplots()
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        heights = [shares(run)[name] for run in runs]
        places = [x + (i - (len(names) - 1) / 2) * width for x in range(len(runs))]
        axis.bar(places, heights, width, label=name, color=COLOURS[i % len(COLOURS)])
    axis.set_xticks(range(len(runs)), [f"pruned {_label(run)}" for run in runs])
    axis.set_ylabel("edges (%)")
    axis.legend(fontsize=7)
    return figure


def rounds(sources: Sources) -> Parts:
    """A figure of the first search of each run."""
    for run in sources.of_kind("tenas"):
        yield run
        seed = run.result["searches"][0]["seed"]
        caption = f"{run.name}, seed {seed}: operators left on each edge"
        yield Image.of(run, "rounds", caption, draw_rounds)


def draw_rounds(run: Record) -> Figure:
    """Operators left on each edge at the start of every round and at the end of the first search.

    One row per cell type, one panel per round, but for DARTS' stage of edges, which is one; edges
    downwards, operators to the right.
    """
    shown = _shown(run.result["searches"][0]["rounds"])
    start = shown[0]["left"]
    names = list(dict.fromkeys(name for cell in start for edge in cell for name in edge))
    edges = len(start[0])
    height = 0.6 + 0.16 * edges + 0.06 * max(map(len, names))
    figure = new_figure(1.0 + 1.3 * len(shown), height * len(start))
    axes = figure.subplots(len(start), len(shown), sharex=True, sharey=True, squeeze=False)
    for column, entry in enumerate(shown):
        for cell, left in enumerate(entry["left"]):
            _draw_left(axes[cell][column], left, names)
        last = column == len(shown) - 1
        axes[0][column].set_title("chosen" if last else f"round {column + 1}")
    labels = ("edge",) if len(start) == 1 else ("normal cell, edge", "reduction cell, edge")
    for axis, label in zip(axes[:, 0], labels):
        axis.set(ylabel=label, yticks=range(edges))
    axes[0][0].invert_yaxis()
    axes[0][0].set_xticks(range(len(names)), names)
    for axis in axes[-1]:
        axis.tick_params(axis="x", rotation=90, labelsize=6)
    return figure


def _shown(rounds: Sequence[Mapping]) -> list[Mapping]:
    """Without the rounds that follow another one of whole edges."""
    of_edges = [any(not operator for *_, operator in r.get("removed", ())) for r in rounds]
    return [r for r, *both in zip(rounds, [False, *of_edges], of_edges) if not all(both)]


def _draw_left(axis: Axes, left: Sequence[Sequence[str]], names: list[str]) -> None:
    places = [(names.index(name), edge) for edge, ops in enumerate(left) for name in ops]
    colours = [COLOURS[column % len(COLOURS)] for column, _ in places]
    axis.scatter(*zip(*places), s=25, c=colours, lw=0, zorder=2)
    axis.set_xlim(-0.6, len(names) - 0.4)
