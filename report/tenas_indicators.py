"""TE-NAS: do kappa and the number of linear regions predict accuracy?"""

from collections.abc import Iterator, Mapping
from functools import partial

from matplotlib.figure import Figure

from report.records import Record, by_n
from report.sections import NOT_RUN, Image, Parts, Sources, headed
from report.style import COLOURS, new_figure
from report.tables import ABSENT, Cell, Number, Table

_INDICATORS = {"kappa": "kappa", "regions": "R"}
_COLUMNS = ("indicator", "accuracy", "images", "published tau", "tau here", "p", "n", "undefined")
_NOTE = (
    "n cells that have both numbers; undefined: cells without kappa (a singular kernel), which are "
    "left out. Of R no tau is in published.yaml."
)


@headed(
    "tenas_indicators",
    "TE-NAS: do kappa and regions predict accuracy?",
    "bash scripts/tenas_indicators.sh cifar10",
)
def section(sources: Sources) -> Parts:
    """Kendall's taus beside the published one."""
    published = sources.published["tenas"]["kendall_tau"]
    paper = published["cifar100"]["kappa"]
    yield sources.cite("tenas", f"Kendall's tau of kappa with accuracy on CIFAR-100 is {paper:g}")
    runs = by_n(sources.of_kind("tenas_correlation"))
    rows = [row for run in runs for row in _rows(published, run)] or [
        ("kappa", "cifar100", NOT_RUN, Number(paper), *[ABSENT] * 4),
        ("R", "cifar100", NOT_RUN, *[ABSENT] * 5),
    ]
    caption = "Kendall's tau of TE-NAS' indicators with test accuracy of cells of NAS-Bench-201"
    yield Table("tenas_indicators", caption, _COLUMNS, tuple(rows), _NOTE)
    for run in runs:
        yield run
        names, cells = list(run.result["correlations"]), run.result["architectures"]
        dataset = "cifar100" if "cifar100" in names else names[0]
        caption = f"Indicators of {cells} cells against accuracy on {dataset}"
        draw = partial(draw_correlation, dataset=dataset)
        yield Image.of(run, dataset, caption, draw)


def _rows(published: Mapping, run: Record) -> Iterator[tuple[Cell, ...]]:
    for dataset, found in run.result["correlations"].items():
        for key, name in _INDICATORS.items():
            paper = published.get(dataset, {}).get(key)
            shown = ABSENT if paper is None else Number(paper)
            tau, p = found[key]["tau"], found[key]["p"]
            defined = tau is not None
            values = (Number(tau), Number(p, spec=".2g")) if defined else (ABSENT, ABSENT)
            size = found[key]["n"], found[key]["undefined"]
            yield (name, dataset, run.dataset, shown, *values, *size)


def draw_correlation(run: Record, dataset: str) -> Figure:
    """kappa and R of single architectures against their accuracy."""
    row = run.result["correlations"][dataset]
    figure = new_figure(6.5, 2.8)
    for axis, key, label in zip(figure.subplots(1, 2), ("kappa", "regions"), ("kappa", "R")):
        points = [
            (record[key], accuracy)
            for record, accuracy in zip(run.result["records"], row["accuracy"])
            if record[key] is not None and accuracy is not None
        ]
        axis.plot(*zip(*points), ".", color=COLOURS[0], markersize=4)
        axis.set(xlabel=label, ylabel=f"test accuracy, {dataset} (%)")
        axis.set_title(f"Kendall's tau {row[key]['tau']:+.2f}, n = {row[key]['n']}", fontsize=9)
        if key == "kappa":
            axis.set_xscale("log")
    return figure
