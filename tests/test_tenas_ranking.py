"""Ranks and pruning order by hand, by a brute-force ranking, and the rounds' numbers."""

import itertools
import math

import pytest

from dag import exempt_count
from spaces.candidates import DARTS, NAS_BENCH_201, Candidates
from tenas_dag.ranking import Change, pruning_order, ranks, relative_change
from tenas_dag.rounds import Removal, next_round


def test_relative_changes_are_rounded_before_they_are_averaged():
    # 0.0004 rounds to 0 and 0.0006 to 0.001, each on its own
    assert relative_change([1, 1], [1 - 0.0004, 1 - 0.0006]) == 0.0005
    assert relative_change([200, 100], [150, 120]) == pytest.approx((0.25 - 0.2) / 2)
    assert math.isnan(relative_change([math.nan, 1], [1, 1]))
    assert math.isnan(relative_change([1, 1], [1, math.nan]))


def test_equal_values_share_a_rank_and_nan_is_last():
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [2, 0, 2, 1]
    assert ranks([3.0, 1.0, 3.0, 2.0], descending=True) == [0, 2, 0, 1]
    assert ranks([math.nan, 5.0, 4.0], descending=True) == [2, 0, 1]


def test_order_is_by_the_sum_of_both_ranks_and_ties_keep_their_place():
    changes = {
        "a": Change(0.1, 0.3),  # ranks 2 + 2
        "b": Change(0.5, 0.1),  # 0 + 0
        "c": Change(0.2, 0.4),  # 1 + 3
        "d": Change(0.2, 0.2),  # 1 + 1
    }
    assert pruning_order(changes) == ["b", "d", "a", "c"]
    assert pruning_order(changes, "kappa") == ["b", "c", "d", "a"]
    assert pruning_order(changes, "regions") == ["b", "d", "a", "c"]


def test_what_has_no_kappa_goes_last():
    changes = {"x": Change(math.nan, 0.0), "y": Change(-5.0, 0.0)}
    assert pruning_order(changes) == ["y", "x"]


def run_rounds(left, prune_number, exempting):
    """Evaluations, exempt and the end, with changes that depend on the candidate alone."""
    evaluated = exempt = 0
    while current := next_round(left, prune_number, exempting):
        evaluated += len(current.evaluated)
        exempt += len(current.exempt)
        changes = {r: Change(hash(r) % 7, hash(r) % 5) for r in current.evaluated}
        left, removed = current.prune(changes, "both")
        assert not set(removed) & set(current.exempt)
    return evaluated, exempt, left


@pytest.mark.parametrize(("exempting", "expected"), [(False, (54, 0)), (True, (36, 18))])
def test_evaluations_on_nas_bench_201(exempting, expected):
    evaluated, exempt, left = run_rounds((Candidates.full(NAS_BENCH_201),), 1, exempting)
    assert (evaluated, exempt) == expected
    left[0].to_cell()


@pytest.mark.parametrize("exempting", [False, True])
@pytest.mark.parametrize("prune_number", [2, 3])
def test_darts_ends_with_two_edges_per_node(prune_number, exempting):
    start = (Candidates.full(DARTS), Candidates.full(DARTS))
    evaluated, exempt, left = run_rounds(start, prune_number, exempting)
    for candidates in left:
        candidates.to_cell_genotype()
    counts, per_edge, skipped = 7, 0, 0
    while counts > 1:
        own = exempt_count(counts, prune_number) if exempting else 0
        per_edge += counts - own
        skipped += own
        counts = max(counts - prune_number, 1)
    # nodes of 3, 4 and 5 edges compete in the last stage
    last = 2 * (3 + 4 + 5)
    groups = 2 * 3 if exempting else 0
    assert (evaluated, exempt) == (28 * per_edge + last - groups, 28 * skipped + groups)


def test_exempt_operators_are_the_nearest_to_the_centroid():
    current = next_round((Candidates.full(NAS_BENCH_201),), 1, True)
    for group in current.groups:
        points = [r.apply(current.left)[0].expected_depth_width() for r in group]
        centre = [sum(p[i] for p in points) / len(points) for i in (0, 1)]
        distance = {r: round(math.dist(p, centre), 9) for r, p in zip(group, points)}
        spared = [r for r in group if r in current.exempt]
        assert len(spared) == 2
        for near, far in itertools.product(spared, set(group) - set(spared)):
            assert distance[near] <= distance[far]


def test_a_removal_takes_one_operator_or_the_whole_edge():
    left = (Candidates.full(DARTS), Candidates.full(DARTS))
    without = Removal(1, 3, "sep_conv_3x3").apply(left)
    assert without[0] == left[0] and "sep_conv_3x3" not in without[1].left[3]
    assert sum(len(names) for names in without[1].left) == 14 * 7 - 1
    assert Removal(0, 2, "").apply(left)[0].left[2] == ()
