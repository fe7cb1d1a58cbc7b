"""What predicts how fast, and how well, a topology trains: every code of three layers."""

import csv
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from report.draw_topologies import draw_depth_width
from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import COLOURS, new_figure, plain_ticks
from report.tables import Cell, Number, Table, interval

_TARGETS = ("convergence speed", "test accuracy")
_TAUS = ("predictor", "tau, speed", "95 %, speed", "tau, test accuracy", "95 %, accuracy", "n")
_FITS = ("predictors", "R, speed", "held out, speed", "R, test accuracy", "held out, accuracy",
         "n")  # fmt: skip
_PANELS = (
    ("lambda_min", "NNGP", "lambda_min, NNGP exact"),
    ("lambda_min_ntk", "NTK", "lambda_min, NTK"),
)


@headed("topologies", "Every topology of three layers", "bash scripts/topologies.sh digits")
def section(sources: Sources) -> Parts:
    """Two tables and a figure for each run."""
    for run in sources.of_kind("topologies"):
        yield run
        yield _taus(run)
        yield _fits(run)
        caption = f"{run.dataset}: accuracy by depth and width, speed by smallest eigenvalue"
        yield Image.of(run, "topologies", caption, draw_topologies)


def _taus(run: Record) -> Table:
    found = run.result["topologies"]
    rows = []
    for name in found[_TARGETS[0]]["kendall_tau"]:
        cells: list[Cell] = [name]
        for target in _TARGETS:
            row = found[target]["kendall_tau"][name]
            cells += [Number(row["tau"]), interval(row["interval"])]
        rows.append((*cells, found["networks"]))
    caption = f"{run.dataset}: Kendall's tau over {found['networks']} different networks"
    note = (
        f"The networks are those of {found['codes']} codes. Convergence speed is minus the steps "
        f"to {found['goal']:g} % training accuracy. "
        f"Intervals: bootstrap over {found['different_kernels']} different kernels."
    )
    return Table(f"{run.key}_tau", caption, _TAUS, tuple(rows), note)


def _fits(run: Record) -> Table:
    found = run.result["topologies"]
    rows = []
    for predictors in found[_TARGETS[0]]["regressions"]:
        cells: list[Cell] = [predictors]
        for target in _TARGETS:
            fit = found[target]["regressions"][predictors]
            cells += [Number(fit["r"]), Number(fit["cross_validated_r"])]
        rows.append((*cells, found["networks"]))
    gains = (f"{target} {interval(found[target]['gain_interval'])}" for target in _TARGETS)
    caption = f"{run.dataset}: multiple correlation, and held out by kernel"
    note = f"95 % interval of the kernel's gain in R: {', '.join(gains)}."
    return Table(f"{run.key}_r", caption, _FITS, tuple(rows), note)


def read_codes(run: Record) -> list[dict[str, str]]:
    """Rows of topologies.csv, one per code."""
    with (run.folder / "topologies.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def read_networks(run: Record) -> dict[str, np.ndarray]:
    """Columns of topologies.csv, one row per distinct network: codes with dead edges left out."""
    rows = [row for row in read_codes(run) if row["code"] == row["network"]]
    text = ("code", "network")
    return {k: np.array([r[k] if k in text else float(r[k]) for r in rows]) for k in rows[0]}


def draw_topologies(run: Record) -> Figure:
    """Accuracy by (depth, width) as in Fig. 5, and speed against lambda_min of both kernels."""
    table, found = read_networks(run), run.result["topologies"]
    figure = new_figure(9.6, 3.1)
    shape, *panels = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    valid = table["depth"] > 0
    columns = (table[key][valid] for key in ("depth", "width", "train_accuracy"))
    draw_depth_width(shape, *columns, f"training accuracy, {run.dataset}")
    taus = found["convergence speed"]["kendall_tau"]
    for panel, (key, label, predictor) in zip(panels, _PANELS):
        _draw_speed(panel, table, key)
        panel.set(xscale="log", yscale="log", xlabel=f"smallest eigenvalue, {label}")
        plain_ticks(panel.xaxis, panel.yaxis)
        panel.set_title(f"Kendall's tau with speed: {taus[predictor]['tau']:.2f}", fontsize=9)
    panels[0].set_ylabel("steps to the goal")
    panels[-1].legend(fontsize=7)
    return figure


def _draw_speed(panel: object, table: Mapping[str, np.ndarray], key: str) -> None:
    names = {True: "goal reached by all seeds", False: "not by all: the whole training"}
    for reached, marker in ((True, "o"), (False, "x")):
        rows = (table["reached"] == 1) == reached
        if rows.any():
            panel.scatter(
                table[key][rows], table["steps_to_goal"][rows], s=12, marker=marker,
                color=COLOURS[0 if reached else 1], alpha=0.5, linewidths=0.8,
                label=names[reached],
            )  # fmt: skip
