"""Codes of DAGs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dag import Dag, Edge, EdgeOp, all_codes


@st.composite
def codes(draw, most_nodes=6):
    rows = draw(st.integers(1, most_nodes))
    digits = [draw(st.text("012", min_size=j, max_size=j)) for j in range(1, rows + 1)]
    return "_".join(digits)


@given(codes())
def test_a_code_survives_parsing(code):
    dag = Dag.parse(code)
    assert str(dag) == code
    assert Dag.parse(str(dag)) == dag and hash(Dag.parse(str(dag))) == hash(dag)


def test_edges_of_a_code():
    dag = Dag.parse("2_01_120")
    assert dag.edges == (
        Edge(0, 1, EdgeOp.LINEAR),
        Edge(1, 2, EdgeOp.SKIP),
        Edge(0, 3, EdgeOp.SKIP),
        Edge(1, 3, EdgeOp.LINEAR),
    )
    assert dag.num_nodes == 4 and dag.output == 3


@pytest.mark.parametrize(
    ("code", "row", "found", "expected", "pointer"),
    [
        ("2_02_02", "row 3", "2 digits '02'", "3 digits", 7),
        ("2_02_0022", "row 3", "4 digits '0022'", "3 digits", 8),
        ("2_02_003", "row 3", "'3'", "0 (zero), 1 (skip) or 2 (linear)", 7),
        ("2_02_", "row 3", "an empty row", "3 digits", 5),
        ("_2", "row 1", "an empty row", "1 digit,", 0),
        ("2 _02", "row 1", "' '", "a digit", 1),
        ("2_0-2", "row 2", "'-'", "a digit", 3),
    ],
)
def test_a_bad_code_is_named_and_pointed_at(code, row, found, expected, pointer):
    with pytest.raises(ValueError) as caught:
        Dag.parse(code)
    message, shown, caret = str(caught.value).split("\n")
    assert row in message and f"found {found}" in message and expected in message
    assert shown.strip() == code
    assert caret.index("^") - shown.index(code) == pointer


@pytest.mark.parametrize("code", ["", 202002, None, ["2"]])
def test_what_is_no_code_at_all(code):
    with pytest.raises(ValueError, match="bad DAG code"):
        Dag.parse(code)


def test_zero_edges_and_order_do_not_matter():
    a = Dag(3, ((0, 1, 2), (1, 2, 1), (0, 2, 0)))
    b = Dag(3, ((1, 2, EdgeOp.SKIP), (0, 1, EdgeOp.LINEAR)))
    assert a == b and hash(a) == hash(b)


def test_several_inputs_and_parallel_edges_have_no_code_but_a_text():
    parallel = Dag(2, ((0, 1, 2), (0, 1, 1)))
    assert len(parallel.edges) == 2
    with pytest.raises(ValueError, match="no code"):
        _ = parallel.code
    assert str(parallel) == "2 nodes, 1 inputs: 0-1:skip 0-1:linear"
    assert "2 inputs" in str(Dag(3, ((0, 2, 1), (1, 2, 2)), num_inputs=2))


@pytest.mark.parametrize("edge", [(1, 1, 2), (2, 1, 2), (0, 3, 2), (-1, 1, 1), (0, 1, 3)])
def test_an_edge_that_does_not_fit_is_refused(edge):
    with pytest.raises(ValueError):
        Dag(3, (edge,))


def test_no_edge_enters_an_input():
    with pytest.raises(ValueError, match="0 -> 1"):
        Dag(3, ((0, 1, 2),), num_inputs=2)


def test_a_dag_cannot_be_changed():
    with pytest.raises(AttributeError):
        Dag.parse("2").num_nodes = 5


def test_all_codes_of_three_layers():
    found = list(all_codes(3))
    assert len(found) == len(set(found)) == 729
    assert found[0] == "0_00_000" and found[-1] == "2_22_222" and "2_02_002" in found
    with pytest.raises(ValueError):
        next(all_codes(0))


def brute_force_live(dag):
    """Edges on some path, by enumerating all paths."""
    live = set()
    for length in range(1, dag.num_nodes):
        for path in itertools.permutations(dag.edges, length):
            joined = all(a.target == b.source for a, b in itertools.pairwise(path))
            if joined and path[0].source < dag.num_inputs and path[-1].target == dag.output:
                live |= set(path)
    return live


@given(codes(most_nodes=3))
def test_live_edges_against_all_paths(code):
    dag = Dag.parse(code)
    live = brute_force_live(dag)
    assert set(dag.live().edges) == live
    assert dag.has_path == bool(live)
