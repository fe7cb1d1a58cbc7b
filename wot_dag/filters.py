"""Which architectures not to score: the filters on effective depth and width, over a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dag import Box, box_rule
from wot_dag.config import WotConfig
from wot_dag.space import Space

Filter = Callable[[Sequence[str]], np.ndarray]  # architectures -> mask of those kept

# The boxes that the published code fixes.
PUBLISHED = {
    "nas-bench-201": Box(depth=(0.99, 2.51), width=(0.99, 3.01)),
    "darts": Box(depth=(0.5, 1.6), width=(4.0, 12.0)),
}


def make_filter(config: WotConfig, space: Space) -> Filter:
    """The filter that a config names.

    box: the box rule with fraction f around all cells of the space; normal and reduction cell of
    a genotype must both lie in it. published: a fixed box; of a genotype only the normal cell
    counts, and of its parallel edges the later one.
    """
    if config.filter == "none":
        return lambda archs: np.ones(len(archs), bool)
    if config.filter == "published":
        fixed = PUBLISHED[config.space]
        return lambda archs: _inside(fixed, *space.shapes(archs, "last"))[:, 0]
    whole = space.population()
    box = box_rule(whole.depth, whole.width, config.f)
    return lambda archs: _inside(box, *space.shapes(archs)).all(axis=1)


def _inside(box: Box, depth: np.ndarray, width: np.ndarray) -> np.ndarray:
    return box.keeps(depth, width) & (depth > 0)
