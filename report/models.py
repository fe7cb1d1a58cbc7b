"""Depth and width of published image classifiers, beside their ImageNet accuracy."""

from collections.abc import Mapping
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure

from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import new_figure
from report.tables import ABSENT, Cell, Number, Table, interval

_PREDICTORS = {
    "depth": "effective depth",
    "log2_width": "log2 width",
    "log2_paths": "log2 paths",
    "longest": "longest path",
    "parameters": "parameters",
}
_NAMED = 3  # models that a family needs for its line to be named in the figure


@headed("models", "Depth and width of torchvision's classifiers", "bash scripts/models.sh")
def section(sources: Sources) -> Parts:
    """The classifiers' table, what orders them, and the figure."""
    caption = "torchvision's classifiers: effective depth, width and ImageNet top-1 accuracy"
    for run in sources.of_kind("models"):
        yield run
        yield _correlations(run)
        yield _classifiers(run)
        if run.name.endswith("torchvision"):
            yield Image.of(run, "models", caption, draw_models)


def _correlations(run: Record) -> Table:
    rows = []
    for name, found in run.result["spearman_with_top1"].items():
        rows.append((name, *(_with_interval(found[key]) for key in _PREDICTORS), found["n"]))
    note = (
        "95 % bootstrap intervals: over whole families in the first two rows, over models in a "
        "family's own. Within families: ranks are taken in each family of four models or more. "
        "Empty: one side is the same for all."
    )
    columns = ("models", *_PREDICTORS.values(), "n")
    caption = "Spearman's rho with the ImageNet top-1 accuracy of the first published weights"
    return Table("models_spearman", caption, columns, tuple(rows), note)


def _with_interval(found: Mapping) -> Cell:
    return ABSENT if found["rho"] is None else f"{found['rho']:.2f} {interval(found['interval'])}"


def _classifiers(run: Record) -> Table:
    rows = [
        (
            row["model"],
            row["family"],
            Number(row["parameters"] / 1e6, spec=".1f"),
            Number(row["log2_paths"]),
            Number(row["depth"]),
            Number(row["log2_width"]),
            row["shortest"],
            row["longest"],
            ABSENT if row["top1"] is None else Number(row["top1"]),
        )
        for row in run.result["models"]
    ]
    columns = ("model", "family", "parameters (million)", "log2 paths", "effective depth",
               "log2 width", "shortest path", "longest path", "top-1 (%)")  # fmt: skip
    return Table("models", "Paths of torchvision's classifiers", columns, tuple(rows))


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
