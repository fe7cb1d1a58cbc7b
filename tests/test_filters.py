"""The box rule and the exempt rule."""

import csv
import gzip
import itertools

import numpy as np
import pytest

from dag import Box, box_rule, exempt_count, exempt_rule


@pytest.fixture(scope="module")
def shapes(shared):
    with gzip.open(shared / "goldens/nasbench201_depth_width.csv.gz", "rt") as file:
        rows = [
            (float(r["effective_depth"]), float(r["effective_width"])) for r in csv.DictReader(file)
        ]
    return np.array(rows).T


@pytest.mark.parametrize(
    ("fraction", "kept"), [(1, 13642), (0.75, 9762), (0.5, 6256), (0.25, 1376)]
)
def test_what_stays_of_nasbench201(shapes, fraction, kept):
    box = box_rule(*shapes, fraction)
    assert box.keeps(*shapes).sum() == kept


def test_degenerate_cells_and_ranges_of_nasbench201(shapes):
    depth, width = shapes
    assert ((depth == 0) & (width == 0)).sum() == 1983
    valid = depth > 0
    assert (depth[valid].min(), depth.max()) == (0.25, 3)
    assert (width[valid].min(), width.max()) == (pytest.approx(1 / 3), 4)


def test_the_published_box_of_nasbench201(shapes):
    assert Box((0.99, 2.51), (0.99, 3.01)).keeps(*shapes).sum() == 8226


def test_box_by_hand():
    depth, width = np.array([0, 1.0, 2.0, 3.0]), np.array([0, 1.0, 4.0, 5.0])
    box = box_rule(depth, width, 0.5)
    assert box == Box((1.5, 2.5), (2.0, 4.0))
    assert box.keeps(depth, width).tolist() == [False, False, True, False]


@pytest.mark.parametrize("fraction", [0, -0.5, 1.5, float("nan")])
def test_a_bad_fraction_is_refused(fraction):
    with pytest.raises(ValueError, match="expected 0 < f <= 1"):
        box_rule(np.array([1.0]), np.array([1.0]), fraction)


def test_a_space_without_depth_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        box_rule(np.zeros(3), np.zeros(3))


@pytest.mark.parametrize(
    ("left", "prune", "count"), [(4, 1, 2), (3, 1, 1), (2, 1, 0), (7, 3, 2), (5, 3, 1), (3, 3, 0)]
)
def test_how_many_are_exempt(left, prune, count):
    assert exempt_count(left, prune) == count


def test_the_nearest_to_the_centroid_are_exempt():
    points = [(0, 0), (4, 0), (2, 0.5), (2, 2), (2, 0.5)]  # centroid (2, 0.6)
    assert exempt_rule(points, 2) == [2, 4]
    assert exempt_rule(points, 3) == [2, 4, 3]
    assert exempt_rule(points, 0) == [] and exempt_rule([], 2) == []


def test_of_points_equally_near_the_lower_depth_is_exempt_first():
    shallow, deep = (0.8, 3.0), (1.0, 2.6)
    assert exempt_rule([deep, shallow, shallow, deep], 2) == [1, 2]
    assert exempt_rule([shallow, deep, shallow, deep], 2) == [0, 2]
    assert exempt_rule([deep, shallow, shallow, deep], 3) == [1, 2, 0]
    # rounding in the last digits does not undo a tie
    assert exempt_rule([deep, (0.8 + 1e-16, 3 - 4e-16), (0.8, 3.0), (1.0, 2.6 + 4e-16)], 2) == [
        1,
        2,
    ]


def test_of_points_equally_near_and_deep_the_lower_width_is_exempt_first():
    assert exempt_rule([(1, 3), (1, 2)], 1) == [1] and exempt_rule([(1, 2), (1, 3)], 1) == [0]


def test_equal_points_stand_or_fall_together_in_any_order():
    points = [(0.8, 3.0), (0.8, 3.0), (1.0, 2.6), (1.0, 2.6)]  # as in NAS-Bench-201's round 1
    for order in itertools.permutations(range(4)):
        chosen = exempt_rule([points[i] for i in order], 2)
        assert {order[i] for i in chosen} == {0, 1}


def test_the_order_decides_among_equal_points_without_room_for_all():
    points = [(1.2, 4.0)] * 3 + [(1.0, 4.1)] * 4
    assert exempt_rule(points, 2) == [3, 4]
    assert exempt_rule(points[::-1], 2) == [0, 1]
