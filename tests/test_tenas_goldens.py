"""Whole searches of the published code, its indicators replaced by numbers that a hash decides."""

import json
import zlib
from functools import cache

import numpy as np
import pytest

from tenas_dag.candidates import DARTS, NAS_BENCH_201, Candidates
from tenas_dag.filters import FILTERS
from tenas_dag.ranking import Change, published_ranks, ranks, relative_change
from tenas_dag.rounds import next_round

SPACES = {"nas-bench-201": (NAS_BENCH_201,), "darts": (DARTS, DARTS)}


@pytest.fixture(scope="module")
def searches(shared):
    return json.loads((shared / "goldens/tenas_rounds.json").read_text())["searches"]


@cache
def indicators(left, repetition, salt):
    """(kappa, R) as the goldens' first field defines them."""
    mask = bytes(
        name in names
        for candidates in left
        for names in candidates.left
        for name in candidates.topology.operators
    )
    words = [zlib.crc32(mask), repetition, salt]
    kappa = np.exp(np.random.default_rng([*words, 0]).normal(6, 1))
    return float(kappa), int(np.random.default_rng([*words, 1]).integers(200, 2990))


def change(left, removal, salt):
    before, after = (
        [indicators(networks, repetition, salt) for repetition in range(3)]
        for networks in (left, removal.apply(left))
    )
    return Change(*(relative_change(*pair) for pair in zip(zip(*before), zip(*after))))


def search(golden, rank):
    """What is left before each round and at the end, and the number of evaluations."""
    left, evaluations = tuple(map(Candidates.full, SPACES[golden["space"]])), 0
    found = [left]
    while current := next_round(left, golden["prune_number"], FILTERS["none"].exempt):
        changes = {r: change(left, r, golden["salt"]) for r in current.evaluated}
        evaluations += len(changes)
        left, _ = current.prune(changes, "both", rank)
        found.append(left)
    return found, evaluations


def of_operators(golden):
    """The golden states that rounds of operators end with."""
    return golden["states"][: None if golden["space"] == "nas-bench-201" else -1]


def agrees(golden, rank):
    found, evaluations = search(golden, rank)
    assert evaluations == golden["evaluations"]
    expected = of_operators(golden)
    edges = [[list(names) for cell in left for names in cell.left] for left in found]
    return edges[: len(expected)] == expected


def test_operator_rounds_agree_under_the_published_sort(searches):
    assert len(searches) == 50
    assert all(agrees(golden, published_ranks) for golden in searches)


def test_two_searches_differ_by_the_published_sort_alone(searches):
    differ = [(s["space"], s["salt"]) for s in searches if not agrees(s, ranks)]
    assert differ == [("nas-bench-201", 39), ("darts", 3)]


def plain_edge_stage(left, salt):
    """Cells, then nodes: all edges of a node compared with what is left now, the best two stay."""
    left = [list(cell.left) for cell in left]
    sources = DARTS.edges

    def measure(cell=None, edge=None):
        candidates = [list(names) for names in left]
        if cell is not None:
            candidates[cell][edge] = ()
        whole = tuple(Candidates(DARTS, tuple(names)) for names in candidates)
        return [indicators(whole, repetition, salt) for repetition in range(3)]

    for cell in (0, 1):
        for node in (3, 4, 5):  # two edges enter node 2
            edges = [e for e, (_, target) in enumerate(sources) if target == node]
            deltas = []
            for edge in edges:
                pairs = list(zip(measure(), measure(cell, edge)))
                deltas.append(
                    [np.mean([round((b[i] - a[i]) / b[i], 3) for b, a in pairs]) for i in (0, 1)]
                )
            kappa = sorted({-d[0] for d in deltas})
            regions = sorted({d[1] for d in deltas})
            score = [(kappa.index(-d[0]) + regions.index(d[1]), kappa.index(-d[0])) for d in deltas]
            for _, edge in sorted(zip(score, edges))[: len(edges) - 2]:
                left[cell][edge] = ()
    return left


def test_edges_go_node_after_node_by_ranks_within_the_node(searches):
    of_darts = [golden for golden in searches if golden["space"] == "darts"]
    assert len(of_darts) == 10
    for golden in of_darts:
        found, _ = search(golden, ranks)
        at_edges = found[len(golden["states"]) - 2]
        expected = plain_edge_stage(at_edges, golden["salt"])
        assert [list(cell.left) for cell in found[-1]] == expected
