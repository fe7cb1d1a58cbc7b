"""Which operators go: ranks of both indicators, added up."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)
Ranking = Callable[..., list[int]]


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
    # summed one after the other, as published: an exact sum would make ties of its last digit
    return float(np.mean([round((b - a) / b, 3) for b, a in zip(before, after)]))


def ranks(values: Sequence[float], descending: bool = False) -> list[int]:
    """Rank of each value from 0; equal ones share a rank, the next distinct value is one more.

    NaN ranks behind all numbers.
    """
    numbers = sorted({v for v in values if not math.isnan(v)}, reverse=descending)
    rank_of = {value: rank for rank, value in enumerate(numbers)}
    return [rank_of.get(value, len(numbers)) for value in values]


def published_ranks(values: Sequence[float], descending: bool = False) -> list[int]:
    """Ranks as TE-NAS' code gives them: sorted by 3 significant digits, counted by all digits.

    Values that agree in 3 digits but no further keep their order, whichever is the larger, and
    each has a rank of its own.
    """
    rounded = [_significant(v) for v in values]
    order = sorted(range(len(values)), key=rounded.__getitem__, reverse=descending)
    found = dict.fromkeys(order[:1], 0)
    for before, place in pairwise(order):
        found[place] = found[before] + (values[place] != values[before])
    return [found[place] for place in range(len(values))]


def _significant(value: float) -> float:
    """3 significant digits; a half is rounded away from 0."""
    if value == 0:
        return 0.0
    size = abs(value) + 1e-8
    power = 10.0 ** (math.floor(math.log10(size)) + 1)
    return math.copysign(round(size / power, 3) * power, value)


def pruning_order(
    changes: Mapping[Key, Change], rank_by: str = "both", rank: Ranking = ranks
) -> list[Key]:
    """Candidates, the first to prune first.

    An operator without which kappa falls most and R falls least goes first: descending by the
    change of kappa, ascending by the change of R. Of equal sums of both ranks the larger fall of
    kappa goes first, then the order of the candidates decides.

    Args:
        changes: candidate -> change, in the order of cells, edges and operators.
        rank_by: "both", or "kappa" or "regions" alone.
        rank: what turns values into ranks: `ranks` or `published_ranks`.
    """
    kappa = rank([c.kappa for c in changes.values()], descending=True)
    regions = rank([c.regions for c in changes.values()])
    keys = {
        "both": lambda k, r: (k + r, k),
        "kappa": lambda k, _: k,
        "regions": lambda _, r: r,
    }
    places = dict(zip(changes, map(keys[rank_by], kappa, regions)))
    return sorted(places, key=places.__getitem__)


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
