"""NAS-Bench-201's topologies: a figure of the record that `python -m wot_dag.topologies` makes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from report.draw_topologies import draw_prediction

_PREDICTED = "predicted by "


def draw_nasbench_topologies(folder: Path, accuracy: str) -> Figure:
    """The topologies with depth > 0 of a run's topologies.csv: the others hold no convolution.

    Args:
        folder: the run's.
        accuracy: the data set whose accuracies were predicted, the first of the result.
    """
    with (folder / "topologies.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if float(row["depth"]) > 0]
    table = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key != "code"}
    predicted = {
        key.removeprefix(_PREDICTED): values
        for key, values in table.items()
        if key.startswith(_PREDICTED)
    }
    return draw_prediction(table["depth"], table["width"], table[accuracy], predicted, accuracy)
