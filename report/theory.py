"""Kernels of DAGs and training predicted from them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import (
    COLOURS,
    add_legend,
    line_style,
    new_figure,
    new_panels,
    plain_ticks,
    seeds_in_words,
    short,
)
from report.tables import Cell, Number, Table, general

_EIGENVALUES = (
    "images", "DAG", "lambda_min, NNGP exact", "lambda_min, NNGP paper form", "Eq. 12",
    "lambda_min, NTK", "Eq. 12 / lambda_min", "lambda_max, exact / paper form",
    "lambda_min, paper form off by (%)", "condition number, NNGP", "condition number, NTK",
    "images in the kernel",
)  # fmt: skip
_ERRORS = ("images", "DAG", "mean error (%)", "largest error (%)", "width", "images trained on",
           "steps", "n")  # fmt: skip
_ACROSS = 4  # panels in a row


@headed(
    "theory",
    "Exact kernels: what they say, and whether training follows",
    "bash scripts/theory.sh digits",
)
def section(sources: Sources) -> Parts:
    """Eigenvalues, and the loss that the NTK predicts, of each DAG of each run."""
    runs = sources.of_kind("theory")
    dags = [(run, name, row) for run in runs for name, row in run.result["dags"].items()]
    if runs:
        note = "NNGP in units of the paper form, whose diagonal is the number of paths."
        rows = tuple(_eigenvalues(*entry) for entry in dags)
        yield Table("theory_eigenvalues", "Eigenvalues of the kernels", _EIGENVALUES, rows, note)
        caption = "Relative error of the loss that the NTK predicts, over gradient descent"
        rows = tuple(_errors(*entry) for entry in dags)
        yield Table("theory_predictions", caption, _ERRORS, rows)
    for run in runs:
        yield run
        yield Image.of(run, "spectra", f"{run.dataset}: eigenvalues of the kernels", draw_spectra)
        caption = f"{run.dataset}: loss predicted by the NTK, and measured"
        yield Image.of(run, "training", caption, draw_training)


def _eigenvalues(run: Record, name: str, row: Mapping) -> tuple[Cell, ...]:
    smallest = {form: row[form]["smallest_eigenvalue"] for form in ("exact", "paper", "ntk")}
    values = (
        smallest["exact"],
        smallest["paper"],
        row["eq12_bound"],
        smallest["ntk"],
        _ratio(row["eq12_bound"], smallest["exact"]),
        _ratio(row["exact"]["eigenvalues"][0], row["paper"]["eigenvalues"][0]),
        _off(smallest["paper"], smallest["exact"]),
    )
    conditions = [row[form]["condition_number"] for form in ("exact", "ntk")]
    shown = ["singular" if value is None else general(value) for value in conditions]
    kernel = run.result["kernel_samples"]
    return (run.dataset, name, *map(general, values), *shown, kernel)


def _ratio(a: float, b: float) -> float | None:
    return a / b if b else None


def _off(found: float, exact: float) -> float | None:
    return 100 * abs(found / exact - 1) if exact else None


def _errors(run: Record, name: str, row: Mapping) -> tuple[Cell, ...]:
    keys = ("mean_relative_error", "largest_relative_error")
    shown = (Number(100 * row["training"][key]) for key in keys)
    result = run.result
    size = result["width"], result["samples"], result["steps"], len(result["seeds"])
    return (run.dataset, name, *shown, *size)


def draw_spectra(run: Record) -> Figure:
    """Eigenvalues of the NNGP kernels, exact (solid) and paper form (dashed), and of the NTKs."""
    result = run.result
    figure = new_figure(7.2, 3.0)
    nngp, ntk = figure.subplots(1, 2)
    for number, (name, row) in enumerate(result["dags"].items()):
        style = line_style(number)
        ranks = np.arange(1, len(row["exact"]["eigenvalues"]) + 1)
        paper = style | ({"linestyle": "--"} if number < len(COLOURS) else {})
        nngp.loglog(ranks, row["exact"]["eigenvalues"], **style)
        nngp.loglog(ranks, row["paper"]["eigenvalues"], lw=0.8, alpha=0.7, **paper)
        ntk.loglog(ranks, row["ntk"]["eigenvalues"], label=name, **style)
    nngp.set(title="NNGP", xlabel="rank", ylabel="eigenvalue")
    ntk.set(title="NTK", xlabel="rank")
    forms = [Line2D([], [], color="0.3", ls=ls) for ls in ("-", "--")]
    add_legend(ntk, loc="lower left")
    nngp.legend(forms, ["exact", "paper form"], loc="lower left")
    figure.suptitle(f"{run.dataset}: kernels of {result['kernel_samples']} images", fontsize=9)
    return figure


def draw_training(run: Record) -> Figure:
    """Measured loss (mean and range over seeds) and the prediction from the NTK, one panel each."""
    result, dags = run.result, run.result["dags"]
    figure, panels = new_panels(len(dags), _ACROSS, 2.5, 2.4, 0.3, sharex=True)
    steps = np.arange(result["steps"] + 1)
    for number, (panel, (name, row)) in enumerate(zip(panels, dags.items())):
        colour = COLOURS[number % len(COLOURS)]
        measured, predicted = (np.array(row["training"][k]) for k in ("measured", "predicted"))
        panel.fill_between(steps, measured.min(0), measured.max(0), color=colour, alpha=0.2, lw=0)
        panel.semilogy(steps, measured.mean(0), color=colour, label="measured")
        panel.semilogy(steps, predicted.mean(0), color="black", ls=":", lw=1.6, label="predicted")
        plain_ticks(panel.yaxis)
        error = row["training"]["mean_relative_error"]
        panel.set_title(f"{short(name, 20)}: mean error {100 * error:.1f} %", fontsize=9)
        panel.set_xlabel("step of gradient descent")
    for panel in panels[::_ACROSS]:
        panel.set_ylabel("training loss")
    panels[0].legend()
    seeds = len(result["seeds"])
    what = "mean and range over" if seeds > 1 else "of"
    figure.suptitle(
        f"{run.dataset}: {result['samples']} images, width {result['width']}, {what} "
        f"{seeds_in_words(seeds)}",
        fontsize=9,
    )
    return figure
