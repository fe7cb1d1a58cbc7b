"""What each filter keeps of a list of genotypes whose accuracies are known."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from common.statistics import mean_std
from wot_dag.config import WotConfig
from wot_dag.filters import FILTERS
from wot_dag.space import DartsSpace


def kept_by_filters(
    config: WotConfig, space: DartsSpace, score: np.ndarray, accuracies: Mapping[str, np.ndarray]
) -> dict[str, dict]:
    """By data set, then by filter with the config's fractions; of all of them with "none".

    Args:
        config: says the fractions, and how many a search draws.
        space: the list.
        score: of each genotype of the list, in its order.
        accuracies: in % [genotypes], by data set.
    """
    fractions = {name: replace(config, filter=name).kept_fraction for name in FILTERS}
    masks = {name: FILTERS[name].make(space, f)(space.archs) for name, f in fractions.items()}
    return {
        dataset: {
            name: {"fraction": fractions[name]} | _row(kept, score, y, config.samples)
            for name, kept in masks.items()
        }
        for dataset, y in accuracies.items()
    }


def _row(kept: np.ndarray, score: np.ndarray, y: np.ndarray, samples: int) -> dict:
    """Accuracy of what is kept: mean, std, n, the best, and what a search finds."""
    if not kept.any():
        return {"mean": None, "std": None, "n": 0, "best": None, "searched": None}
    row = mean_std(y[kept].tolist()) | {"best": float(y[kept].max())}
    return row | {"searched": expected_of_search(kept & np.isfinite(score), score, y, samples)}


def expected_of_search(
    usable: np.ndarray, score: np.ndarray, y: np.ndarray, samples: int
) -> float | None:
    """Expected accuracy of a search's choice, over the searches that choose any; exact.

    Of `samples` draws with replacement none is among the best k of the list of N with probability
    (1 - k/N)^samples. So no search need be run. Of equal scores each is as likely: that drawn
    first is taken.

    Args:
        usable: what may be chosen [N].
        score: [N].
        y: accuracies [N].
        samples: draws of a search.
    """
    if not usable.any():
        return None
    _, rank, sizes = np.unique(-score[usable], return_inverse=True, return_counts=True)
    means = np.bincount(rank, y[usable]) / sizes
    found = 1 - (1 - np.cumsum(sizes) / len(usable)) ** samples  # by rank or better
    return float(np.diff(found, prepend=0) @ means / found[-1])
