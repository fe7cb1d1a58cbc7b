"""What predicts how fast, and how well, a topology trains: every code of three layers."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from report.draw_topologies import draw_depth_width
from report.statistics import bootstrap_interval, gain_interval, kendall_tau, regressions
from report.style import COLOURS, new_figure

PREDICTORS = {
    "effective depth": "depth",
    "effective width": "width",
    "number of paths": "paths",
    "lambda_min, NNGP exact": "lambda_min",
    "lambda_min, NNGP paper form": "lambda_min_paper",
    "lambda_min, NTK": "lambda_min_ntk",
    "lambda_min, normalized NNGP": "lambda_min_normalized",
    "condition number, NNGP": "condition_number",
    "condition number, NTK": "condition_number_ntk",
    "mean correlation": "mean_correlation",
}
SHAPE = ("depth", "width")
KERNEL = (*SHAPE, "lambda_min_normalized", "mean_correlation")


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Columns of topologies.csv, one row per distinct network: codes with dead edges left out."""
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if row["code"] == row["network"]]
    text = ("code", "network")
    return {k: np.array([r[k] if k in text else float(r[k]) for r in rows]) for k in rows[0]}


def analyse(table: Mapping[str, np.ndarray], samples: int = 1000) -> dict:
    """Kendall's tau and multiple correlations with 95 % bootstrap intervals over kernels.

    Convergence speed is minus the steps to the goal. Networks whose kernels are equal are drawn
    together, and never stand on both sides of a cross-validation split.
    """
    keys = ("lambda_min", "mean_correlation", "paths")
    _, groups = np.unique([table[key].round(12) for key in keys], axis=1, return_inverse=True)
    groups = groups.ravel()
    targets = {
        "convergence speed": -table["steps_to_goal"],
        "test accuracy": table["test_accuracy"],
    }
    sets = {
        "depth, width": np.column_stack([table[key] for key in SHAPE]),
        "depth, width, kernel": np.column_stack([table[key] for key in KERNEL]),
    }
    found: dict = {"networks": len(groups), "different_kernels": len(np.unique(groups))}
    for name, y in targets.items():
        base, full = sets.values()
        found[name] = {
            "kendall_tau": _taus(table, y, groups, samples),
            "regressions": {
                k: r._asdict() for k, r in regressions(sets, y, groups, samples).items()
            },
            "gain_interval": gain_interval(base, full, y, groups, samples),
        }
    return found


def _taus(
    table: Mapping[str, np.ndarray], y: np.ndarray, groups: np.ndarray, samples: int
) -> dict[str, dict]:
    taus = {}
    for name, key in PREDICTORS.items():
        x = table[key]

        def tau(rows: np.ndarray, x: np.ndarray = x) -> float:
            return kendall_tau(x[rows], y[rows])

        interval = bootstrap_interval(tau, groups, samples)
        taus[name] = {"tau": kendall_tau(x, y), "interval": interval}
    return taus


def draw_topologies(table: Mapping[str, np.ndarray], dataset: str) -> Figure:
    """Accuracy by (depth, width) as in Fig. 5, and speed against lambda_min of both kernels."""
    figure = new_figure(9.6, 3.1)
    shape, nngp, ntk = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
    valid = table["depth"] > 0
    columns = (table[key][valid] for key in ("depth", "width", "train_accuracy"))
    draw_depth_width(shape, *columns, f"training accuracy, {dataset}")
    for panel, key, label in ((nngp, "lambda_min", "NNGP"), (ntk, "lambda_min_ntk", "NTK")):
        for reached, marker in ((True, "o"), (False, "x")):
            rows = (table["reached"] == 1) == reached
            if not rows.any():
                continue
            name = "goal reached by all seeds" if reached else "not by all: the whole training"
            panel.scatter(
                table[key][rows], table["steps_to_goal"][rows], s=12, marker=marker,
                color=COLOURS[0 if reached else 1], alpha=0.5, linewidths=0.8, label=name,
            )  # fmt: skip
        tau = kendall_tau(table[key], -table["steps_to_goal"])
        panel.set(xscale="log", yscale="log", xlabel=f"smallest eigenvalue, {label}")
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        panel.set_title(f"Kendall's tau with speed: {tau:.2f}", fontsize=9)
    nngp.set_ylabel("steps to the goal")
    ntk.legend(fontsize=7)
    return figure


def topologies_table(found: Mapping, summary: Mapping) -> str:
    """Markdown tables of Kendall's taus and multiple correlations."""
    targets = ("convergence speed", "test accuracy")
    lines = [
        f"{summary['codes']} codes, {found['networks']} different networks, "
        f"{found['different_kernels']} different kernels. Convergence speed is minus the steps to "
        f"{summary['goal']:g} % training accuracy. 95 % bootstrap intervals over kernels.",
        "",
        "| Kendall's tau with | convergence speed | test accuracy |",
        "| --- | ---: | ---: |",
    ]
    for name in PREDICTORS:
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
