"""What predicts how fast, and how well, a topology trains: every code of three layers."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from report.draw_topologies import draw_depth_width
from report.style import COLOURS, new_figure


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Columns of topologies.csv, one row per distinct network: codes with dead edges left out."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["code"] == row["network"]]
    text = ("code", "network")
    return {k: np.array([r[k] if k in text else float(r[k]) for r in rows]) for k in rows[0]}


def draw_topologies(table: Mapping[str, np.ndarray], found: Mapping, dataset: str) -> Figure:
    """Accuracy by (depth, width) as in Fig. 5, and speed against lambda_min of both kernels.

    Args:
        table: of `read_table`.
        found: "topologies" of the run's result.
        dataset: its images.
    """
    figure = new_figure(9.6, 3.1)
    shape, nngp, ntk = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    valid = table["depth"] > 0
    columns = (table[key][valid] for key in ("depth", "width", "train_accuracy"))
    draw_depth_width(shape, *columns, f"training accuracy, {dataset}")
    taus = found["convergence speed"]["kendall_tau"]
    for panel, key, label, predictor in (
        (nngp, "lambda_min", "NNGP", "lambda_min, NNGP exact"),
        (ntk, "lambda_min_ntk", "NTK", "lambda_min, NTK"),
    ):
        for reached, marker in ((True, "o"), (False, "x")):
            rows = (table["reached"] == 1) == reached
            if not rows.any():
                continue
            name = "goal reached by all seeds" if reached else "not by all: the whole training"
            panel.scatter(
                table[key][rows], table["steps_to_goal"][rows], s=12, marker=marker,
                color=COLOURS[0 if reached else 1], alpha=0.5, linewidths=0.8, label=name,
            )  # fmt: skip
        panel.set(xscale="log", yscale="log", xlabel=f"smallest eigenvalue, {label}")
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        panel.set_title(f"Kendall's tau with speed: {taus[predictor]['tau']:.2f}", fontsize=9)
    nngp.set_ylabel("steps to the goal")
    ntk.legend(fontsize=7)
    return figure


def topologies_table(found: Mapping) -> str:
    """Markdown tables of Kendall's taus and multiple correlations."""
    targets = ("convergence speed", "test accuracy")
    lines = [
        f"{found['codes']} codes, {found['networks']} different networks, "
        f"{found['different_kernels']} different kernels. Convergence speed is minus the steps to "
        f"{found['goal']:g} % training accuracy. 95 % bootstrap intervals over kernels.",
        "",
        "| Kendall's tau with | convergence speed | test accuracy |",
        "| --- | ---: | ---: |",
    ]
    for name in found[targets[0]]["kendall_tau"]:
        cells = [found[t]["kendall_tau"][name] for t in targets]
        shown = (f"{c['tau']:.2f} {show_interval(c['interval'])}" for c in cells)
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines += ["", "| multiple correlation R | convergence speed | test accuracy |"]
    lines.append("| --- | ---: | ---: |")
    for name in found[targets[0]]["regressions"]:
        for kind, key in (("R", "r"), ("held out", "cross_validated")):
            cells = []
            for target in targets:
                fit = found[target]["regressions"][name]
                value = fit["r"] if key == "r" else fit["cross_validated_r"]
                cells.append(f"{value:.2f} {show_interval(fit[f'{key}_interval'])}")
            lines.append(f"| {name}: {kind} | {' | '.join(cells)} |")
    gains = " | ".join(show_interval(found[target]["gain_interval"]) for target in targets)
    lines.append(f"| gain in R by the kernel | {gains} |")
    return "\n".join(lines) + "\n"


def show_interval(bounds: tuple[float, float]) -> str:
    """An interval such as [0.57, 0.81]."""
    return f"[{bounds[0]:.2f}, {bounds[1]:.2f}]"
