"""Cells grouped by topology, and the analysis as people run it."""

import csv
import gzip
import json

import numpy as np
import pytest

from dag import Dag
from report import nasbench_topologies
from report.cells import NASBENCH201, read_cell, read_topologies

ARCH = "|{}~0|+|none~0|{}~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


def test_cells_with_equal_dags_are_averaged(tmp_path):
    table = tmp_path / "table.csv"
    cells = [("nor_conv_3x3", "skip_connect"), ("nor_conv_1x1", "avg_pool_3x3"), ("none", "none")]
    lines = [f"{ARCH.format(*ops)},{value}" for ops, value in zip(cells, (90, 80, 10), strict=True)]
    table.write_text("\n".join(["arch,test", *lines]))
    means = read_topologies(table, ["test"], NASBENCH201)
    assert means == {Dag.parse("2_01_102"): [85.0], Dag.parse("0_00_102"): [10.0]}


def test_an_unknown_operator_or_column_is_named(tmp_path):
    with pytest.raises(ValueError, match="operator 'conv', expected none"):
        read_cell("|conv~0|", NASBENCH201)
    table = tmp_path / "table.csv"
    table.write_text("arch,test\n")
    with pytest.raises(ValueError, match="no column 'valid', found arch, test"):
        read_topologies(table, ["valid"], NASBENCH201)


def _table(shared):
    path = shared / "data" / "nasbench201.csv.gz"
    if not path.is_file():
        pytest.skip("no NAS-Bench-201 table beside the checkout")
    return path


def test_depth_and_width_correlate_as_the_published_functions_say(shared, tmp_path):
    """R(depth, width) again from the published depths and widths of each cell."""
    column, out = "cifar10/test@200", tmp_path / "out"
    options = ["--table", _table(shared), "--images", shared / "data" / "cifar10_subset.npz"]
    options += ["--out", out, "--n", 16, "--bootstrap", 5, "--accuracy", column]
    nasbench_topologies.main([str(option) for option in options])
    record = json.loads((out / "nasbench201.json").read_text())
    assert record["topologies"] == 729
    result = record["results"][column]["with depth > 0"]
    assert result["topologies"] == 541
    with gzip.open(shared / "goldens" / "nasbench201_depth_width.csv.gz", "rt") as handle:
        published = {row["arch"]: row for row in csv.DictReader(handle)}
    topologies, names = {}, ("effective_depth", "effective_width")
    with gzip.open(_table(shared), "rt") as handle:
        for row in csv.DictReader(handle):
            shape = tuple(float(published[row["arch"]][key]) for key in names)
            if shape[0] > 0:
                topology = row["arch"].replace("avg_pool_3x3", "skip_connect")
                topology = topology.replace("nor_conv_1x1", "nor_conv_3x3")
                topologies.setdefault((topology, shape), []).append(float(row[column]))
    y = np.array([np.mean(values) for values in topologies.values()])
    design = np.array([[1, *shape] for _, shape in topologies])
    fit = design @ np.linalg.lstsq(design, y)[0]
    expected = np.corrcoef(fit, y)[0, 1]
    assert result["regressions"]["depth, width"]["r"] == pytest.approx(expected, rel=1e-6)
    assert (out / "nasbench201.png").stat().st_size > 10_000


def test_a_missing_table_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match="No such file"):
        nasbench_topologies.main(["--table", str(tmp_path / "no.csv"), "--images", "no.npz"])
