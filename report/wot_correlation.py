"""WOT: does the score predict accuracy?"""

import csv
import gzip
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from report.records import Record, by_n
from report.sections import Image, Parts, Sources
from report.style import COLOURS, new_figure
from report.tables import Table, measured

_COLUMNS = {
    "accuracy": "accuracy", "predictor": "name", "images": "run.dataset",
    "seeds of the score": "run.score_seeds", "Kendall's tau": "kendall:.2f",
    "Spearman's rho": "spearman:.2f", "n": "run.result.n",
}  # fmt: skip
_KEPT = {
    "list": "list", "score": "run.result.method", "filter": "filter",
    "fraction": "fraction?:.3g", "kept": "n", "accuracy": measured, "best": "best?:.2f",
    "found by searches": "searched?:.2f",
}  # fmt: skip
_KEPT_OF = (
    "What filters keep of lists of genotypes, and what a search by the score finds behind them"
)
_LISTS = (
    "nds_darts_*: DARTS-like cells of Network Design Spaces (Radosavovic et al., 2019) with their "
    "top-1 accuracy on ImageNet, as github.com/leeyeehoo/GenNAS-Zero has them at commit "
    "94f7b88e18 in data/download_data/nds_data: in_50_epochs is DARTS_in.json, whose networks "
    "differ in width and depth; size_removed, the same less what these two explain (least "
    "squares, second order in their logarithms); fix_5_epochs, the beginning of "
    "DARTS_fix-w-d_in.json, networks of one size. Found by searches: the expected accuracy."
)
_DATA = "architectures.csv.gz"


def section(sources: Sources) -> Parts:
    """Rank correlations of the score and of simpler predictors with test accuracy."""
    runs = by_n(sources.of_kind("wot_correlation"))
    rows = [
        row | {"run": run, "accuracy": _accuracy(dataset, run), "name": _named(predictor, run)}
        for run in runs
        for dataset, predictors in run.result["datasets"].items()
        for predictor, row in predictors.items()
    ]
    if rows:
        found = Table.of("wot_correlation", "Rank correlation with test accuracy", rows, _COLUMNS)
        yield _once(found)
    kept = [
        row | {"run": run, "list": _accuracy(dataset, run), "filter": name}
        for run in runs
        for dataset, filters in run.result.get("kept", {}).items()
        for name, row in filters.items()
    ]
    if kept:
        yield _once(Table.of("kept_of_lists", _KEPT_OF, kept, _KEPT, _LISTS))
    for run in runs:
        yield run
        caption = f"Test accuracy against {run.result['method']}'s score, {run.result['n']} cells"
        if (run.folder / _DATA).exists():
            yield Image.of(run, "scatter", caption, draw_scatter)


def _accuracy(dataset: str, run: Record) -> str:
    """Of what: a data set, or a list of genotypes by its name."""
    table = run.result["table"]
    return table["name"] if table and run.result["network"]["space"] == "darts" else dataset


def _once(table: Table) -> Table:
    """A list that was filtered by several fractions has some rows in each of its records."""
    return replace(table, rows=tuple(dict.fromkeys(table.rows)))


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
    figure = new_figure(3.2 * len(datasets), 2.9)
    axes = figure.subplots(1, len(datasets), squeeze=False)[0]
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
