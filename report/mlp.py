"""Convergence of DAG MLPs: Fig. 4 on MNIST and on CIFAR-10, and runs of other DAGs or images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from common.files import read_metrics
from dag import FIGURE_3
from report.order import CURVES, in_words, order_tables
from report.records import Record
from report.sections import Image, Parts, Sources, whole_dataset
from report.style import add_legend, draw_band, line_style, new_panels, seeds_in_words
from report.tables import Table

_COLUMNS = {
    "DAG": "name", "code": "code", "published place": "published?", "measured place": "measured",
    "training accuracy (%)": "train_accuracy:+-", "training loss": "train_loss:+-.3f",
    "test accuracy (%)": "test_accuracy:+-", "n": "train_accuracy.n",
}  # fmt: skip
_NOTE = (
    "Place 1 has the highest training accuracy. Test accuracy is that of the epoch of best "
    "validation accuracy."
)
_OPEN = (
    "The protocol leaves open how many epochs there are, whether layers have biases (here they "
    "do, 0 at the start), how inputs are normalized (here by mean and deviation of each channel), "
    "whether training accuracy is that of an epoch's steps (as here) or of its end, and which "
    "images train (here 9 in 10, 54,000 of MNIST and 45,000 of CIFAR-10; the others validate)"
)
_DRAWN = 14  # DAGs: every colour with two line styles; more cannot be told apart


def fig4(sources: Sources, dataset: str) -> Parts:
    """Runs of Fig. 3's DAGs on one data set of Fig. 4."""
    paper = sources.published["fig4"]
    order = ", then ".join(paper["order"])
    claim = f"Training accuracy rises fastest for {order}; {paper['protocol']}"
    yield f"{sources.cite('paper', claim)}. {_OPEN}"
    for run in sources.of_kind("mlp"):
        if _is_of_fig4(run) and whole_dataset(run) == dataset:
            yield from _convergence(run, paper["order"])


def others(sources: Sources) -> Parts:
    """Runs of other DAGs than Fig. 3's, or on other images than Fig. 4's."""
    for run in sources.of_kind("mlp"):
        if not _is_of_fig4(run):
            yield from _convergence(run)


def _is_of_fig4(run: Record) -> bool:
    """Whether a run trains the DAGs of Fig. 3 on images of Fig. 4."""
    codes = {row["code"] for row in run.result["dags"].values()}
    images = whole_dataset(run) in ("mnist", "cifar10")
    return images and codes == set(FIGURE_3.values())


def _convergence(run: Record, order: Sequence[str] = ()) -> Parts:
    """A run's table and figure, and where it keeps the published order of DAGs."""
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
    ranked = sorted(dags, key=lambda name: -dags[name]["train_accuracy"]["mean"])
    by_loss = sorted(dags, key=lambda name: dags[name]["train_loss"]["mean"])
    published = {name: place for place, name in enumerate(order, start=1)}
    rows = [
        row | {"name": name, "published": published.get(name), "measured": ranked.index(name) + 1}
        for name, row in dags.items()
    ]
    epochs = run.result["epochs"]
    caption = f"{run.dataset} ({run.name}): after {epochs} epochs, mean (std) over n seeds"
    note = _NOTE
    if by_loss != ranked:
        note += f" The training loss orders them otherwise: {', '.join(by_loss)}, lowest first."
    return Table.of(run.key, caption, rows, _COLUMNS, note)


def curves(run: Record, key: str) -> dict[str, np.ndarray]:
    """A metric of a run: DAG name -> array [seeds, epochs] of the epochs that all seeds have."""
    found: dict[str, dict[int, list[float]]] = {}
    for record in read_metrics(run.folder):
        found.setdefault(record["dag"], {}).setdefault(record["seed"], []).append(record[key])
    return {dag: np.array(list(zip(*zip(*seeds.values())))) for dag, seeds in found.items()}


def draw_convergence(run: Record) -> Figure:
    """Mean over seeds as a line, one standard deviation as a band; accuracy and loss."""
    figure, panels = new_panels(2, 2, 3.6, 2.9)
    shown = len(run.result["dags"])
    for panel, (key, (label, _)) in zip(panels, CURVES.items()):
        every = curves(run, key)
        best = sorted(every, key=lambda dag: -every[dag].mean(0)[-1])[:_DRAWN]
        for number, dag in enumerate(dag for dag in every if dag in best):
            values = every[dag]
            mean, std = values.mean(0), values.std(0, ddof=min(1, len(values) - 1))
            epochs = np.arange(1, len(mean) + 1)
            style = line_style(number) | {"label": dag, "linewidth": 1.6}
            draw_band(panel, epochs, mean, mean - std, mean + std, **style)
        panel.set(xlabel="epoch", ylabel=label)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.margins(x=0.02)
    add_legend(panels[0])
    seeds = len(run.result["seeds"])
    which = f"; the {_DRAWN} highest of {shown} DAGs" if shown > _DRAWN else ""
    what = "mean and standard deviation over" if seeds > 1 else "of"
    figure.suptitle(f"{run.dataset}: {what} {seeds_in_words(seeds)}{which}")
    return figure
