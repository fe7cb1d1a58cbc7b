"""Which architectures not to score: filters on effective depth, width and kernel, over a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.data import load_dataset
from dag import Box, box_rule
from spaces.published import BOXES
from wot_dag.batches import draw_batch
from wot_dag.scores.nngp import correlations_of

if TYPE_CHECKING:  # configs name a filter before there is a space
    from wot_dag.space import Space

Keeps = Callable[[Sequence[str]], np.ndarray]  # architectures -> mask of those kept


class Filter(NamedTuple):
    """A filter: what a method's name gains by it, how it is made, and which setting it reads.

    Args:
        suffix: of the method's name in tables.
        make: of a space and a fraction.
        fraction: the setting that says which; empty for none.
    """

    suffix: str
    make: Callable[[Space, float | None], Keeps]
    fraction: str = "fraction"


def _all(_space: Space, _fraction: float | None) -> Keeps:
    return lambda archs: np.ones(len(archs), bool)


def _box(space: Space, fraction: float) -> Keeps:
    """The box rule around all cells of the space; both cells of a genotype must lie in it."""
    whole = space.population()
    box = box_rule(whole.depth, whole.width, fraction)
    return lambda archs: _inside(box, *space.shapes(archs)).all(axis=1)


def _published(space: Space, _fraction: float | None) -> Keeps:
    """A fixed box; of a genotype the normal cell counts, of its parallel edges the later one."""
    fixed = BOXES[space.name]
    return lambda archs: _inside(fixed, *space.shapes(archs, "last"))[:, 0]


def _kernel(space: Space, fraction: float) -> Keeps:
    """Of the box of f = 1/2, what reaches the upper `fraction` of the space by its kernel.

    The mark is a quantile, over the architectures with a depth, of the mean correlation of the
    exact NNGP kernel on the mini-batch of the first seed. Whoever reaches the mark is kept, so
    that equal kernels stand or fall together, whatever the order of the space.
    """
    score, in_box = space.score, _box(space, 0.5)
    images = draw_batch(load_dataset(score.dataset), score.batch_size, score.seeds[0])
    known: dict[str, float] = {}

    def correlations(archs: Sequence[str]) -> np.ndarray:
        wirings = [space.wiring(arch) for arch in archs]
        new = {wiring: arch for wiring, arch in zip(wirings, archs) if wiring not in known}
        found = correlations_of([space.dags(arch) for arch in new.values()], images)
        known.update(zip(new, found))
        return np.array([known[wiring] for wiring in wirings])

    all_of_them = space.sample()
    deep = (space.shapes(all_of_them).depth > 0).all(axis=1)
    mark = np.quantile(correlations(all_of_them)[deep], 1 - fraction, method="lower")
    return lambda archs: in_box(archs) & (correlations(archs) >= mark)


def _inside(box: Box, depth: np.ndarray, width: np.ndarray) -> np.ndarray:
    return box.keeps(depth, width) & (depth > 0)


FILTERS = {
    "none": Filter("", _all, ""),
    "box": Filter(" + DAG", _box),
    "published": Filter(" + DAG, published box", _published, ""),
    "kernel": Filter(" + DAG + kernel", _kernel, "kernel_fraction"),
}
