"""DARTS-like genotypes: text, JSON, DAGs, random cells and NDS files."""

import itertools
import json

import numpy as np
import pytest

from dag import EdgeOp, effective_depth_width
from spaces.darts import OPERATORS, CellGenotype, Genotype
from spaces.errors import SpaceError
from spaces.nds import read_nds

DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def test_text_and_json_round_trip():
    genotype = Genotype.parse(DARTS_V2)
    assert str(genotype) == DARTS_V2
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert Genotype.parse(DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 6)")) == genotype


def test_dag_joins_concatenated_nodes_to_the_output():
    dag = Genotype.parse(DARTS_V2).to_dag("normal")
    assert (dag.num_nodes, dag.num_inputs) == (7, 2)
    assert {e.source for e in dag.edges if e.target == 6} == {2, 3, 4, 5}
    assert (2, 5, EdgeOp.LINEAR) in dag.edges
    assert (0, 5, EdgeOp.SKIP) in dag.edges


def test_depth_and_width_equal_the_goldens(shared):
    cases = json.loads((shared / "goldens/darts_depth_width.json").read_text())
    for case in cases:
        cell = CellGenotype(tuple(map(tuple, case["cell"])), (2, 3, 4, 5))
        depth, width = effective_depth_width(cell.to_dag())
        assert depth == pytest.approx(case["depth"], abs=1e-12)
        assert width == pytest.approx(case["width"], abs=1e-12)


def test_parallel_edges_both_count_unless_the_last_overwrites():
    cell = CellGenotype((("skip_connect", 0), ("sep_conv_3x3", 0)), (2,))
    assert effective_depth_width(cell.to_dag()) == (0.5, 2.0)
    assert effective_depth_width(cell.to_dag(parallel="last")) == (1.0, 1.0)


def test_cells_of_other_families_fit():
    cell = CellGenotype(
        (("sep_conv_7x7", 1), ("max_pool_7x7", 0)) + (("conv_7x1_1x7", 2),) * 2, (3,)
    )
    assert cell.num_nodes == 2
    assert effective_depth_width(cell.to_dag()) == (1.5, 8 / 3)


def test_random_genotypes_follow_darts_rule():
    rng = np.random.default_rng(0)
    pairs, names = set(), set()
    for _ in range(300):
        cell = Genotype.random(rng).reduce
        for node in range(4):
            (a, i), (b, j) = cell.edges[2 * node : 2 * node + 2]
            assert i < j < node + 2
            pairs.add((node, i, j))
            names |= {a, b}
        assert cell.concat == (2, 3, 4, 5)
    assert names == set(OPERATORS[1:])
    assert pairs == {(n, *p) for n in range(4) for p in itertools.combinations(range(n + 2), 2)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DARTS_V2.replace("'skip_connect', 0", "'skip_conect', 0", 1), ["normal", "skip_connect"]),
        (DARTS_V2.replace("'dil_conv_3x3', 2", "'dil_conv_3x3', 5"), ["node 5", "0 .. 4"]),
        (DARTS_V2.replace("reduce_concat=[2, 3, 4, 5]", "reduce_concat=[2, 6]"), ["reduce", "6"]),
        (DARTS_V2.replace(", normal_concat=[2, 3, 4, 5]", ""), ["normal_concat"]),
        (DARTS_V2.replace("('sep_conv_3x3', 0), ", "", 1), ["7 edges"]),
        ("__import__('os').getcwd()", ["Genotype(normal="]),
        (DARTS_V2.replace("[2, 3, 4, 5]", "open('x')"), ["Genotype(normal="]),
        ("Genotype(", ["Genotype(normal="]),
        (DARTS_V2.replace("[2, 3, 4, 5]", "array([array([2])])", 1), ["concat: found node [2]"]),
    ],
)
def test_bad_text_is_one_clear_line(text, words):
    with pytest.raises(SpaceError) as error:
        Genotype.parse(text)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def _entry(**changes):
    net = {"genotype": Genotype.parse(DARTS_V2).to_dict(), "width": 16, "depth": 8}
    return {"net": net | changes, "test_ep_top1": [50.0, 7.25]}


@pytest.mark.parametrize("shape", [list, lambda e: {"top": e[:1], "mid": e[1:]}])
def test_nds_files_of_both_shapes(tmp_path, shape):
    (tmp_path / "nds.json").write_text(json.dumps(shape([_entry(), _entry(width=20)])))
    entries = read_nds(tmp_path / "nds.json")
    assert [(e.width, e.depth, e.test_error) for e in entries] == [(16, 8, 7.25), (20, 8, 7.25)]
    assert entries[0].genotype == Genotype.parse(DARTS_V2)


def test_bad_nds_entries_are_named(tmp_path):
    path = tmp_path / "nds.json"
    path.write_text(json.dumps([_entry(), {"net": {}, "test_ep_top1": [1.0]}]))
    with pytest.raises(SpaceError, match=r"\[1\]: KeyError 'width'"):
        read_nds(path)
    path.write_text(json.dumps([_entry(genotype={"normal": []})]))
    with pytest.raises(SpaceError, match=r"\[0\]: KeyError 'normal_concat'"):
        read_nds(path)
    genotype = Genotype.parse(DARTS_V2).to_dict() | {"reduce_concat": [9]}
    path.write_text(json.dumps([_entry(genotype=genotype)]))
    with pytest.raises(SpaceError, match=r"\[0\]: reduce cell: concat: found node 9"):
        read_nds(path)
    for nothing in ("[]", "{}", '{"top": []}'):
        path.write_text(nothing)
        with pytest.raises(SpaceError, match=r"nds\.json: found no genotypes"):
            read_nds(path)
    for damage in (b"{", b"\xff\xfe\x00", b"[" * 100_000):
        path.write_bytes(damage)
        with pytest.raises(SpaceError, match="not JSON"):
            read_nds(path)


@pytest.mark.parametrize("error", [float("nan"), float("inf"), -1.0, 100.5, None, "x"])
def test_an_error_that_is_no_share_is_named(tmp_path, error):
    path = tmp_path / "nds.json"
    path.write_text(json.dumps([_entry() | {"test_ep_top1": [9.0, error]}]))
    with pytest.raises(SpaceError, match=r"nds.json: \[0\]: .*expected net.genotype"):
        read_nds(path)
    path.write_text(json.dumps([_entry(width=float("inf"))]))
    with pytest.raises(SpaceError, match=r"\[0\]: OverflowError"):
        read_nds(path)
