"""Rank correlations of scores with accuracy, their bootstrap intervals, and what seeds change."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from scipy import stats

from common.statistics import kendall_tau, spearman_rho


def with_intervals(
    columns: Mapping[Hashable, np.ndarray], y: np.ndarray, base: Hashable, samples: int
) -> dict[Hashable, dict]:
    """Kendall's tau and Spearman's rho of each column with y [n], and tau minus that of `base`.

    95 % intervals by bootstrap over rows, the same rows for all columns; -inf ranks lowest.
    """
    ranks = {name: stats.rankdata(values) for name, values in columns.items()}
    rng = np.random.default_rng(0)
    drawn = [np.arange(len(y)), *rng.integers(len(y), size=(samples, len(y)))]
    tau = {name: np.array([kendall_tau(r[i], y[i]) for i in drawn]) for name, r in ranks.items()}
    rho = {name: np.array([spearman_rho(r[i], y[i]) for i in drawn]) for name, r in ranks.items()}
    return {
        name: {
            "n": len(y),
            **_told("kendall", tau[name]),
            **_told("spearman", rho[name]),
            **_told("kendall_minus_parameters", tau[name] - tau[base]),
        }
        for name in columns
    }


def _told(key: str, values: np.ndarray) -> dict:
    low, high = np.quantile(values[1:], (0.025, 0.975))
    return {key: float(values[0]), f"{key}_interval": [float(low), float(high)]}


def seed_share(values: Sequence[np.ndarray]) -> float | None:
    """Share of the variance of a score's ranks that comes from the seed, of values [seeds][cells].

    Mean variance within a cell over the variance of all, of ranks among all values: of values
    themselves a few far out decide it, as of jacov's. Cells that are -inf for any seed are left
    out. None for a score that is one number, or of one seed.
    """
    table = np.array(values)
    table = table[:, np.isfinite(table).all(axis=0)]
    if len(table) < 2 or table.size == 0 or np.ptp(table) == 0:
        return None
    ranks = stats.rankdata(table).reshape(table.shape)
    return min(1.0, float(ranks.var(axis=0, ddof=1).mean() / ranks.var(ddof=1)))
