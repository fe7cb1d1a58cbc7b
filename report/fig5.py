"""Fig. 5: accuracy over effective depth and width, as circles."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from report.records import Record, by_n
from report.sections import NOT_RUN, Image, Parts, Sources
from report.style import new_panels, short
from report.tables import ABSENT, Cell, Number, Table, interval

_COLUMNS = ("space, accuracy", "R over architectures", "95 %", "R over circles", "95 %",
            "best mean (%)", "at depth", "at width", "n")  # fmt: skip
_NAMES = {"nas-bench-201": "NAS-Bench-201", "nds": "NDS"}


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
    rows = [_row(name, panel) for name, panel in _panels(runs)]
    wanted = {f"NAS-Bench-201, {name}": NOT_RUN for name in paper["panels"]}
    wanted["NDS, cifar10"] = "needs the NDS files"
    there = {row[0] for row in rows} | {"NDS, cifar10" for run in runs if run.space == "nds"}
    rows += [(name, why, *[ABSENT] * 7) for name, why in wanted.items() if name not in there]
    title = "Multiple correlation R of accuracy with effective depth and width"
    yield Table("fig5", title, _COLUMNS, tuple(rows), note)
    caption = "Accuracy over effective depth and width; circle: mean (colour), variance (area)"
    if runs:
        yield Image("fig5", caption, lambda: draw_fig5(runs), tuple(runs))
    yield from runs


def _panels(runs: Sequence[Record]) -> Iterator[tuple[str, Mapping]]:
    for run in runs:
        for panel in run.result["panels"]:
            cell = f", {panel['cell']} cell" if panel.get("cell") else ""
            yield f"{_NAMES.get(run.space, run.space)}, {panel['dataset']}{cell}", panel


def _row(name: str, panel: Mapping) -> tuple[Cell, ...]:
    correlations: list[Cell] = []
    for over in ("architectures", "circles"):
        correlations += [Number(panel[f"r_{over}"]), interval(panel[f"r_{over}_interval"])]
    best = [Number(value) for value in (panel["best_mean"], *panel["best_depth_width"])]
    return (name, *correlations, *best, panel["architectures"])


def draw_fig5(runs: Sequence[Record]) -> Figure:
    """One panel for each space and data set, at most three in a row.

    Shaded is where no architecture lies: what is outside the convex hull of all circles.
    """
    panels = list(_panels(runs))
    figure, axes = new_panels(len(panels), 3, 3.7, 3.3)
    for axis, (name, panel) in zip(axes, panels):
        depth, width, mean, variance, _ = np.array(panel["circles_at"], float).T
        _shade_outside(axis, np.column_stack([depth, width]))
        draw_circles(axis, depth, width, mean, variance)
        axis.set_title(short(name, 40))
        axis.plot([], [], "o", color="0.4", ms=4, label=f"R = {panel['r_architectures']:.2f}")
        axis.legend(loc="upper right", handletextpad=0.2, frameon=True, framealpha=0.85)
    return figure


def draw_circles(
    axis: Axes, depth: np.ndarray, width: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> None:
    """A circle at each (depth, width) [n]: colour mean accuracy, area its spread."""
    size = 10 + 120 * spread / max(spread.max(), 1e-12)
    circles = axis.scatter(
        depth, width, c=mean, s=size, cmap="viridis", edgecolors="0.2", linewidths=0.3, zorder=3
    )
    axis.figure.colorbar(circles, ax=axis, label="mean accuracy (%)")
    axis.set(xlabel="effective depth", ylabel="effective width")


def _shade_outside(axis: Axes, points: np.ndarray) -> None:
    from scipy.spatial import ConvexHull  # half a second to load

    axis.set_facecolor("0.9")
    if np.linalg.matrix_rank(points - points[0]) == 2:
        hull = points[ConvexHull(points).vertices]
        axis.add_patch(Polygon(hull, facecolor="white", edgecolor="0.75", linewidth=0.6, zorder=0))
    axis.grid(False)
