"""Kernels of DAGs and training predicted from them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from report.records import Record
from report.sections import Image, Parts, Sources
from report.style import (
    COLOURS,
    add_legend,
    draw_band,
    line_style,
    new_figure,
    new_panels,
    plain_ticks,
    seeds_in_words,
    short,
)
from report.tables import ABSENT, Cell, Table, general, number

_SMALLEST = "smallest_eigenvalue"
_EIGENVALUES = {
    "images": "run.dataset", "DAG": "name", "lambda_min, NNGP exact": f"exact.{_SMALLEST}:.3g",
    "lambda_min, NNGP paper form": f"paper.{_SMALLEST}:.3g", "Eq. 12": "eq12_bound:.3g",
    "lambda_min, NTK": f"ntk.{_SMALLEST}:.3g",
    "Eq. 12 / lambda_min": lambda row: _ratio(row["eq12_bound"], row["exact"][_SMALLEST]),
    "lambda_max, exact / paper form":
        lambda row: _ratio(*(row[form]["eigenvalues"][0] for form in ("exact", "paper"))),
    "lambda_min, paper form off by (%)": lambda row: _off(row["paper"], row["exact"]),
    "condition number, NNGP": lambda row: _condition(row["exact"]),
    "condition number, NTK": lambda row: _condition(row["ntk"]),
    "images in the kernel": "run.result.kernel_samples",
}  # fmt: skip
_ERRORS = {
    "images": "run.dataset", "DAG": "name",
    "mean error (%)": lambda row: number(100 * row["training"]["mean_relative_error"]),
    "largest error (%)": lambda row: number(100 * row["training"]["largest_relative_error"]),
    "width": "run.result.width", "images trained on": "run.result.samples",
    "steps": "run.result.steps", "n": lambda row: len(row["run"].result["seeds"]),
}  # fmt: skip
_ACROSS = 4  # panels in a row


def section(sources: Sources) -> Parts:
    """Eigenvalues, and the loss that the NTK predicts, of each DAG of each run."""
    runs = sources.of_kind("theory")
    dags = [
        row | {"run": run, "name": name} for run in runs for name, row in run.result["dags"].items()
    ]
    if runs:
        note = "NNGP in units of the paper form, whose diagonal is the number of paths."
        yield Table.of("theory_eigenvalues", "Eigenvalues of the kernels", dags, _EIGENVALUES, note)
        caption = "Relative error of the loss that the NTK predicts, over gradient descent"
        yield Table.of("theory_predictions", caption, dags, _ERRORS)
    for run in runs:
        yield run
        yield Image.of(run, "spectra", f"{run.dataset}: eigenvalues of the kernels", draw_spectra)
        caption = f"{run.dataset}: loss predicted by the NTK, and measured"
        yield Image.of(run, "training", caption, draw_training)


def _ratio(a: float, b: float) -> Cell:
    return general(a / b) if b else ABSENT


def _off(found: Mapping, exact: Mapping) -> Cell:
    a, b = found[_SMALLEST], exact[_SMALLEST]
    return general(100 * abs(a / b - 1)) if b else ABSENT


def _condition(kernel: Mapping) -> Cell:
    return general(kernel["condition_number"]) or "singular"


def draw_spectra(run: Record) -> Figure:
    """Eigenvalues of the NNGP kernels, exact (solid) and paper form (dashed), and of the NTKs."""
    figure = new_figure(7.2, 3.0)
    nngp, ntk = figure.subplots(1, 2)
    for i, (name, row) in enumerate(run.result["dags"].items()):
        style = line_style(i)
        ranks = np.arange(1, len(row["exact"]["eigenvalues"]) + 1)
        paper = style | ({"linestyle": "--"} if i < len(COLOURS) else {})
        nngp.loglog(ranks, row["exact"]["eigenvalues"], **style)
        nngp.loglog(ranks, row["paper"]["eigenvalues"], lw=0.8, alpha=0.7, **paper)
        ntk.loglog(ranks, row["ntk"]["eigenvalues"], label=name, **style)
    nngp.set(title="NNGP", xlabel="rank", ylabel="eigenvalue")
    ntk.set(title="NTK", xlabel="rank")
    forms = [Line2D([], [], color="0.3", ls=ls) for ls in ("-", "--")]
    add_legend(ntk, loc="lower left")
    nngp.legend(forms, ["exact", "paper form"], loc="lower left")
    figure.suptitle(f"{run.dataset}: kernels of {run.result['kernel_samples']} images")
    return figure


def draw_training(run: Record) -> Figure:
    """Measured loss (mean and range over seeds) and the prediction from the NTK, one panel each."""
    result, dags = run.result, run.result["dags"]
    figure, panels = new_panels(len(dags), _ACROSS, 2.5, 2.4, 0.3, sharex=True)
    steps = np.arange(result["steps"] + 1)
    for i, (panel, (name, row)) in enumerate(zip(panels, dags.items())):
        colour = COLOURS[i % len(COLOURS)]
        measured, predicted = (np.array(row["training"][k]) for k in ("measured", "predicted"))
        mean, low, high = measured.mean(0), measured.min(0), measured.max(0)
        draw_band(panel, steps, mean, low, high, color=colour, label="measured")
        panel.semilogy(steps, predicted.mean(0), color="black", ls=":", lw=1.6, label="predicted")
        plain_ticks(panel.yaxis)
        error = 100 * row["training"]["mean_relative_error"]
        panel.set(title=f"{short(name, 20)}: mean error {error:.1f} %")
        panel.set_xlabel("step of gradient descent")
    for panel in panels[::_ACROSS]:
        panel.set_ylabel("training loss")
    panels[0].legend()
    seeds = len(result["seeds"])
    what = f"{'mean and range over' if seeds > 1 else 'of'} {seeds_in_words(seeds)}"
    images = f"{result['samples']} images, width {result['width']}"
    figure.suptitle(f"{run.dataset}: {images}, {what}")
    return figure
