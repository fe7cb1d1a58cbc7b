"""Does the shape of a network's graph order networks by accuracy? Spearman, with intervals."""

from collections.abc import Callable, Sequence

import numpy as np

from spaces.measure.subjects import Row

PREDICTORS = ("depth", "log2_width", "log2_paths", "longest", "parameters")
LEAST = 4  # models of a family that has a number of its own
SAMPLES = 1000


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
    families = [row.family for row in known]
    large = [f for f in dict.fromkeys(families) if families.count(f) >= LEAST]
    of = {family: [row for row in known if row.family == family] for family in large}
    inside = [row for own in of.values() for row in own]
    result = {
        "all": _of_rows(known, families, _spearman),
        "within families": _of_rows(inside, [row.family for row in inside], _pearson, _ranks),
    }
    return result | {f: _of_rows(own, range(len(own)), _spearman) for f, own in of.items()}


Transform = Callable[[np.ndarray, Sequence], np.ndarray]


def _of_rows(
    rows: Sequence[Row],
    groups: Sequence,
    statistic: Callable[[np.ndarray, np.ndarray], float],
    transform: Transform = lambda values, _groups: values,
) -> dict:
    found: dict = {"n": len(rows)}
    y = transform(np.array([row.top1 for row in rows], float), groups)
    for name in PREDICTORS:
        x = transform(np.array([getattr(row, name) for row in rows], float), groups)
        found[name] = _with_interval(x, y, groups, statistic)
    return found


def _with_interval(
    x: np.ndarray,
    y: np.ndarray,
    groups: Sequence,
    statistic: Callable[[np.ndarray, np.ndarray], float],
) -> dict:
    """The statistic, and its percentile interval over resampled groups of rows."""
    nothing = {"rho": None, "interval": None}
    if len(x) < LEAST or np.isnan(rho := statistic(x, y)):
        return nothing
    members = [np.flatnonzero(np.array(groups) == group) for group in dict.fromkeys(groups)]
    rng, values = np.random.default_rng(0), []
    for _ in range(SAMPLES):
        rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        values.append(statistic(x[rows], y[rows]))
    interval = np.nanquantile(values, [0.025, 0.975])  # nan: only equal values were drawn
    return {"rho": rho, "interval": interval.tolist()}


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    return _pearson(_mean_ranks(x), _mean_ranks(y))


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """From 1, equal values at the mean of theirs."""
    from scipy.stats import rankdata  # a second to load, which only several models wait for

    return rankdata(values)


def _ranks(values: np.ndarray, families: Sequence) -> np.ndarray:
    """Ranks in a family about its mean rank; a family drawn again has the same."""
    ranks, names = np.empty(len(values)), np.array(families)
    for family in dict.fromkeys(families):
        own = names == family
        ranks[own] = _mean_ranks(values[own]) - (own.sum() + 1) / 2
    return ranks


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    """nan if either is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")
