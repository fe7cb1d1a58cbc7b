"""WOT: does the score predict accuracy?"""

import csv
import gzip

import numpy as np
from matplotlib.figure import Figure

from report.records import Record, by_n
from report.sections import Image, Parts, Sources
from report.style import COLOURS, new_panels
from report.tables import Table

_COLUMNS = {
    "accuracy": "accuracy", "predictor": "name", "images": "run.dataset",
    "seeds of the score": "run.score_seeds", "Kendall's tau": "kendall:.2f",
    "Spearman's rho": "spearman:.2f", "n": "run.result.n",
}  # fmt: skip
_DATA = "architectures.csv.gz"


def section(sources: Sources) -> Parts:
    """Rank correlations of the score and of simpler predictors with test accuracy."""
    runs = by_n(sources.of_kind("wot_correlation"))
    rows = [
        row | {"run": run, "accuracy": dataset, "name": _named(predictor, run)}
        for run in runs
        for dataset, predictors in run.result["datasets"].items()
        for predictor, row in predictors.items()
    ]
    if rows:
        yield Table.of("wot_correlation", "Rank correlation with test accuracy", rows, _COLUMNS)
    for run in runs:
        yield run
        caption = f"Test accuracy against {run.result['method']}'s score, {run.result['n']} cells"
        if (run.folder / _DATA).exists():
            yield Image.of(run, "scatter", caption, draw_scatter)


def _named(predictor: str, run: Record) -> str:
    """The score by its name, but for WOT's, of which the section is."""
    method = run.result["method"]
    return f"{predictor}: {method}" if predictor == "score" and method != "WOT" else predictor


def draw_scatter(run: Record) -> Figure:
    """Accuracy against the score, one panel per dataset, with tau and rho."""
    with gzip.open(run.folder / _DATA, "rt", newline="") as handle:
        header, *rows = csv.reader(handle)
    columns = dict(zip(header, zip(*rows)))
    score, datasets = np.array(columns["score"], float), run.result["datasets"]
    figure, axes = new_panels(len(datasets), len(datasets), 3.2, 2.9)
    finite = np.isfinite(score)
    for axis, (name, found) in zip(axes, datasets.items()):
        accuracy = np.array(columns[name], float)
        axis.scatter(score[finite], accuracy[finite], s=2, alpha=0.2, lw=0, color=COLOURS[0],
                     rasterized=True)  # fmt: skip
        tau, rho = found["score"]["kendall"], found["score"]["spearman"]
        axis.set_title(f"{name}\nKendall {tau:.2f}, Spearman {rho:.2f}")
        label = "log|det K|" if run.result["method"] == "WOT" else run.result["method"]
        axis.set_xlabel(f"score {label}")
    axes[0].set_ylabel("test accuracy (%)")
    return figure
