"""Effective depth and width over whole spaces, against one DAG at a time."""

import itertools
from collections import Counter

import numpy as np
import pytest

from dag import Dag, Edge, EdgeOp, box_rule, effective_depth_width
from spaces.darts import Genotype
from spaces.depth_width import (
    genotype_shapes,
    nasbench201_shapes,
    random_darts_counts,
    random_darts_shapes,
)
from spaces.nasbench201 import all_cells


def test_nasbench201_shapes_equal_one_cell_at_a_time():
    shapes = nasbench201_shapes()
    for index, cell in itertools.islice(enumerate(all_cells()), 0, None, 11):
        expected = effective_depth_width(cell.to_dag())
        assert (shapes.depth[index, 0], shapes.width[index, 0]) == pytest.approx(expected)


def test_nasbench201_boxes_keep_the_known_numbers():
    depth, width = nasbench201_shapes()
    whole = box_rule(depth, width, 1)
    assert (sum(whole.depth) / 2, sum(whole.width) / 2) == pytest.approx((1.625, 13 / 6))
    deep = (depth > 0) & (width > 0)
    boxes = [box_rule(depth, width, fraction) for fraction in (1, 0.75, 0.5, 0.25)]
    kept = [int((deep & box.keeps(depth, width)).sum()) for box in boxes]
    assert kept == [13_642, 9_762, 6_256, 1_376] and len(depth) == 15_625


def test_random_counts_are_the_cells_they_describe():
    skip, linear = random_darts_counts(np.random.default_rng(0), 200)
    shapes = random_darts_shapes(100, seed=0)
    for row in range(200):
        edges = [
            Edge(s, t, op)
            for op, counts in ((EdgeOp.SKIP, skip), (EdgeOp.LINEAR, linear))
            for s, t in np.argwhere(counts[row])
        ]
        assert Counter(e.target for e in edges) == {2: 2, 3: 2, 4: 2, 5: 2, 6: 4}
        depth, width = effective_depth_width(Dag(7, tuple(edges), 2))
        assert shapes.depth[row // 2, row % 2] == pytest.approx(depth)
        assert shapes.width[row // 2, row % 2] == pytest.approx(width)


def test_random_counts_have_the_law_of_random_genotypes():
    rng = np.random.default_rng(1)
    fast = random_darts_shapes(20_000, seed=2)
    plain = genotype_shapes([Genotype.random(rng) for _ in range(2_000)])
    for a, b in zip(fast, plain):
        spread = b.std() / np.sqrt(b.size)
        assert a.mean() == pytest.approx(b.mean(), abs=5 * spread)
        assert a.std() == pytest.approx(b.std(), rel=0.1)
