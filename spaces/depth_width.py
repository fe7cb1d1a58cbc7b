"""Effective depth and width over a whole space."""

import itertools
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from dag import EdgeOp, effective_depth_width, effective_depth_width_many
from spaces import darts, nasbench201
from spaces.darts import Genotype
from spaces.operators import OPERATOR_TABLE

_CHUNK = 50_000  # DAGs at a time: what effective_depth_width_many needs stays in the cache


class Shapes(NamedTuple):
    """Depth and width [architectures, cells]: one cell (NAS-Bench-201) or normal, reduction."""

    depth: np.ndarray
    width: np.ndarray


def nasbench201_shapes() -> Shapes:
    """Of all 15,625 cells, in the order of `all_cells`; arrays [15625, 1]."""
    kinds = np.array([OPERATOR_TABLE[name].edge_op for name in nasbench201.OPERATORS])
    grid = itertools.product(range(len(kinds)), repeat=len(nasbench201.EDGES))
    ops = kinds[np.array(list(grid))]
    counts = np.zeros((2, len(ops), *[nasbench201.NUM_NODES] * 2), np.int8)
    for (source, target), column in zip(nasbench201.EDGES, ops.T):
        counts[0, :, source, target] = column == EdgeOp.SKIP
        counts[1, :, source, target] = column == EdgeOp.LINEAR
    return _reshape(effective_depth_width_many(*counts), 1)


def random_darts_shapes(number: int, seed: int = 0, num_nodes: int = 4) -> Shapes:
    """Of `number` random genotypes by DARTS' rule; arrays [number, 2]."""
    rng = np.random.default_rng(seed)
    sizes = (min(_CHUNK, 2 * number - start) for start in range(0, 2 * number, _CHUNK))
    chunks = [
        effective_depth_width_many(*random_darts_counts(rng, size, num_nodes), num_inputs=2)
        for size in sizes
    ]
    return _reshape(tuple(np.concatenate(part) for part in zip(*chunks)), 2)


def random_darts_counts(
    rng: np.random.Generator, cells: int, num_nodes: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Skip and linear counts [cells, nodes, nodes] of random cells, all nodes concatenated.

    Each node draws an ordered pair of distinct sources and two operators other than none:
    the same law as `CellGenotype.random`.
    """
    nodes = num_nodes + darts.NUM_INPUTS + 1
    linear_by_index = np.array(
        [OPERATOR_TABLE[n].edge_op == EdgeOp.LINEAR for n in darts.OPERATORS[1:]]
    )
    skip, linear = (np.zeros((cells, nodes, nodes), np.int8) for _ in range(2))
    skip[:, darts.NUM_INPUTS : -1, -1] = 1
    rows = np.arange(cells)
    for target in range(darts.NUM_INPUTS, nodes - 1):
        first = rng.integers(target, size=cells)
        second = (first + rng.integers(1, target, size=cells)) % target
        for source in (first, second):
            is_linear = linear_by_index[rng.integers(len(linear_by_index), size=cells)]
            linear[rows, source, target] = is_linear
            skip[rows, source, target] = ~is_linear
    return skip, linear


def genotype_shapes(
    genotypes: Sequence[Genotype], parallel: Literal["both", "last"] = "both"
) -> Shapes:
    """Of given genotypes of any number of nodes; arrays [n, 2], normal cell first."""
    dags = [g.to_dag(which, parallel) for g in genotypes for which in ("normal", "reduce")]
    pairs = np.array([effective_depth_width(dag) for dag in dags]).reshape(-1, 2, 2)
    return Shapes(*np.moveaxis(pairs, 2, 0))


def _reshape(pair: tuple[np.ndarray, np.ndarray], cells: int) -> Shapes:
    return Shapes(*(array.reshape(-1, cells) for array in pair))
