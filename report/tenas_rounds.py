"""TE-NAS: the operators that are left on each edge, round by round."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import COLOURS, new_figure


@headed(
    "tenas_rounds",
    "TE-NAS: what is left by round",
    "python -m tenas_dag --config configs/tenas/NAME.yaml",
)
def section(sources: Sources) -> Parts:
    """A figure of the first search of each run."""
    for run in sources.of_kind("tenas"):
        yield run
        seed = run.result["searches"][0]["seed"]
        caption = f"{run.name}, seed {seed}: operators left on each edge"
        yield Image.of(run, "rounds", caption, draw_rounds)


def draw_rounds(run: Record, search: int = 0) -> Figure:
    """Operators left on each edge at the start of every round and at the end.

    One row per cell type, one panel per round, but for DARTS' stage of edges, which is one; edges
    downwards, operators to the right.
    """
    rounds = _shown(run.result["searches"][search]["rounds"])
    start = rounds[0]["left"]
    names = list(dict.fromkeys(name for cell in start for edge in cell for name in edge))
    edges = len(start[0])
    height = 0.6 + 0.16 * edges + 0.06 * max(map(len, names))
    figure = new_figure(1.0 + 1.3 * len(rounds), height * len(start))
    axes = figure.subplots(len(start), len(rounds), sharex=True, sharey=True, squeeze=False)
    for number, entry in enumerate(rounds):
        for cell, left in enumerate(entry["left"]):
            _draw_left(axes[cell][number], left, names)
        last = number == len(rounds) - 1
        axes[0][number].set_title("chosen" if last else f"round {number + 1}")
    labels = ("edge",) if len(start) == 1 else ("normal cell, edge", "reduction cell, edge")
    for axis, label in zip(axes[:, 0], labels):
        axis.set_ylabel(label)
        axis.set_yticks(range(edges))
    axes[0][0].invert_yaxis()
    return figure


def _shown(rounds: Sequence[Mapping]) -> list[Mapping]:
    """Without the rounds that follow another one of whole edges."""
    of_edges = [any(not operator for *_, operator in r.get("removed", ())) for r in rounds]
    return [
        r for r, before, own in zip(rounds, [False, *of_edges], of_edges) if not (before and own)
    ]


def _draw_left(axis: Axes, left: Sequence[Sequence[str]], names: list[str]) -> None:
    for edge, operators in enumerate(left):
        for name in operators:
            column = names.index(name)
            axis.plot(column, edge, "o", markersize=5, color=COLOURS[column % len(COLOURS)])
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_xlim(-0.6, len(names) - 0.4)
