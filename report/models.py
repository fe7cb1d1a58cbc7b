"""Depth and width of published image classifiers, beside their ImageNet accuracy."""

from collections.abc import Mapping
from functools import partial
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure

from report.records import Record, by_n
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


def _millions(count: int | None) -> Cell:
    return ABSENT if count is None else number(count / 1e6, ".1f")


_SPEARMAN = {
    "models": "name",
    **{label: partial(_with_interval, key) for key, label in _PREDICTORS.items()},
    "n": "n",
}
_MODELS = {
    "model": "model", "family": "family",
    "parameters (million)": lambda row: _millions(row["parameters"]),
    "log2 paths": "log2_paths:.2f", "effective depth": "depth:.2f", "log2 width": "log2_width:.2f",
    "shortest path": "shortest", "longest path": "longest", "top-1 (%)": "top1:.2f",
}  # fmt: skip
_NOTE = (
    "95 % bootstrap intervals: over whole families in the first two rows, over models in a "
    "family's own. Within families: ranks are taken in each family of four models or more. "
    "Empty: one side is the same for all."
)
_NAMED = 3  # models that a family needs for its line to be named in the figure


def of_torchvision(sources: Sources) -> list[Record]:
    """The run of the most classifiers of torchvision and of nothing else; none if there is none."""
    return by_n(run for run in sources.of_kind("models") if run.space == "torchvision")[:1]


def section(sources: Sources) -> Parts:
    """The models' table, what orders them where accuracies are known, torchvision's figure."""
    classifiers = of_torchvision(sources)
    for run in sources.of_kind("models"):
        yield run
        own = run not in classifiers
        key, whose = (run.key, run.name) if own else ("models", "torchvision's classifiers")
        rhos = run.result["spearman_with_top1"].items()
        if rows := [found | {"name": name} for name, found in rhos if found["n"]]:
            of = "the ImageNet top-1 accuracy of the first published weights"
            yield Table.of(f"{key}_spearman", f"Spearman's rho with {of}", rows, _SPEARMAN, _NOTE)
        yield Table.of(key, f"Paths of {whose}", run.result["models"], _MODELS)
        if not own:
            caption = f"{whose}: effective depth, width and ImageNet top-1 accuracy"
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
    shown = ", ".join(
        f"{_PREDICTORS[k]} {number(rho[k]['rho']) or 'unknown'}" for k in ("depth", "log2_width")
    )
    axis.set(xlabel="effective depth", ylabel="log2 effective width")
    axis.set_title(f"{len(rows)} classifiers; Spearman with top-1: {shown}")
    return figure
