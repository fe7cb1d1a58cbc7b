"""NNGP: how alike do two images come out of the cell's wiring? No network is built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from dag import Dag, mean_correlations
from wot_dag.scores.base import ALL, Group, Inputs, Score
from wot_dag.store import Key

if TYPE_CHECKING:
    from wot_dag.space import Space

_DIGITS = 12


class Nngp(Score):
    """Mean correlation, over pairs of images, of the exact NNGP kernel of the cell's DAG.

    Cells of one wiring have one value: of the 729 wirings of NAS-Bench-201 662 have a kernel, and
    the others -inf. In a search, of equal values that drawn first counts as higher: any of them
    is as likely, whatever the order of the space. A genotype has the mean over its two cells,
    whose inputs are taken for one: in the first cell they are. New here, so nothing is published.
    """

    chunk = ALL

    def pass_of(self, space: Space, arch: str) -> str:
        """The wiring."""
        return space.wiring(arch)

    def measure(self, inputs: Inputs, groups: Sequence[Group]) -> list[float]:
        """A kernel for each wiring, on the images of its seed."""
        found: dict[Key, float] = {}
        for seed in dict.fromkeys(group[0].seed for group in groups):
            own = [group for group in groups if group[0].seed == seed]
            dags = [inputs.space.dags(group[0].arch) for group in own]
            means = correlations_of(dags, inputs.batch(seed))
            found |= {key: mean for group, mean in zip(own, means) for key in group}
        return [found[key] for group in groups for key in group]


def correlations_of(cells: Sequence[Sequence[Dag]], images: Tensor) -> list[float]:
    """Of each architecture, the mean over its cells' DAGs; -inf if any has no path.

    Rounded, so that kernels that are equal on paper are equal here.
    """
    alive = [all(dag.has_path for dag in dags) for dags in cells]
    flat = [dag for dags, whole in zip(cells, alive) if whole for dag in dags]
    means = iter(mean_correlations(flat, images.flatten(1).double().cpu().numpy()))
    return [
        round(sum(next(means) for _ in dags) / len(dags), _DIGITS) if whole else -math.inf
        for dags, whole in zip(cells, alive)
    ]


SCORE = Nngp("NNGP")
