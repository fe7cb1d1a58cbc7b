"""Convergence of DAG MLPs: training accuracy and loss per epoch (paper, Fig. 4)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from common.runs import read_json, read_metrics
from report.records import dataset_name
from report.style import COLOURS, new_figure

_PANELS = (("train_accuracy", "training accuracy (%)"), ("train_loss", "training loss"))


def curves(folder: Path, key: str) -> dict[str, np.ndarray]:
    """A metric of a run: DAG name -> array [seeds, epochs] of the epochs that all seeds have."""
    found: dict[str, dict[int, list[float]]] = {}
    for record in read_metrics(folder):
        found.setdefault(record["dag"], {}).setdefault(record["seed"], []).append(record[key])
    return {
        dag: np.array([values[: min(map(len, seeds.values()))] for values in seeds.values()])
        for dag, seeds in found.items()
    }


def draw_convergence(folder: Path) -> Figure:
    """Mean over seeds as a line, one standard deviation as a band; accuracy and loss."""
    figure = new_figure(7.2, 2.9)
    for panel, (key, label) in zip(figure.subplots(1, 2), _PANELS):
        for number, (dag, values) in enumerate(curves(folder, key).items()):
            mean, std = values.mean(0), values.std(0, ddof=min(1, len(values) - 1))
            epochs = np.arange(1, len(mean) + 1)
            colour = COLOURS[number % len(COLOURS)]
            panel.plot(epochs, mean, color=colour, label=dag, linewidth=1.6)
            panel.fill_between(epochs, mean - std, mean + std, color=colour, alpha=0.2, lw=0)
        panel.set_xlabel("epoch")
        panel.set_ylabel(label)
        panel.margins(x=0.02)
    figure.axes[0].legend(loc="best")
    result = read_json(folder / "result.json")
    seeds = len(result["seeds"])
    dataset = dataset_name(result)
    figure.suptitle(f"{dataset}: mean and standard deviation over {seeds} seeds", fontsize=9)
    return figure


def convergence_table(folder: Path) -> str:
    """A Markdown table of the run's result."""
    result = read_json(folder / "result.json")
    seeds = len(result["seeds"])
    lines = [
        f"{dataset_name(result)}, {result['epochs']} epochs, mean (std) over {seeds} seeds. Test "
        "accuracy at the epoch of best validation accuracy.",
        "",
        "| DAG | code | effective depth | effective width | training loss | training accuracy (%) "
        "| test accuracy (%) |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, row in result["dags"].items():
        cells = [name, f"`{row['code']}`", f"{row['effective_depth']:.3g}"]
        cells += [f"{row['effective_width']:.3g}", _mean_std(row["train_loss"], 3)]
        cells += [_mean_std(row[key], 2) for key in ("train_accuracy", "test_accuracy")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _mean_std(value: dict[str, float], digits: int) -> str:
    return f"{value['mean']:.{digits}f} ({value['std']:.{digits}f})"
