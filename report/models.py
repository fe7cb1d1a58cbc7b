"""Depth and width of published image classifiers, beside their ImageNet accuracy."""

from collections.abc import Mapping
from functools import partial
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure

from report.records import Record
from report.sections import Image, Parts, Sources
from report.style import new_figure
from report.tables import ABSENT, Cell, Table, interval, number

_PREDICTORS = {
    "depth": "effective depth",
    "log2_width": "log2 width",
    "log2_paths": "log2 paths",
    "longest": "longest path",
    "parameters": "parameters",
}


def _with_interval(key: str, row: Mapping) -> Cell:
    found = row[key]
    return ABSENT if found["rho"] is None else f"{found['rho']:.2f} {interval(found['interval'])}"


_SPEARMAN = {
    "models": "name",
    **{label: partial(_with_interval, key) for key, label in _PREDICTORS.items()},
    "n": "n",
}
_MODELS = {
    "model": "model", "family": "family",
    "parameters (million)": lambda row: number(row["parameters"] / 1e6, ".1f"),
    "log2 paths": "log2_paths:.2f", "effective depth": "depth:.2f", "log2 width": "log2_width:.2f",
    "shortest path": "shortest", "longest path": "longest", "top-1 (%)": "top1:.2f",
}  # fmt: skip
_NOTE = (
    "95 % bootstrap intervals: over whole families in the first two rows, over models in a "
    "family's own. Within families: ranks are taken in each family of four models or more. "
    "Empty: one side is the same for all."
)
_CAPTION = "torchvision's classifiers: effective depth, width and ImageNet top-1 accuracy"
_NAMED = 3  # models that a family needs for its line to be named in the figure


def section(sources: Sources) -> Parts:
    """The classifiers' table, what orders them, and the figure."""
    for run in sources.of_kind("models"):
        yield run
        rhos = [found | {"name": n} for n, found in run.result["spearman_with_top1"].items()]
        caption = "Spearman's rho with the ImageNet top-1 accuracy of the first published weights"
        yield Table.of("models_spearman", caption, rhos, _SPEARMAN, _NOTE)
        caption = "Paths of torchvision's classifiers"
        yield Table.of("models", caption, run.result["models"], _MODELS)
        if run.name.endswith("torchvision"):
            caption = (
                "torchvision's classifiers: effective depth, width and ImageNet top-1 accuracy"
            )
            yield Image.of(run, "models", caption, draw_models)


def draw_models(run: Record) -> Figure:
    """Effective depth against log2 width, a line per family, colour the top-1 accuracy."""
    result = run.result
    rows = [row for row in result["models"] if None not in (row["top1"], row["log2_width"])]
    figure = new_figure(6.6, 4.4)
    axis = figure.subplots()
    rows.sort(key=lambda row: (row["family"], row["depth"], row["log2_width"]))
    for family, members in groupby(rows, key=lambda row: row["family"]):
        points = np.array([(row["depth"], row["log2_width"]) for row in members])
        axis.plot(*points.T, color="0.75", linewidth=0.8, zorder=1)
        if len(points) >= _NAMED:
            axis.annotate(
                family.replace("_", " "), points[-1], (4, -9), textcoords="offset points",
                fontsize=7, color="0.3", bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0},
            )  # fmt: skip
    values = np.array([(row["depth"], row["log2_width"], row["top1"]) for row in rows])
    dots = axis.scatter(*values[:, :2].T, c=values[:, 2], s=26, cmap="viridis", lw=0, zorder=2)
    figure.colorbar(dots, ax=axis, label="ImageNet top-1 (%)")
    rho = result["spearman_with_top1"]["all"]
    shown = ", ".join(f"{_PREDICTORS[k]} {rho[k]['rho']:.2f}" for k in ("depth", "log2_width"))
    axis.set(xlabel="effective depth", ylabel="log2 effective width")
    axis.set_title(f"{len(rows)} classifiers; Spearman with top-1: {shown}")
    return figure
