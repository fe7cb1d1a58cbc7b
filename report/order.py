"""Where the published order of DAGs holds in a run: by epoch and seed, and by how much."""

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

import numpy as np

from common.statistics import paired_difference
from report.records import Record
from report.tables import ABSENT, Cell, Number, Table, interval

START = 10  # epochs that are a curve's start: the area under them, divided by their number
CURVES = {"train_accuracy": ("training accuracy (%)", 1), "train_loss": ("training loss", -1)}
_WHERE = ("curve", "seed", "epochs in which the order holds", "epochs of the run")
_GAPS_NOTE = (
    "Paired over seeds, with the interval of Student's t. The order asks for positive "
    "differences of accuracy and negative ones of loss. The mean of the first epochs is the "
    "area under the curve's start: how fast it rises."
)

Curves = Mapping[str, Mapping[str, np.ndarray]]  # metric -> DAG -> [seeds, epochs]


def where_it_holds(values: Sequence[np.ndarray], sign: int) -> np.ndarray:
    """Whether each curve [..., epochs] is strictly ahead of the next: booleans [..., epochs].

    `sign` is 1 where more is better, -1 where less is.
    """
    return np.all([sign * (a - b) > 0 for a, b in pairwise(values)], axis=0)


def order_tables(run: Record, curves: Curves, order: Sequence[str]) -> tuple[Table, Table]:
    """The epochs in which the order holds, and paired differences of neighbours in it."""
    seeds, where, gaps = run.result["seeds"], [], []
    for key, (label, sign) in CURVES.items():
        values = [curves[key][name] for name in order]
        held = where_it_holds(values, sign)
        means = where_it_holds([curve.mean(0) for curve in values], sign)
        for seed, row in (*zip(seeds, held), ("mean over seeds", means)):
            where.append((label, str(seed), ranges(np.flatnonzero(row) + 1), len(row)))
        for (first, a), (second, b) in pairwise(zip(order, values)):
            start = _difference(a[:, :START].mean(1), b[:, :START].mean(1))
            end = _difference(a[:, -1], b[:, -1])
            gaps.append((label, f"{first} - {second}", *start, *end, len(a)))
    epochs, start = held.shape[1], min(START, held.shape[1])
    caption = f"{run.dataset} ({run.name}): where {' > '.join(order)} holds"
    columns = ("curve", "difference", f"mean of epochs 1-{start}", "95 %, start",
               f"epoch {epochs}", "95 %, end", "n")  # fmt: skip
    by_how_much = f"{run.dataset}: by how much"
    return (
        Table(f"{run.key}_order", caption, _WHERE, tuple(where)),
        Table(f"{run.key}_gaps", by_how_much, columns, tuple(gaps), _GAPS_NOTE),
    )


def _difference(x: np.ndarray, y: np.ndarray) -> tuple[Cell, Cell]:
    """Mean difference and its interval; one seed has none."""
    if len(x) < 2:
        return Number(float(x[0] - y[0]), spec="+.3f"), ABSENT
    found = paired_difference(x, y)
    return Number(found.mean, spec="+.3f"), interval(found.interval, "+.3f")


def ranges(numbers: Sequence[int]) -> str:
    """'1-2, 5-60' of increasing integers; 'none' of no number."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])  # alike within a run
    parts = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else f"{p[0]}" for p in parts) or "none"


def in_words(curves: Curves, order: Sequence[str]) -> str:
    """A caption: from which epoch on accuracy, and loss, stand in this order in every seed."""
    said = []
    for key, (label, sign) in CURVES.items():
        values = [curves[key][name] for name in order]
        since = _since(where_it_holds(values, sign).all(0))
        last = ", ".join(f"{curve[:, -1].mean():.4g}" for curve in values)
        said.append(f"{label}: {since} ({last} at the end)")
    first = ", ".join(f"{curves['train_loss'][name][:, 0].mean():.3f}" for name in order)
    return (
        f"{' > '.join(order)} in every seed by {'; by '.join(said)}. Loss of the first epoch "
        f"{first}: more paths, larger outputs at the start"
    )


def _since(held: np.ndarray) -> str:
    wrong = np.flatnonzero(~held)
    since = int(wrong[-1]) + 2 if len(wrong) else 1
    if since <= len(held):
        return f"from epoch {since} on"
    return "not in the end" if held.any() else "in no epoch"
