"""Ranks and pruning order by hand, by a brute-force ranking, and the rounds' numbers."""

import itertools
import math

import pytest

from dag import exempt_count
from tenas_dag.candidates import DARTS, NAS_BENCH_201, Candidates
from tenas_dag.filters import FILTERS
from tenas_dag.ranking import Change, pruning_order, published_ranks, ranks, relative_change
from tenas_dag.rounds import Removal, next_round


def test_relative_changes_are_rounded_before_they_are_averaged():
    assert relative_change([1, 1], [1 - 0.0004, 1 - 0.0004]) == 0  # their mean is not
    assert relative_change([1, 1], [1 - 0.0006, 1 - 0.0014]) == 0.001
    assert relative_change([200, 100], [150, 120]) == pytest.approx((0.25 - 0.2) / 2)
    assert math.isnan(relative_change([math.nan, 1], [1, 1]))
    assert math.isnan(relative_change([1, 1], [1, math.nan]))


def test_equal_values_share_a_rank_and_nan_is_last():
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [2, 0, 2, 1]
    assert ranks([3.0, 1.0, 3.0, 2.0], descending=True) == [0, 2, 0, 1]
    assert ranks([math.nan, 5.0, 4.0], descending=True) == [2, 0, 1]


CHANGES = {
    "a": Change(0.1, 0.3),  # ranks 2 + 2
    "b": Change(0.5, 0.1),  # 0 + 0
    "c": Change(0.2, 0.4),  # 1 + 3
    "d": Change(0.2, 0.2),  # 1 + 1
}


def test_order_is_by_the_sum_of_both_ranks():
    # a and c have equal sums: without c kappa falls more
    assert pruning_order(CHANGES) == ["b", "d", "c", "a"]
    assert pruning_order(CHANGES, "kappa") == ["b", "c", "d", "a"]
    assert pruning_order(CHANGES, "regions") == ["b", "d", "a", "c"]


def test_the_order_of_the_list_does_not_decide_where_a_rank_does():
    for names in itertools.permutations("abcd"):
        listed = {name: CHANGES[name] for name in names}
        assert pruning_order(listed) == ["b", "d", "c", "a"]


def test_what_ties_in_both_ranks_keeps_its_place():
    equal = dict.fromkeys("zyx", Change(0.3, 0.2))
    for ranking in ("both", "kappa", "regions"):
        assert pruning_order(equal, ranking) == ["z", "y", "x"]


def test_published_ranks_sort_by_three_digits_and_count_by_all():
    values = [0.12344, 0.5, 0.12336, 0.12344, 0.2, 0.5]
    assert published_ranks(values) == [0, 4, 1, 2, 3, 4]
    assert published_ranks(values, descending=True) == [2, 0, 3, 4, 1, 0]
    assert ranks(values) == [1, 3, 0, 1, 2, 3]
    assert published_ranks([-0.0, 0.01, -12.345, -12.344]) == [2, 3, 0, 1]
    assert published_ranks([]) == []


def test_what_has_no_kappa_goes_last():
    changes = {"x": Change(math.nan, 0.0), "y": Change(-5.0, 0.0)}
    assert pruning_order(changes) == ["y", "x"]


def run_rounds(left, prune_number, kind):
    """Evaluations, exempt and the end, with changes that depend on the candidate alone."""
    evaluated = exempt = 0
    while current := next_round(left, prune_number, FILTERS[kind].exempt):
        evaluated += len(current.evaluated)
        exempt += len(current.exempt)
        changes = {r: Change(hash(r) % 7, hash(r) % 5) for r in current.evaluated}
        left, removed = current.prune(changes, "both")
        assert not set(removed) & set(current.exempt)
    return evaluated, exempt, left


@pytest.mark.parametrize(("kind", "expected"), [("none", (54, 0)), ("exempt", (36, 18))])
def test_evaluations_on_nas_bench_201(kind, expected):
    evaluated, exempt, left = run_rounds((Candidates.full(NAS_BENCH_201),), 1, kind)
    assert (evaluated, exempt) == expected
    left[0].to_cell()


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("prune_number", [2, 3])
def test_darts_ends_with_two_edges_per_node(prune_number, kind):
    start = (Candidates.full(DARTS), Candidates.full(DARTS))
    evaluated, exempt, left = run_rounds(start, prune_number, kind)
    for candidates in left:
        candidates.to_cell_genotype()
    counts, per_edge, skipped = 7, 0, 0
    while counts > 1:
        own = exempt_count(counts, prune_number) if kind == "exempt" else 0
        per_edge += counts - own
        skipped += own
        counts = max(counts - prune_number, 1)
    # nodes of 3, 4 and 5 edges compete in the last stage
    last = 2 * (3 + 4 + 5)
    groups = 2 * 3 if kind == "exempt" else 0
    assert (evaluated, exempt) == (28 * per_edge + last - groups, 28 * skipped + groups)


def test_exempt_operators_are_the_nearest_to_the_centroid():
    current = next_round((Candidates.full(NAS_BENCH_201),), 1, FILTERS["exempt"].exempt)
    for group in current.groups:
        points = [r.apply(current.left)[0].expected_depth_width() for r in group]
        centre = [sum(p[i] for p in points) / len(points) for i in (0, 1)]
        distance = {r: round(math.dist(p, centre), 9) for r, p in zip(group, points)}
        spared = [r for r in group if r in current.exempt]
        assert len(spared) == 2
        for near, far in itertools.product(spared, set(group) - set(spared)):
            assert distance[near] <= distance[far]


def exempt_names(left, prune_number):
    current = next_round(left, prune_number, FILTERS["exempt"].exempt)
    names = [[] for _ in current.groups]
    for removal in current.exempt:
        group = next(i for i, group in enumerate(current.groups) if removal in group)
        names[group].append(removal.operator)
    return names


def test_convolutions_are_exempt_first_in_round_1_of_nas_bench_201():
    # all four distances of each edge are equal
    found = exempt_names((Candidates.full(NAS_BENCH_201),), 1)
    assert found == [["nor_conv_1x1", "nor_conv_3x3"]] * 6


@pytest.mark.parametrize("prune_number", [2, 3])
def test_the_table_of_operators_decides_in_round_1_of_darts(prune_number):
    found = exempt_names((Candidates.full(DARTS),) * 2, prune_number)
    assert found == [["sep_conv_3x3", "sep_conv_5x5"]] * 28


def test_the_order_in_which_operators_are_listed_decides_nothing():
    names = Candidates.full(NAS_BENCH_201).left[0]
    for listed in itertools.permutations(names):
        left = (Candidates(NAS_BENCH_201, (listed,) * 6),)
        current, expected = (
            next_round(candidates, 1, FILTERS["exempt"].exempt)
            for candidates in (left, (Candidates.full(NAS_BENCH_201),))
        )
        assert (current.groups, current.exempt) == (expected.groups, expected.exempt)


def test_equal_changes_fall_in_the_order_of_cells_edges_and_operators():
    current = next_round((Candidates.full(NAS_BENCH_201),), 1, FILTERS["exempt"].exempt)
    left, removed = current.prune(dict.fromkeys(current.evaluated, Change(0, 0)), "both")
    assert removed == [Removal(0, edge, "skip_connect") for edge in range(6)]
    assert left[0].left == (("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"),) * 6


def test_a_node_is_pruned_at_a_time_in_the_stage_of_edges():
    cell = Candidates(DARTS, (("sep_conv_3x3",),) * 14)
    left, nodes = (cell, cell), []
    while current := next_round(left, 3, FILTERS["none"].exempt):
        (group,) = current.groups
        nodes.append({(r.cell, DARTS.edges[r.edge][1]) for r in group})
        assert current.left == left
        changes = {r: Change(-r.edge, 0) for r in group}  # the first edges of each node go
        left, _ = current.prune(changes, "both")
    assert nodes == [{(cell, node)} for cell in (0, 1) for node in (3, 4, 5)]
    kept = [[DARTS.edges[e] for e, names in enumerate(own.left) if names] for own in left]
    assert kept == [[(0, 2), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 5), (4, 5)]] * 2


def test_a_removal_takes_one_operator_or_the_whole_edge():
    left = (Candidates.full(DARTS), Candidates.full(DARTS))
    without = Removal(1, 3, "sep_conv_3x3").apply(left)
    assert without[0] == left[0] and "sep_conv_3x3" not in without[1].left[3]
    assert sum(len(names) for names in without[1].left) == 14 * 7 - 1
    assert Removal(0, 2, "").apply(left)[0].left[2] == ()
