"""Figures over topologies: accuracy by effective depth and width, and predicted accuracy."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from common.statistics import correlation
from report.style import COLOURS, new_figure


def draw_prediction(
    depth: np.ndarray,
    width: np.ndarray,
    accuracy: np.ndarray,
    predicted: Mapping[str, np.ndarray],
    name: str,
) -> Figure:
    """Accuracy by (depth, width), beside measured against predicted accuracy.

    Args:
        depth: effective depths [n].
        width: effective widths [n].
        accuracy: what was measured [n], in %.
        predicted: out-of-fold predictions [n] of the accuracy, by their predictors' names.
        name: what the accuracy is, such as its column in the table.
    """
    panels = len(predicted) + 1
    figure = new_figure(3.4 * panels, 3.2)
    axes = figure.subplots(1, panels, width_ratios=[1.2] + [1] * len(predicted))
    draw_depth_width(axes[0], depth, width, accuracy, name)
    for panel, (predictors, values) in zip(axes[1:], predicted.items()):
        panel.axline((accuracy.mean(),) * 2, slope=1, color="0.6", linewidth=0.8, zorder=1)
        panel.scatter(values, accuracy, s=11, color=COLOURS[0], alpha=0.45, lw=0)
        panel.set_title(f"{predictors}\nheld-out R = {correlation(values, accuracy):.2f}")
        panel.set_xlabel("predicted accuracy (%)")
    low = min(v.min() for v in (accuracy, *predicted.values())) - 1
    high = max(v.max() for v in (accuracy, *predicted.values())) + 1
    step = 5 if high - low > 12 else 1
    for panel in axes[1:]:
        panel.xaxis.set_major_locator(MultipleLocator(step))
        panel.yaxis.set_major_locator(MultipleLocator(step))
        panel.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes[1].set_ylabel("measured accuracy (%)")
    return figure


def draw_depth_width(
    panel: Axes, depth: np.ndarray, width: np.ndarray, accuracy: np.ndarray, name: str
) -> None:
    """A circle at each (depth, width): mean accuracy as colour, its spread as size (Fig. 5)."""
    points, index = np.unique(np.round([depth, width], 9), axis=1, return_inverse=True)
    index = index.ravel()
    count = np.bincount(index)
    mean = np.bincount(index, accuracy) / count
    spread = np.sqrt(np.bincount(index, (accuracy - mean[index]) ** 2) / count)
    size = 14 + 110 * spread / max(spread.max(), 1e-12)
    circles = panel.scatter(
        *points, c=mean, s=size, cmap="viridis", edgecolors="0.25", linewidths=0.4, zorder=3
    )
    panel.figure.colorbar(circles, ax=panel, label="mean accuracy (%)")
    panel.set(xlabel="effective depth", ylabel="effective width")
    panel.set_title(f"{name}\n{len(accuracy)} topologies; size: std up to {spread.max():.1f} %")
