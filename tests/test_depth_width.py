"""Effective depth and width over whole spaces, against one DAG at a time."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest

from dag import Dag, Edge, EdgeOp, effective_depth_width
from spaces.darts import Genotype
from spaces.depth_width import (
    describe,
    genotype_shapes,
    main,
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


def test_nasbench201_boxes_keep_the_known_numbers(capsys):
    assert main(["nas-bench-201"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "15,625, cells 15,625, of depth and width 0: 1,983" in lines[0]
    assert "depth 1.625, width 2.167" in lines[1]
    assert [line.split()[-2] for line in lines[4:]] == ["13,642", "9,762", "6,256", "1,376"]


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


def test_architectures_pass_only_with_all_their_cells():
    depth = np.array([[1.0, 1.0], [1.0, 3.0], [2.0, 2.0], [0.0, 2.0]])
    lines = describe(type(nasbench201_shapes())(depth, depth.copy()), [1.0, 0.5])
    assert lines[0].endswith("0: 1")
    assert [line.split()[-2:] for line in lines[4:]] == [["7", "3"], ["3", "1"]]


def test_darts_and_nds_from_the_command_line(tmp_path, capsys):
    assert main(["darts", "--samples", "500"]) == 0
    assert "architectures 500, cells 1,000" in capsys.readouterr().out
    net = {"genotype": None, "width": 16, "depth": 8}
    rng = np.random.default_rng(0)
    entries = [
        {"net": net | {"genotype": Genotype.random(rng, nodes).to_dict()}, "test_ep_top1": [9.0]}
        for nodes in (4, 5, 4)
    ]
    path = tmp_path / "nds.json"
    path.write_text(json.dumps(entries))
    assert main([str(path)]) == 0
    assert "architectures 3, cells 6" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "[]x", "[]"])
def test_bad_spaces_are_one_line(tmp_path, capsys, content):
    path = tmp_path / "nds.json"
    if content is not None:
        path.write_text(content)
    assert main([str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
