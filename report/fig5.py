"""Fig. 5: accuracy over effective depth and width, as circles; and the scatter of scores."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.spatial import ConvexHull

from common.statistics import multiple_correlation
from report.style import COLOURS, new_figure

DEPTH, WIDTH = "effective_depth", "effective_width"
_NOT_ACCURACY = ("arch", DEPTH, WIDTH, "score", "parameters", "multiply_adds")
_LARGEST = 130.0  # area of the largest circle, in points^2


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV file, numbers but for `arch`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no depth and width in it.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as handle:
        header, *rows = csv.reader(handle)
    missing = [name for name in (DEPTH, WIDTH) if name not in header]
    if missing or not rows:
        raise ValueError(f"{path}: found columns {', '.join(header)}, expected {DEPTH}, {WIDTH}")
    values = zip(header, zip(*rows))
    return {name: np.array(v) if name == "arch" else np.array(v, float) for name, v in values}


def draw_fig5(files: Sequence[Path]) -> tuple[Figure, list[dict]]:
    """One panel per file and dataset, at most three in a row, and the numbers beside them."""
    panels = []
    for file in files:
        columns = read_columns(file)
        names = [name for name in columns if name not in _NOT_ACCURACY]
        panels += [(file.name.split(".")[0], name, columns) for name in names]
    rows, across = -(-len(panels) // 3), min(3, len(panels))
    figure = new_figure(3.7 * across, 3.3 * rows)
    axes = figure.subplots(rows, across, squeeze=False).flatten()
    numbers = [
        {"space": space, "dataset": name, **draw_panel(axis, columns, name, space)}
        for axis, (space, name, columns) in zip(axes, panels)
    ]
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return figure, numbers


def draw_panel(axis: Axes, columns: Mapping[str, np.ndarray], name: str, space: str) -> dict:
    """A circle per (depth, width): colour mean accuracy, area variance; returns its numbers.

    Architectures of depth and width 0 are left out. Shaded is where no architecture lies: what
    is outside the convex hull of all (depth, width).
    """
    valid = columns[DEPTH] > 0
    points = np.column_stack([columns[DEPTH], columns[WIDTH]])[valid]
    accuracy = columns[name][valid]
    where, mean, variance, count = group_by_shape(points, accuracy)
    fits = {
        "r_architectures": multiple_correlation(points, accuracy),
        "r_circles": multiple_correlation(where, mean),
    }
    _shade_outside(axis, where)
    size = 10 + _LARGEST * variance / max(variance.max(), 1e-12)
    circles = axis.scatter(
        *where.T, c=mean, s=size, cmap="viridis", edgecolors="0.2", linewidths=0.3, zorder=3
    )
    axis.figure.colorbar(circles, ax=axis, label="mean accuracy (%)")
    axis.set(xlabel="effective depth", ylabel="effective width", title=f"{space}, {name}")
    axis.plot([], [], "o", color="0.4", ms=4, label=f"R = {fits['r_architectures']:.2f}")
    axis.legend(loc="upper right", handletextpad=0.2, frameon=True, framealpha=0.85)
    best = where[mean.argmax()]
    return {
        "architectures": int(valid.sum()),
        "circles": len(where),
        **fits,
        "largest_variance": float(variance.max()),
        "best_mean": float(mean.max()),
        "best_depth_width": [float(best[0]), float(best[1])],
        "best_mean_architectures": int(count[mean.argmax()]),
    }


def group_by_shape(
    points: np.ndarray, accuracy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distinct rows of points [n, 2], and of each the mean, variance and number of accuracies."""
    where, index = np.unique(points.round(9), axis=0, return_inverse=True)
    index = index.ravel()
    count = np.bincount(index)
    mean = np.bincount(index, accuracy) / count
    variance = np.bincount(index, (accuracy - mean[index]) ** 2) / count
    return where, mean, variance, count


def _shade_outside(axis: Axes, points: np.ndarray) -> None:
    axis.set_facecolor("0.9")
    if np.linalg.matrix_rank(points - points[0]) == 2:
        hull = points[ConvexHull(points).vertices]
        axis.add_patch(Polygon(hull, facecolor="white", edgecolor="0.75", linewidth=0.6, zorder=0))
    axis.grid(False)


def draw_scatter(path: Path, correlation: Mapping) -> Figure:
    """Accuracy against WOT's score, one panel per dataset, with tau and rho of a record."""
    columns = read_columns(path)
    datasets = correlation["datasets"]
    figure = new_figure(3.2 * len(datasets), 2.9)
    axes = figure.subplots(1, len(datasets), squeeze=False)[0]
    finite = np.isfinite(columns["score"])
    for axis, (name, rows) in zip(axes, datasets.items()):
        axis.scatter(
            columns["score"][finite], columns[name][finite], s=2, alpha=0.2, lw=0, color=COLOURS[0],
            rasterized=True,
        )  # fmt: skip
        tau, rho = rows["score"]["kendall"], rows["score"]["spearman"]
        axis.set_title(f"{name}\nKendall {tau:.2f}, Spearman {rho:.2f}")
        axis.set_xlabel("score log|det K|")
    axes[0].set_ylabel("test accuracy (%)")
    return figure
