"""Which architectures not to score: the filters on effective depth and width, over a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dag import Box, box_rule

if TYPE_CHECKING:  # configs name a filter before there is a space
    from wot_dag.space import Space

Keeps = Callable[[Sequence[str]], np.ndarray]  # architectures -> mask of those kept

# The boxes that the published code fixes.
PUBLISHED = {
    "nas-bench-201": Box(depth=(0.99, 2.51), width=(0.99, 3.01)),
    "darts": Box(depth=(0.5, 1.6), width=(4.0, 12.0)),
}


class Filter(NamedTuple):
    """A filter: the method's name in tables, and how it is made for a space and a fraction."""

    method: str
    make: Callable[[Space, float], Keeps]


def _all(_space: Space, _fraction: float) -> Keeps:
    return lambda archs: np.ones(len(archs), bool)


def _box(space: Space, fraction: float) -> Keeps:
    """The box rule around all cells of the space; both cells of a genotype must lie in it."""
    whole = space.population()
    box = box_rule(whole.depth, whole.width, fraction)
    return lambda archs: _inside(box, *space.shapes(archs)).all(axis=1)


def _published(space: Space, _fraction: float) -> Keeps:
    """A fixed box; of a genotype the normal cell counts, of its parallel edges the later one."""
    fixed = PUBLISHED[space.name]
    return lambda archs: _inside(fixed, *space.shapes(archs, "last"))[:, 0]


def _inside(box: Box, depth: np.ndarray, width: np.ndarray) -> np.ndarray:
    return box.keeps(depth, width) & (depth > 0)


FILTERS = {
    "none": Filter("WOT", _all),
    "box": Filter("WOT + DAG", _box),
    "published": Filter("WOT + DAG, published box", _published),
}
