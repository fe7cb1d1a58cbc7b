"""Statistics that experiments share: means, R, cross-validated R, intervals, tau, equal rows."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np


def mean_std(values: Sequence[float]) -> dict[str, float]:
    """Mean and sample standard deviation (0 for one value), with n."""
    std = stdev(values) if len(values) > 1 else 0.0
    return {"mean": fmean(values), "std": std, "n": len(values)}


class Difference(NamedTuple):
    """Mean of paired differences, with the interval that covers it at 95 %, and their number."""

    mean: float
    interval: tuple[float, float]
    n: int


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Mean of a - b over pairs, with the interval of Student's t distribution.

    Raises:
        ValueError: another number of values in b than in a, or fewer than two pairs.
    """
    from scipy import stats  # as in kendall_tau

    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"paired difference: found {len(a)} and {len(b)} values, expected n >= 2")
    differences = np.subtract(a, b)
    half = stats.t.ppf(0.975, len(a) - 1) * stats.sem(differences)
    mean = float(differences.mean())
    return Difference(mean, (float(mean - half), float(mean + half)), len(a))


def equal_rows(*columns: np.ndarray, rtol: float = 1e-9) -> np.ndarray:
    """Labels [n] of rows that agree in every column up to a relative tolerance.

    In a sorted column a new value begins where it exceeds the one before by more than `rtol`:
    two numbers that differ by rounding alone never fall apart, as they can by rounding to digits.
    """
    labels = []
    for column in columns:
        order = np.argsort(column, kind="stable")
        values = column[order]
        starts = np.diff(values) > rtol * np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
        label = np.empty(len(column), int)
        label[order] = np.concatenate([[0], np.cumsum(starts)])
        labels.append(label)
    return np.unique(np.array(labels), axis=1, return_inverse=True)[1].ravel()


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two arrays [n]; 0 if either is constant up to rounding."""
    if any(values.std() <= 1e-12 * np.abs(values).max() for values in (a, b)):
        return 0.0
    return float(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()))


def multiple_correlation(features: np.ndarray, y: np.ndarray) -> float:
    """R, the correlation of y [n] with its least-squares fit by features [n, p] and a constant.

    0 if the fit or y is constant.
    """
    return correlation(_fitted(features, y, features), y)


def out_of_fold(
    features: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """Least-squares predictions [n] of y, each from the rows of all groups but its own.

    Args:
        features: predictors [n, p], without the constant.
        y: what to predict [n].
        groups: label of each row [n]; each row is its own group by default.

    Raises:
        ValueError: fewer than two groups.
    """
    groups = np.arange(len(y)) if groups is None else groups
    labels = np.unique(groups)
    if len(labels) < 2:
        raise ValueError(f"cross-validation: found {len(labels)} group(s), expected two or more")
    predictions = np.empty(len(y))
    for label in labels:
        own = groups == label
        predictions[own] = _fitted(features[~own], y[~own], features[own])
    return predictions


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], groups: np.ndarray, samples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of `statistic(rows)`, resampling whole groups with replacement.

    Args:
        statistic: of an index array of rows, some of them repeated.
        groups: label of each row [n]; np.arange(n) resamples rows.
        samples: bootstrap samples.
    """
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    alone = np.concatenate(members) if sizes.max() == 1 else None
    rng = np.random.default_rng(0)
    values = []
    for _ in range(samples):
        drawn = rng.integers(len(members), size=len(members))
        # rows that are their own groups, thousands of them, need no list of arrays
        rows = np.concatenate([members[g] for g in drawn]) if alone is None else alone[drawn]
        values.append(statistic(rows))
    low, high = np.quantile(values, [(1 - 0.95) / 2, (1 + 0.95) / 2])
    return float(low), float(high)


def regressions(
    predictors: Mapping[str, np.ndarray], y: np.ndarray, groups: np.ndarray, samples: int = 1000
) -> dict[str, dict]:
    """R of y with each set of predictors [n, p], plain and cross-validated over groups.

    Each has r, cross_validated_r and their 95 % bootstrap intervals, as records name them.
    The interval of R refits every bootstrap sample; that of the cross-validated R, which is the
    correlation of y with its out-of-fold predictions, keeps the predictions.
    """
    found = {}
    for name, x in predictors.items():
        held = out_of_fold(x, y, groups)
        forms = partial(_refitted, x, y), partial(_kept, held, y)
        r, cross_validated_r = (of(slice(None)) for of in forms)
        intervals = [bootstrap_interval(of, groups, samples) for of in forms]
        found[name] = {"r": r, "r_interval": intervals[0], "cross_validated_r": cross_validated_r}
        found[name]["cross_validated_interval"] = intervals[1]
    return found


def _refitted(x: np.ndarray, y: np.ndarray, rows: np.ndarray | slice) -> float:
    return multiple_correlation(x[rows], y[rows])


def _kept(predictions: np.ndarray, y: np.ndarray, rows: np.ndarray | slice) -> float:
    return correlation(predictions[rows], y[rows])


def gain_interval(
    base: np.ndarray, more: np.ndarray, y: np.ndarray, groups: np.ndarray, samples: int = 1000
) -> tuple[float, float]:
    """95 % bootstrap interval of R(more) - R(base), both refitted on the same samples."""
    return bootstrap_interval(
        lambda rows: _refitted(more, y, rows) - _refitted(base, y, rows), groups, samples
    )


def kendall_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's tau-b, which counts ties; 0 if either side is constant."""
    from scipy import stats  # a second to load, which most users of this module need not wait

    tau = stats.kendalltau(a, b).statistic
    return 0.0 if np.isnan(tau) else float(tau)


def spearman_rho(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho, equal values at their mean rank; 0 if either side is constant."""
    from scipy import stats  # as in kendall_tau

    a, b = (stats.rankdata(values) - (len(values) + 1) / 2 for values in (a, b))
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else 0.0


def _fitted(x: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What the least-squares fit of y by x [n, p] and a constant says at `wanted` [m, p]."""
    designs = [np.column_stack([np.ones(len(features)), features]) for features in (x, wanted)]
    return designs[1] @ np.linalg.lstsq(designs[0], y)[0]
