"""What predicts how fast, and how well, a topology trains: taus and R over different kernels."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from common import statistics

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


def analyse(rows: Sequence[Mapping], samples: int) -> dict:
    """Kendall's tau and multiple correlations with 95 % bootstrap intervals over kernels.

    Convergence speed is minus the steps to the goal. Networks whose kernels are equal are drawn
    together, and never stand on both sides of a cross-validation split: their features are the
    same, and each would tell the other's speed. Of the rows of `topologies.tabulate` one per
    distinct network is looked at; `samples` are those of the bootstrap.
    """
    rows = [row for row in rows if row["code"] == row["network"]]
    keys = [key for key in rows[0] if key not in ("code", "network")]
    table = {key: np.array([float(row[key]) for row in rows]) for key in keys}
    groups = statistics.equal_rows(table["lambda_min"], table["mean_correlation"])
    shape, kernel = (np.column_stack([table[key] for key in keys]) for keys in (SHAPE, KERNEL))
    sets = {"depth, width": shape, "depth, width, kernel": kernel}
    speed, accuracy = -table["steps_to_goal"], table["test_accuracy"]
    found: dict = {"networks": len(rows), "different_kernels": int(groups.max()) + 1}
    for target, y in (("convergence speed", speed), ("test accuracy", accuracy)):
        taus = {}
        for name, key in PREDICTORS.items():
            tau = partial(_tau, table[key], y)
            interval = statistics.bootstrap_interval(tau, groups, samples)
            taus[name] = {"tau": tau(slice(None)), "interval": interval}
        found[target] = {
            "kendall_tau": taus,
            "regressions": statistics.regressions(sets, y, groups, samples),
            "gain_interval": statistics.gain_interval(shape, kernel, y, groups, samples),
        }
    return found


def _tau(x: np.ndarray, y: np.ndarray, rows: np.ndarray | slice) -> float:
    return statistics.kendall_tau(x[rows], y[rows])
