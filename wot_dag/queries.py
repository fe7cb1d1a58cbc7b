"""Queries: the best by score are looked at once, by accuracy after a short training."""

from collections.abc import Sequence

import numpy as np

from spaces.benchmark import AccuracyTable

EPOCHS = 12


def queried(table: AccuracyTable, finalists: Sequence[Sequence[str]]) -> dict:
    """What the choice among each search's finalists comes to.

    The table knows test accuracies alone, so the look is at *test* accuracy after 12 epochs: a
    number by queries has seen a little of what it reports.

    Returns:
        `accuracy`, by the data set's own look; `accuracy_by_first`, by the look at the table's
        first data set alone; what was looked at, and how many on average.

    Raises:
        SpaceError: the table has no test accuracies after 12 epochs.
    """
    datasets = list(table.test_columns())
    chosen = {name: [_best(table, name, archs) for archs in finalists] for name in datasets}
    return {
        "accuracy": {name: table.look_up(chosen[name])[name] for name in datasets},
        "accuracy_by_first": table.look_up(chosen[datasets[0]]),
        "queries": {
            "looked_at": f"test accuracy after {EPOCHS} epochs",
            "first": datasets[0],
            "mean": float(np.mean([len(archs) for archs in finalists])),
        },
    }


def _best(table: AccuracyTable, dataset: str, archs: Sequence[str]) -> str:
    """Of equal accuracies that of the higher score."""
    table.column(dataset, epochs=EPOCHS)
    values = table.values(f"{dataset}/test@{EPOCHS}", archs)
    return archs[int(np.nan_to_num(values, nan=-1).argmax())]
