"""Effective depth and width against an enumeration of paths, and reference values."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dag import (
    Dag,
    EdgeOp,
    EdgeShares,
    depth_histogram,
    effective_depth_width,
    effective_depth_width_many,
    expected_depth_width,
)


@st.composite
def dags(draw):
    """Small graphs with several inputs and parallel edges."""
    nodes = draw(st.integers(2, 6))
    inputs = draw(st.integers(1, nodes - 1))
    target = st.integers(inputs, nodes - 1)
    edges = []
    for _ in range(draw(st.integers(0, 12))):
        t = draw(target)
        edges.append((draw(st.integers(0, t - 1)), t, draw(st.sampled_from(EdgeOp))))
    return Dag(nodes, tuple(edges), inputs)


def path_depths(dag):
    """Number of linear operations of every path, by walking them all."""

    def walk(node, depth):
        if node == dag.output:
            yield depth
        for edge in dag.edges:
            if edge.source == node:
                yield from walk(edge.target, depth + (edge.op == EdgeOp.LINEAR))

    return [depth for start in range(dag.num_inputs) for depth in walk(start, 0)]


def by_definition(depths):
    """Def. 4.1, word for word."""
    if not any(depths):
        return 0.0, 0.0
    depth = sum(depths) / len(depths)
    return depth, sum(d > 0 for d in depths) / depth


@given(dags())
@settings(max_examples=300)
def test_against_all_paths(dag):
    depths = path_depths(dag)
    assert effective_depth_width(dag) == pytest.approx(by_definition(depths), rel=1e-12)
    assert depth_histogram(dag) == {d: depths.count(d) for d in sorted(set(depths))}


@given(st.lists(dags(), min_size=1, max_size=5))
def test_many_at_once(several):
    several = [d for d in several if d.num_nodes == several[0].num_nodes]
    several = [d for d in several if d.num_inputs == several[0].num_inputs]
    nodes = several[0].num_nodes
    counts = np.zeros((2, len(several), nodes, nodes), np.int64)
    for k, dag in enumerate(several):
        for source, target, op in dag.edges:
            counts[op - 1, k, source, target] += 1
    depth, width = effective_depth_width_many(counts[0], counts[1], several[0].num_inputs)
    assert list(zip(depth, width)) == [
        pytest.approx(tuple(effective_depth_width(dag))) for dag in several
    ]


def test_many_at_once_refuses_what_64_bits_cannot_count():
    nodes = 80
    linear = np.ones((1, nodes, nodes), np.int64)
    with pytest.raises(ValueError, match="64-bit"):
        effective_depth_width_many(np.zeros_like(linear), linear)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("2_02_002", (3, 1 / 3)), ("1_01_222", (1, 3)), ("2_21_112", (1.25, 2.4))],
)
def test_the_three_dags_of_figure_3(code, expected):
    assert effective_depth_width(Dag.parse(code)) == pytest.approx(expected)


@pytest.mark.parametrize("code", ["0_00_000", "1_01_001", "2_02_000", "0_02_012"])
def test_degenerate_dags(code):
    assert effective_depth_width(Dag.parse(code)) == (0, 0)


def test_a_complete_dag_has_binomial_depths():
    n = 80
    dag = Dag(n, tuple((i, j, 2) for j in range(n) for i in range(j)))
    # A path picks any of the n - 2 inner nodes and has one more edge than it picks.
    histogram = {d: math.comb(n - 2, d - 1) for d in range(1, n)}
    assert depth_histogram(dag) == histogram
    assert effective_depth_width(dag) == pytest.approx((n / 2, 2 ** (n - 2) / (n / 2)))


def test_a_thousand_nodes_and_a_very_long_chain():
    ladder = Dag(1000, tuple((i, i + 1, op) for i in range(999) for op in (1, 2)))
    assert effective_depth_width(ladder) == (499.5, pytest.approx((2**999 - 1) / 499.5))
    chain = Dag(20_000, tuple((i, i + 1, 2) for i in range(19_999)))
    assert effective_depth_width(chain) == (19_999, pytest.approx(1 / 19_999))
    assert depth_histogram(chain) == {19_999: 1}


@st.composite
def supernets(draw):
    nodes = draw(st.integers(2, 5))
    inputs = draw(st.integers(1, nodes - 1))
    edges = []
    for _ in range(draw(st.integers(1, 7))):
        t = draw(st.integers(inputs, nodes - 1))
        ops = draw(st.lists(st.sampled_from(EdgeOp), max_size=4))
        edges.append(EdgeShares.of(draw(st.integers(0, t - 1)), t, ops))
    return edges, nodes, inputs


def sub_paths(edges, node, output):
    """(probability, linear picks) of every sub-path from `node`, by walking them all."""
    if node == output:
        yield 1.0, 0
    for edge in edges:
        if edge.source == node:
            for share, linear in ((edge.skip, 0), (edge.linear, 1)):
                if share > 0:
                    for weight, d in sub_paths(edges, edge.target, output):
                        yield share * weight, d + linear


@given(supernets())
@settings(max_examples=200)
def test_expected_values_against_all_sub_paths(supernet):
    edges, nodes, inputs = supernet
    per_input = [list(sub_paths(edges, a, nodes - 1)) for a in range(inputs)]
    count = sum(map(len, per_input))
    depth = sum(
        len(paths) * sum(w * d for w, d in paths) / sum(w for w, _ in paths) / count
        for paths in per_input
        if paths
    )
    positive = sum(w for paths in per_input for w, d in paths if d > 0)
    expected = (depth, positive / depth) if depth else (0, 0)
    assert expected_depth_width(edges, nodes, inputs) == pytest.approx(expected, abs=1e-12)


@given(dags())
def test_one_operator_per_edge_is_the_exact_measure(dag):
    if dag.num_inputs == 1:
        edges = [EdgeShares.of(s, t, [op]) for s, t, op in dag.edges]
        expected = pytest.approx(effective_depth_width(dag))
        assert expected_depth_width(edges, dag.num_nodes) == expected


OPS = {"none": EdgeOp.ZERO, "skip_connect": EdgeOp.SKIP, "avg_pool_3x3": EdgeOp.SKIP}
OPS |= {"max_pool_3x3": EdgeOp.SKIP}


def kind(name):
    return OPS.get(name, EdgeOp.LINEAR)


def darts_edges(cell):
    """Two inputs, four intermediate nodes with two edges each; all join the output by skips."""
    edges = [(s, 2 + k // 2, kind(op)) for k, (op, s) in enumerate(cell)]
    return [*edges, *((node, 6, EdgeOp.SKIP) for node in range(2, 6))]


def test_darts_cells(shared):
    cases = json.loads((shared / "goldens/darts_depth_width.json").read_text())
    assert len(cases) == 120
    for case in cases:
        found = effective_depth_width(Dag(7, tuple(darts_edges(case["cell"])), 2))
        assert found == pytest.approx((case["depth"], case["width"]), abs=1e-9)


def test_supernets(shared):
    golden = json.loads((shared / "goldens/supernet_depth_width.json").read_text())
    pairs = {
        "nas-bench-201": ([(i, j) for j in range(1, 4) for i in range(j)], 4, 1),
        "darts": ([(i, j) for j in range(2, 6) for i in range(j)], 7, 2),
    }
    for space, cases in golden["cases"].items():
        joined, nodes, inputs = pairs[space]
        assert cases
        for case in cases:
            edges = []
            for (i, j), mask in zip(joined, case["operators_left"]):
                names = [n for n, left in zip(golden["operators"][space], mask) if left]
                edges.append(EdgeShares.of(i, j, [kind(name) for name in names]))
            if space == "darts":
                edges += [EdgeShares(node, 6, 1.0, 0.0) for node in range(2, 6)]
            found = expected_depth_width(edges, nodes, inputs)
            assert found == pytest.approx((case["depth"], case["width"]), abs=1e-9)
