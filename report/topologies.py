"""What predicts how fast, and how well, a topology trains: MLPs, and NAS-Bench-201's cells."""

import csv
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from report.fig5 import draw_circles
from report.records import Record
from report.sections import Image, Parts, Sources
from report.style import COLOURS, new_figure, plain_ticks
from report.tables import Table, interval

_SPEED, _ACCURACY = "convergence speed", "test accuracy"
_TAUS = {
    "predictor": "name", "tau, speed": f"{_SPEED}.tau:.2f", "95 %, speed": f"{_SPEED}.interval:[]",
    "tau, test accuracy": f"{_ACCURACY}.tau:.2f", "95 %, accuracy": f"{_ACCURACY}.interval:[]",
    "n": "n",
}  # fmt: skip
_FITS = {
    "predictors": "name", "R, speed": f"{_SPEED}.r:.2f",
    "held out, speed": f"{_SPEED}.cross_validated_r:.2f", "R, test accuracy": f"{_ACCURACY}.r:.2f",
    "held out, accuracy": f"{_ACCURACY}.cross_validated_r:.2f", "n": "n",
}  # fmt: skip
_CELLS = {
    "accuracy": "accuracy", "topologies": "subset", "predictors": "predictors", "R": "fit.r:.2f",
    "held out": "fit.cross_validated_r:.2f", "different kernels": "found.different_kernels",
    "n": "found.topologies",
}  # fmt: skip
_KERNELS = {  # column of topologies.csv -> label, predictor
    "lambda_min": ("NNGP", "lambda_min, NNGP exact"),
    "lambda_min_ntk": ("NTK", "lambda_min, NTK"),
}
_PREDICTED = "predicted by "


def section(sources: Sources) -> Parts:
    """Two tables and a figure for each run."""
    for run in sources.of_kind("topologies"):
        found = run.result["topologies"]
        yield run
        caption = f"{run.dataset}: Kendall's tau over {found['networks']} different networks"
        note = (
            f"The networks are those of {found['codes']} codes. Convergence speed is minus the "
            f"steps to {found['goal']:g} % training accuracy. Intervals: bootstrap over "
            f"{found['different_kernels']} different kernels."
        )
        yield Table.of(f"{run.key}_tau", caption, _by_name(found, "kendall_tau"), _TAUS, note)
        gains = (f"{what} {interval(found[what]['gain_interval'])}" for what in (_SPEED, _ACCURACY))
        caption = f"{run.dataset}: multiple correlation, and held out by kernel"
        note = f"95 % interval of the kernel's gain in R: {', '.join(gains)}."
        yield Table.of(f"{run.key}_r", caption, _by_name(found, "regressions"), _FITS, note)
        caption = f"{run.dataset}: accuracy by depth and width, speed by smallest eigenvalue"
        yield Image.of(run, "topologies", caption, draw_topologies)


def _by_name(found: Mapping, what: str) -> list[dict]:
    """What was found of each predictor, for both targets."""
    targets = {target: found[target][what] for target in (_SPEED, _ACCURACY)}
    return [
        {"name": name, "n": found["networks"]} | {t: rows[name] for t, rows in targets.items()}
        for name in targets[_SPEED]
    ]


def nasbench(sources: Sources) -> Parts:
    """A row for each accuracy, subset and set of predictors: does a kernel predict accuracy?"""
    runs = sources.of_kind("nasbench201_topologies")
    rows = [
        {"accuracy": accuracy, "subset": subset, "found": found, "predictors": name, "fit": fit}
        for run in runs
        for accuracy, subsets in run.result["results"].items()
        for subset, found in subsets.items()
        for name, fit in found["regressions"].items()
    ]
    caption = "Multiple correlation of a topology's mean accuracy on NAS-Bench-201"
    if rows:
        yield Table.of("nasbench_topologies", caption, rows, _CELLS)
    for run in runs:
        yield run
        caption = f"{run.name}: accuracy of topologies, measured and predicted"
        yield Image.of(run, "topologies", caption, draw_nasbench)


def read_codes(run: Record) -> list[dict[str, str]]:
    """Rows of topologies.csv, one per code."""
    with (run.folder / "topologies.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def read_networks(run: Record) -> dict[str, np.ndarray]:
    """Columns of topologies.csv, one row per distinct network: codes with dead edges left out."""
    return _columns([row for row in read_codes(run) if row["code"] == row["network"]])


def _columns(rows: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    names = [name for name in rows[0] if name not in ("code", "network")]
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def draw_topologies(run: Record) -> Figure:
    """Accuracy by (depth, width) as in Fig. 5, and speed against lambda_min of both kernels."""
    table, found = read_networks(run), run.result["topologies"]
    figure = new_figure(9.6, 3.1)
    shape, *panels = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    valid = table["depth"] > 0
    columns = (table[key][valid] for key in ("depth", "width", "train_accuracy"))
    draw_depth_width(shape, *columns, f"training accuracy, {run.dataset}")
    for panel, (key, (label, predictor)) in zip(panels, _KERNELS.items()):
        _draw_speed(panel, table, key)
        panel.set(xscale="log", yscale="log", xlabel=f"smallest eigenvalue, {label}")
        plain_ticks(panel.xaxis, panel.yaxis)
        tau = found[_SPEED]["kendall_tau"][predictor]["tau"]
        panel.set_title(f"Kendall's tau with speed: {tau:.2f}")
    panels[0].set_ylabel("steps to the goal")
    panels[-1].legend(fontsize=7)
    return figure


def _draw_speed(panel: Axes, table: Mapping[str, np.ndarray], key: str) -> None:
    labels = {1: "goal reached by all seeds", 0: "not by all: the whole training"}
    for reached, label in labels.items():
        rows = table["reached"] == reached
        if rows.any():
            panel.scatter(
                table[key][rows], table["steps_to_goal"][rows], s=12, marker="xo"[reached],
                color=COLOURS[1 - reached], alpha=0.5, linewidths=0.8, label=label,
            )  # fmt: skip


def draw_depth_width(
    panel: Axes, depth: np.ndarray, width: np.ndarray, accuracy: np.ndarray, name: str
) -> None:
    """A circle at each (depth, width): mean accuracy [n] as colour, its deviation as size."""
    points, index = np.unique(np.round([depth, width], 9), axis=1, return_inverse=True)
    groups = [accuracy[index.ravel() == i] for i in range(points.shape[1])]
    mean, std = np.array([(group.mean(), group.std()) for group in groups]).T
    draw_circles(panel, *points, mean, std)
    panel.set_title(f"{name}\n{len(accuracy)} topologies; size: std up to {std.max():.1f} %")


def draw_nasbench(run: Record) -> Figure:
    """Accuracy by (depth, width), and against each prediction; of topologies with depth > 0."""
    name, found = next(iter(run.result["results"].items()))
    fits = found["with depth > 0"]["regressions"]
    table = _columns([row for row in read_codes(run) if float(row["depth"]) > 0])
    accuracy = table[name]
    predicted = {key: table[key] for key in table if key.startswith(_PREDICTED)}
    figure = new_figure(3.4 * (len(predicted) + 1), 3.2)
    shape, *panels = figure.subplots(
        1, len(predicted) + 1, width_ratios=[1.2] + [1] * len(predicted)
    )
    draw_depth_width(shape, table["depth"], table["width"], accuracy, name)
    every = np.array([accuracy, *predicted.values()])
    limits = every.min() - 1, every.max() + 1
    step = 5 if limits[1] - limits[0] > 12 else 1
    for panel, (key, values) in zip(panels, predicted.items()):
        panel.axline((accuracy.mean(),) * 2, slope=1, color="0.6", linewidth=0.8, zorder=1)
        panel.scatter(values, accuracy, s=11, color=COLOURS[0], alpha=0.45, lw=0)
        predictors = key.removeprefix(_PREDICTED)
        held_out = f"held-out R = {fits[predictors]['cross_validated_r']:.2f}"
        panel.set(xlim=limits, ylim=limits, aspect="equal", xlabel="predicted accuracy (%)",
                  title=f"{predictors}\n{held_out}")  # fmt: skip
        panel.xaxis.set_major_locator(MultipleLocator(step))
        panel.yaxis.set_major_locator(MultipleLocator(step))
    panels[0].set_ylabel("measured accuracy (%)")
    return figure
