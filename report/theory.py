"""Kernels of DAGs and training predicted from them: two figures and a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from report.records import dataset_name
from report.style import COLOURS, new_figure


def draw_spectra(result: Mapping) -> Figure:
    """Eigenvalues of the NNGP kernels, exact (solid) and paper form (dashed), and of the NTKs."""
    figure = new_figure(7.2, 3.0)
    nngp, ntk = figure.subplots(1, 2)
    for colour, (name, row) in zip(COLOURS, result["dags"].items()):
        ranks = np.arange(1, len(row["exact"]["eigenvalues"]) + 1)
        nngp.loglog(ranks, row["exact"]["eigenvalues"], color=colour, label=name)
        nngp.loglog(ranks, row["paper"]["eigenvalues"], color=colour, ls="--", lw=1)
        ntk.loglog(ranks, row["ntk"]["eigenvalues"], color=colour, label=name)
    nngp.set(title="NNGP", xlabel="rank", ylabel="eigenvalue")
    ntk.set(title="NTK", xlabel="rank")
    forms = [Line2D([], [], color="0.3", ls=ls) for ls in ("-", "--")]
    ntk.legend(loc="lower left")
    nngp.legend(forms, ["exact", "paper form"], loc="lower left")
    figure.suptitle(
        f"{dataset_name(result)}: kernels of {result['kernel_samples']} images", fontsize=9
    )
    return figure


def draw_training(result: Mapping) -> Figure:
    """Measured loss (mean and range over seeds) and the prediction from the NTK, one panel each."""
    dags = result["dags"]
    figure = new_figure(2.5 * len(dags), 2.7)
    panels = figure.subplots(1, len(dags), sharex=True, squeeze=False)[0]
    steps = np.arange(result["steps"] + 1)
    for panel, colour, (name, row) in zip(panels, COLOURS * len(dags), dags.items()):
        measured, predicted = (np.array(row["training"][k]) for k in ("measured", "predicted"))
        panel.fill_between(steps, measured.min(0), measured.max(0), color=colour, alpha=0.2, lw=0)
        panel.semilogy(steps, measured.mean(0), color=colour, label="measured")
        panel.semilogy(steps, predicted.mean(0), color="black", ls=":", lw=1.6, label="predicted")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        error = row["training"]["mean_relative_error"]
        panel.set_title(f"{name}: mean error {100 * error:.1f} %", fontsize=9)
        panel.set_xlabel("step of gradient descent")
    panels[0].set_ylabel("training loss")
    panels[0].legend()
    seeds = len(result["seeds"])
    figure.suptitle(
        f"{dataset_name(result)}: {result['samples']} images, width {result['width']}, mean and "
        f"range over {seeds} seeds",
        fontsize=9,
    )
    return figure


def theory_table(result: Mapping) -> str:
    """A Markdown table of smallest eigenvalues, condition numbers, Eq. 12 and prediction errors."""
    lines = [
        f"{dataset_name(result)}: kernels of {result['kernel_samples']} training images scaled to "
        f"|x|^2 = d_in; {result['steps']} steps of gradient descent on {result['samples']} images, "
        f"width {result['width']}, {len(result['seeds'])} seeds. NNGP columns are in units of the "
        "paper form, whose diagonal is the number of paths.",
        "",
        "| DAG | lambda_min, exact | lambda_min, paper form | Eq. 12 | lambda_min, NTK "
        "| condition number, exact | paper form | NTK | relative error of predicted loss, mean "
        "| largest |",
        "| --- | " + " | ".join(["---:"] * 9) + " |",
    ]
    for name, row in result["dags"].items():
        training = row["training"]
        values = [row[form]["smallest_eigenvalue"] for form in ("exact", "paper")]
        values += [row["eq12_bound"], row["ntk"]["smallest_eigenvalue"]]
        conditions = [row[form]["condition_number"] for form in ("exact", "paper", "ntk")]
        cells = [f"{value:.3g}" for value in values]
        cells += ["singular" if c is None else f"{c:.3g}" for c in conditions]
        errors = ("mean_relative_error", "largest_relative_error")
        cells += [f"{100 * training[key]:.2f} %" for key in errors]
        lines.append(f"| {name} `{row['code']}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
