"""Fig. 5: accuracy over effective depth and width, as circles."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from report.records import Record, by_n
from report.sections import NOT_RUN, Image, Parts, Sources, headed
from report.style import new_panels, short
from report.tables import ABSENT, Cell, Number, Table, interval

_COLUMNS = ("space, accuracy", "R over architectures", "95 %", "R over circles", "95 %",
            "best mean (%)", "at depth", "at width", "n")  # fmt: skip
_NAMES = {"nas-bench-201": "NAS-Bench-201", "nds": "NDS"}
_LARGEST = 130.0  # area of the largest circle, in points^2


@headed(
    "fig5", "Fig. 5: accuracy over effective depth and width", "bash scripts/fig5.sh nasbench201"
)
def section(sources: Sources) -> Parts:
    """A row and a panel for each space and data set."""
    paper = sources.published["fig5"]
    yield sources.cite("paper", paper["claim"])
    runs = by_n(sources.of_kind("landscape"))
    note = (
        f"NDS: {paper['nds_architectures']:,} architectures in the paper. The paper prints its R "
        "inside the figure; published.yaml has no number of it. A circle "
        "is all architectures of one depth and width; intervals are those of a bootstrap over "
        "architectures, and over circles."
    )
    title = "Multiple correlation R of accuracy with effective depth and width"
    yield Table("fig5", title, _COLUMNS, tuple(_rows(paper, runs)), note)
    caption = "Accuracy over effective depth and width; circle: mean (colour), variance (area)"
    if runs:
        yield Image("fig5", caption, lambda: draw_fig5(runs), tuple(runs))
    yield from runs


def _rows(paper: Mapping, runs: Sequence[Record]) -> list[tuple[Cell, ...]]:
    wanted = {("nas-bench-201", name): NOT_RUN for name in paper["panels"]}
    wanted[("nds", "cifar10")] = "needs the NDS files"
    found = [(run.space, panel) for run in runs for panel in run.result["panels"]]
    rows = [_row(space, panel) for space, panel in found]
    there = {(space, panel["dataset"]) for space, panel in found}
    missing = [key for key in wanted if key not in there]
    return rows + [
        (_name(key[0], {"dataset": key[1]}), wanted[key], *[ABSENT] * 7) for key in missing
    ]


def _row(space: str, panel: Mapping) -> tuple[Cell, ...]:
    correlations: list[Cell] = []
    for over in ("architectures", "circles"):
        correlations += [Number(panel[f"r_{over}"]), interval(panel[f"r_{over}_interval"])]
    best = [Number(value) for value in (panel["best_mean"], *panel["best_depth_width"])]
    return (_name(space, panel), *correlations, *best, panel["architectures"])


def _name(space: str, panel: Mapping) -> str:
    cell = f", {panel['cell']} cell" if panel.get("cell") else ""
    return f"{_NAMES.get(space, space)}, {panel['dataset']}{cell}"


def draw_fig5(runs: Sequence[Record]) -> Figure:
    """One panel for each space and data set, at most three in a row."""
    panels = [(run.space, panel) for run in runs for panel in run.result["panels"]]
    figure, axes = new_panels(len(panels), 3, 3.7, 3.3)
    for axis, (space, panel) in zip(axes, panels):
        draw_panel(axis, panel, short(_name(space, panel), 40))
    return figure


def draw_panel(axis: Axes, panel: Mapping, title: str) -> None:
    """A circle for each (depth, width): colour mean accuracy, area variance.

    Shaded is where no architecture lies: what is outside the convex hull of all circles.
    """
    depth, width, mean, variance, _ = np.array(panel["circles_at"], float).T
    _shade_outside(axis, np.column_stack([depth, width]))
    size = 10 + _LARGEST * variance / max(variance.max(), 1e-12)
    circles = axis.scatter(
        depth, width, c=mean, s=size, cmap="viridis", edgecolors="0.2", linewidths=0.3, zorder=3
    )
    axis.figure.colorbar(circles, ax=axis, label="mean accuracy (%)")
    axis.set(xlabel="effective depth", ylabel="effective width", title=title)
    axis.plot([], [], "o", color="0.4", ms=4, label=f"R = {panel['r_architectures']:.2f}")
    axis.legend(loc="upper right", handletextpad=0.2, frameon=True, framealpha=0.85)


def _shade_outside(axis: Axes, points: np.ndarray) -> None:
    from scipy.spatial import ConvexHull  # half a second to load

    axis.set_facecolor("0.9")
    if np.linalg.matrix_rank(points - points[0]) == 2:
        hull = points[ConvexHull(points).vertices]
        axis.add_patch(Polygon(hull, facecolor="white", edgecolor="0.75", linewidth=0.6, zorder=0))
    axis.grid(False)
