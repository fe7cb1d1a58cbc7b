"""Effective depth and width over a whole space: `python -m spaces.depth_width nas-bench-201`.

Prints the midrange, the half-range, and for each fraction f the box and how many cells it keeps.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from dag import EdgeOp, box_rule, effective_depth_width, effective_depth_width_many
from spaces import darts, nasbench201
from spaces.darts import Genotype
from spaces.errors import SpaceError
from spaces.nds import read_nds
from spaces.operators import OPERATOR_TABLE

FRACTIONS = (1.0, 0.75, 0.5, 0.25)
_CHUNK = 50_000  # DAGs at a time: what effective_depth_width_many needs stays in the cache


class Shapes(NamedTuple):
    """Depth and width [architectures, cells]: one cell (NAS-Bench-201) or normal, reduction."""

    depth: np.ndarray
    width: np.ndarray


@cache
def nasbench201_shapes() -> Shapes:
    """Of all 15,625 cells, in the order of `all_cells`; arrays [15625, 1]."""
    kinds = np.array([OPERATOR_TABLE[name].edge_op for name in nasbench201.OPERATORS])
    grid = itertools.product(range(len(kinds)), repeat=len(nasbench201.EDGES))
    ops = kinds[np.array(list(grid))]
    counts = np.zeros((2, len(ops), *[nasbench201.NUM_NODES] * 2), np.int8)
    for (source, target), column in zip(nasbench201.EDGES, ops.T):
        counts[0, :, source, target] = column == EdgeOp.SKIP
        counts[1, :, source, target] = column == EdgeOp.LINEAR
    shapes = _reshape(effective_depth_width_many(*counts), 1)
    for array in shapes:
        array.setflags(write=False)  # whoever asks gets these
    return shapes


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


def describe(shapes: Shapes, fractions: Sequence[float] = FRACTIONS) -> list[str]:
    """Lines: what there is, midrange and half-range, and what the box of each f keeps.

    The box is drawn around all cells; an architecture is kept if all its cells are.
    """
    valid = (shapes.depth > 0) & (shapes.width > 0)
    whole = box_rule(shapes.depth[valid], shapes.width[valid], 1.0)
    lines = [
        f"architectures {len(valid):,}, cells {valid.size:,}, of depth and width 0: "
        f"{valid.size - valid.sum():,}",
        f"midrange  depth {sum(whole.depth) / 2:.4g}, width {sum(whole.width) / 2:.4g}",
        f"radius    depth {(whole.depth[1] - whole.depth[0]) / 2:.4g}, "
        f"width {(whole.width[1] - whole.width[0]) / 2:.4g}",
        f"{'f':>5}  {'depth':>17}  {'width':>17}  {'cells kept':>12}  architectures kept",
    ]
    for fraction in fractions:
        box = box_rule(shapes.depth[valid], shapes.width[valid], fraction)
        kept = valid & box.keeps(shapes.depth, shapes.width)
        ranges = (f"{low:.4g} .. {high:.4g}" for low, high in (box.depth, box.width))
        lines.append(
            f"{fraction:>5}  {next(ranges):>17}  {next(ranges):>17}  {kept.sum():>12,}  "
            f"{kept.all(axis=1).sum():>18,}"
        )
    return lines


def shapes_of(space: str, samples: int, seed: int) -> Shapes:
    """Of a named space or an NDS file.

    Raises:
        SpaceError: neither a space nor a file, or a file that cannot be read.
    """
    if space == "nas-bench-201":
        return nasbench201_shapes()
    if space == "darts":
        return random_darts_shapes(samples, seed)
    if not Path(space).is_file():
        raise SpaceError(
            f"space {space!r}: expected nas-bench-201, darts or an existing NDS file (.json)"
        )
    return genotype_shapes([entry.genotype for entry in read_nds(space)])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m spaces.depth_width", description=__doc__)
    parser.add_argument("space", help="nas-bench-201, darts, or the path of an NDS file (.json)")
    parser.add_argument(
        "--samples", type=int, default=1_000_000, help="random genotypes of darts (1,000,000)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if not 1 <= options.samples <= 10**9:
        parser.error(f"--samples: found {options.samples}, expected 1 to 10^9")
    try:
        lines = describe(shapes_of(options.space, options.samples, options.seed))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
