"""Which operators go: ranks of both indicators, added up."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Change(NamedTuple):
    """Mean relative change of the indicators when a candidate is removed; NaN if unknown."""

    kappa: float
    regions: float


def relative_change(before: Sequence[float], after: Sequence[float]) -> float:
    """Mean over repetitions of (before - after) / before, each rounded to 3 digits (TE-NAS).

    NaN if a value is NaN or a `before` is 0.
    """
    if any(b == 0 or math.isnan(b) or math.isnan(a) for b, a in zip(before, after)):
        return math.nan
    changes = [round((b - a) / b, 3) for b, a in zip(before, after)]
    return round(fmean(changes), 9)  # equal means must compare equal


def ranks(values: Sequence[float], descending: bool = False) -> list[int]:
    """Rank of each value from 0; equal ones share a rank, the next distinct value is one more.

    NaN ranks behind all numbers.
    """
    numbers = sorted({v for v in values if not math.isnan(v)}, reverse=descending)
    rank_of = {value: rank for rank, value in enumerate(numbers)}
    return [rank_of.get(value, len(numbers)) for value in values]


def pruning_order(changes: Mapping[Key, Change], rank_by: str = "both") -> list[Key]:
    """Candidates, the first to prune first.

    An operator without which kappa falls most and R falls least goes first: descending by the
    change of kappa, ascending by the change of R. Equal sums of ranks keep their order.

    Args:
        changes: candidate -> change, in the order of edges and operators.
        rank_by: "both", or "kappa" or "regions" alone.
    """
    kappa = ranks([c.kappa for c in changes.values()], descending=True)
    regions = ranks([c.regions for c in changes.values()])
    weights = {"both": (1, 1), "kappa": (1, 0), "regions": (0, 1)}[rank_by]
    sums = {key: weights[0] * k + weights[1] * r for key, k, r in zip(changes, kappa, regions)}
    return sorted(sums, key=sums.__getitem__)


def first_of_each_group(
    order: Sequence[Key], group_of: Mapping[Key, Hashable], quota: Mapping[Hashable, int]
) -> list[Key]:
    """The first quota[g] candidates of each group g, in the order given."""
    taken: dict[Hashable, int] = defaultdict(int)
    chosen = []
    for key in order:
        group = group_of[key]
        if taken[group] < quota[group]:
            taken[group] += 1
            chosen.append(key)
    return chosen
