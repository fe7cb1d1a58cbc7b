"""Does the shape of a network's graph order networks by accuracy? Spearman, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import rankdata

from spaces.measure.subjects import Row

PREDICTORS = ("depth", "log2_width", "log2_paths", "longest", "parameters")
LEAST = 4  # models of a family that has a number of its own
SAMPLES = 2000


def correlations(rows: Sequence[Row]) -> dict[str, dict]:
    """Spearman's rho of each predictor with top-1 accuracy, and 95 % bootstrap intervals.

    Args:
        rows: those with a predictor or accuracy missing are left out.

    Returns:
        {"all": ..., "within families": ..., family: ...}, each with n and, by predictor, rho and
        its interval (None where n is below 4 or one side is constant). "all" and "within
        families" resample whole families, as models of one family are no independent samples;
        a family's own row resamples its models. "within families" compares models of one family
        only: ranks are taken in each family, about its mean rank.
    """
    known = [r for r in rows if None not in (r.top1, *(getattr(r, p) for p in PREDICTORS))]
    families = np.array([row.family for row in known])
    large = [f for f in dict.fromkeys(families.tolist()) if (families == f).sum() >= LEAST]
    result = {
        "all": _of_rows(known, families, _rho),
        "within families": _of_rows([r for r in known if r.family in large], None, _within),
    }
    for family in large:
        own = [row for row in known if row.family == family]
        result[family] = _of_rows(own, np.arange(len(own)), _rho)
    return result


Statistic = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def _of_rows(rows: Sequence[Row], groups: np.ndarray | None, statistic: Statistic) -> dict:
    families = np.array([row.family for row in rows])
    groups = families if groups is None else groups
    y = np.array([row.top1 for row in rows], float)
    found: dict = {"n": len(rows)}
    for name in PREDICTORS:
        x = np.array([getattr(row, name) for row in rows], float)
        found[name] = _with_interval(x, y, families, groups, statistic)
    return found


def _with_interval(
    x: np.ndarray, y: np.ndarray, families: np.ndarray, groups: np.ndarray, statistic: Statistic
) -> dict:
    """rho, and its percentile interval over resampled groups; a copy is a family of its own."""
    if len(x) < LEAST:
        return {"rho": None, "interval": None}
    members = [np.flatnonzero(groups == group) for group in dict.fromkeys(groups.tolist())]
    rng, values = np.random.default_rng(0), []
    for _ in range(SAMPLES):
        drawn = [members[i] for i in rng.integers(len(members), size=len(members))]
        rows = np.concatenate(drawn)
        copies = np.repeat(np.arange(len(drawn)), [len(part) for part in drawn])
        values.append(statistic(x[rows], y[rows], copies))
    finite = [value for value in values if np.isfinite(value)]
    rho = statistic(x, y, families)
    if not np.isfinite(rho) or len(finite) < SAMPLES / 2:
        return {"rho": float(rho) if np.isfinite(rho) else None, "interval": None}
    return {"rho": float(rho), "interval": np.quantile(finite, [0.025, 0.975]).tolist()}


def _rho(x: np.ndarray, y: np.ndarray, _families: np.ndarray) -> float:
    return _pearson(rankdata(x), rankdata(y))


def _within(x: np.ndarray, y: np.ndarray, families: np.ndarray) -> float:
    """Pearson correlation of ranks in a family, about the family's mean rank."""
    ranks = [np.empty(len(x)), np.empty(len(x))]
    for values, out in zip((x, y), ranks):
        for family in np.unique(families):
            own = families == family
            out[own] = rankdata(values[own]) - (own.sum() + 1) / 2
    return _pearson(*ranks)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """nan if either is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
