"""Convergence of DAG MLPs: a table and a figure for each run; and runs of other DAGs or images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.files import read_metrics
from report.order import CURVES, in_words, order_tables
from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import add_legend, line_style, new_figure, seeds_in_words
from report.tables import ABSENT, Table, measured

_COLUMNS = ("DAG", "code", "published place", "measured place", "training accuracy (%)",
            "training loss", "test accuracy (%)", "n")  # fmt: skip
_NOTE = (
    "Place 1 has the highest training accuracy. Test accuracy is that of the epoch of best "
    "validation accuracy."
)
_DRAWN = 14  # DAGs: every colour with two line styles; more cannot be told apart


@headed(
    "mlp",
    "Other DAGs, other images",
    "bash scripts/fig4.sh digits",
    "bash scripts/fig4.sh configs/mlp/my_dag.yaml",
)
def section(sources: Sources) -> Parts:
    """Runs of other DAGs than Fig. 3's, or on other images than Fig. 4's."""
    runs = [run for run in sources.of_kind("mlp") if not is_of_fig4(sources, run)]
    yield from convergence(runs)


def is_of_fig4(sources: Sources, run: Record) -> bool:
    """Whether a run trains the DAGs of Fig. 3 on images of Fig. 4."""
    codes = {row["code"] for row in run.result["dags"].values()}
    images = run.whole_dataset in ("mnist", "cifar10")
    return images and codes == set(sources.published["fig3"].values())


def convergence(runs: Sequence[Record], order: Sequence[str] = ()) -> Parts:
    """A table and a figure for each run, and where it keeps the published order of DAGs."""
    for run in runs:
        yield run
        yield _table(run, order)
        caption = f"{run.dataset}, {run.result['epochs']} epochs"
        if order and set(order) <= set(run.result["dags"]):
            found = {key: curves(run, key) for key in CURVES}
            yield from order_tables(run, found, order)
            caption += f": {in_words(found, order)}"
        yield Image.of(run, "convergence", caption, draw_convergence)


def _table(run: Record, order: Sequence[str]) -> Table:
    dags = run.result["dags"]
    means = {name: row["train_accuracy"]["mean"] for name, row in dags.items()}
    ranked = sorted(means, key=lambda name: -means[name])
    rows = tuple(
        (
            name,
            row["code"],
            order.index(name) + 1 if name in order else ABSENT,
            ranked.index(name) + 1,
            measured(row["train_accuracy"]),
            measured(row["train_loss"], ".3f"),
            measured(row["test_accuracy"]),
            row["train_accuracy"]["n"],
        )
        for name, row in dags.items()
    )
    epochs = run.result["epochs"]
    caption = f"{run.dataset} ({run.name}): after {epochs} epochs, mean (std) over n seeds"
    by_loss = sorted(dags, key=lambda name: dags[name]["train_loss"]["mean"])
    note = _NOTE
    if by_loss != ranked:
        note += f" The training loss orders them otherwise: {', '.join(by_loss)}, lowest first."
    return Table(run.key, caption, _COLUMNS, rows, note)


def curves(run: Record, key: str) -> dict[str, np.ndarray]:
    """A metric of a run: DAG name -> array [seeds, epochs] of the epochs that all seeds have."""
    found: dict[str, dict[int, list[float]]] = {}
    for record in read_metrics(run.folder):
        found.setdefault(record["dag"], {}).setdefault(record["seed"], []).append(record[key])
    return {
        dag: np.array([values[: min(map(len, seeds.values()))] for values in seeds.values()])
        for dag, seeds in found.items()
    }


def draw_convergence(run: Record) -> Figure:
    """Mean over seeds as a line, one standard deviation as a band; accuracy and loss."""
    figure = new_figure(7.2, 2.9)
    shown = len(run.result["dags"])
    for panel, (key, (label, _)) in zip(figure.subplots(1, 2), CURVES.items()):
        every = list(curves(run, key).items())
        best = sorted(every, key=lambda item: -item[1].mean(0)[-1])[:_DRAWN]
        for number, (dag, values) in enumerate(e for e in every if e[0] in dict(best)):
            mean, std = values.mean(0), values.std(0, ddof=min(1, len(values) - 1))
            epochs = np.arange(1, len(mean) + 1)
            style = line_style(number)
            panel.plot(epochs, mean, label=dag, linewidth=1.6, **style)
            panel.fill_between(epochs, mean - std, mean + std, color=style["color"], alpha=0.2,
                               lw=0)  # fmt: skip
        panel.set(xlabel="epoch", ylabel=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.margins(x=0.02)
    add_legend(figure.axes[0])
    seeds = len(run.result["seeds"])
    which = f"; the {_DRAWN} highest of {shown} DAGs" if shown > _DRAWN else ""
    what = "mean and standard deviation over" if seeds > 1 else "of"
    figure.suptitle(f"{run.dataset}: {what} {seeds_in_words(seeds)}{which}", fontsize=9)
    return figure
