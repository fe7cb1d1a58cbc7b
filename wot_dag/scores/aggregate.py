"""Several scores as one, by ranks within the candidates at hand (AZ-NAS, CVPR 2024)."""

from collections.abc import Sequence

import numpy as np

NAME = "aggregate"


def aggregate(parts: Sequence[Sequence[float]]) -> np.ndarray:
    """Sum over scores of log(rank / n) [n], rank n the highest, equal values the mean of theirs.

    A candidate that a score gives -inf has no rank: it is -inf. One score stays as it is.
    """
    values = np.array(parts, float)
    if len(values) == 1:
        return values[0]
    from scipy.stats import rankdata  # a second to load, which a search by one score need not wait

    ranks = rankdata(values, axis=1)
    total = np.log(ranks / max(1, values.shape[1])).sum(axis=0)
    return np.where(np.isfinite(values).all(axis=0), total, -np.inf)
