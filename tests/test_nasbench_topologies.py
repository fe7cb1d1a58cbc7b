"""Cells grouped by topology, and the analysis as people run it."""

import csv
import gzip
import json
import shutil

import numpy as np
import pytest

from common.runs import RunSettings
from dag import Dag
from report.records import read_record
from report.topologies import draw_nasbench
from spaces.benchmark import AccuracyTable
from wot_dag import topologies as entry
from wot_dag.topologies import CellTopologiesConfig, correlate, topologies, topology_features

ARCH = "|{}~0|+|none~0|{}~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


def test_cells_with_equal_dags_are_averaged():
    kinds = [("nor_conv_3x3", "skip_connect"), ("nor_conv_1x1", "avg_pool_3x3"), ("none", "none")]
    cells = tuple(ARCH.format(*ops) for ops in kinds)
    table = AccuracyTable(cells, {"c/test@200": np.array([90.0, 80, 10])})
    dags, counts, means = topologies(table)
    assert dags == [Dag.parse("0_00_102"), Dag.parse("2_01_102")]
    assert counts.tolist() == [1, 2] and means["c"].tolist() == [10, 85]


def test_kernels_that_differ_by_rounding_are_one():
    pairs = [("1_11_022", "2_01_211"), ("1_11_122", "2_11_211"), ("1_11_222", "2_21_211")]
    images = np.random.default_rng(0).standard_normal((20, 30))
    dags = [Dag.parse(code) for pair in pairs for code in pair]
    ids = topology_features(dags, images)["kernel id"]
    assert ids[0::2].tolist() == ids[1::2].tolist() and len(set(ids)) == 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    small = {"kernel_samples": 16, "bootstrap": 2}
    return correlate(
        CellTopologiesConfig(**small, run=RunSettings("t", str(root)))
    ), root / "nasbench201_topologies/t"


def test_depth_and_width_correlate_as_the_published_functions_say(shared, run):
    """R(depth, width) again from the published depths and widths of each cell."""
    result, _ = run
    assert result["topologies"] == 662
    found = result["results"]["cifar10"]["with depth > 0"]
    assert found["topologies"] == 541
    assert result["results"]["cifar10"]["with a path"]["different_kernels"] == 77
    with gzip.open(shared / "goldens" / "nasbench201_depth_width.csv.gz", "rt") as handle:
        published = {row["arch"]: row for row in csv.DictReader(handle)}
    table = AccuracyTable.find("nasbench201")
    groups, names = {}, ("effective_depth", "effective_width")
    for arch, accuracy in zip(table.architectures, table.column("cifar10")):
        shape = tuple(float(published[arch][key]) for key in names)
        if shape[0] > 0:
            topology = arch.replace("avg_pool_3x3", "skip_connect")
            topology = topology.replace("nor_conv_1x1", "nor_conv_3x3")
            groups.setdefault((topology, shape), []).append(accuracy)
    y = np.array([np.mean(values) for values in groups.values()])
    design = np.array([[1, *shape] for _, shape in groups])
    fit = design @ np.linalg.lstsq(design, y)[0]
    expected = np.corrcoef(fit, y)[0, 1]
    assert found["regressions"]["depth, width"]["r"] == pytest.approx(expected, rel=1e-6)


def test_the_figure_shows_what_the_record_predicts(run, tmp_path):
    """Points and their R, which is not computed anew: another one in the record is shown."""
    result, folder = run
    held_out = result["results"]["cifar10"]["with depth > 0"]["regressions"]
    names = ("depth, width", "depth, width, kernel")
    figure = draw_nasbench(read_record(folder, folder))
    for panel, name in zip(figure.axes[1:3], names):
        (dots,) = panel.collections
        r = held_out[name]["cross_validated_r"]
        assert np.corrcoef(dots.get_offsets().T)[0, 1] == pytest.approx(r, abs=1e-6)
        assert panel.get_title() == f"{name}\nheld-out R = {r:.2f}"
    assert json.loads((folder / "result.json").read_text()) == json.loads(json.dumps(result))
    other = shutil.copytree(folder, tmp_path / "other")
    changed = json.loads(json.dumps(result))
    fits = changed["results"]["cifar10"]["with depth > 0"]["regressions"]
    fits[names[1]]["cross_validated_r"] = 0.125
    (other / "result.json").write_text(json.dumps(changed))
    figure = draw_nasbench(read_record(other, other))
    assert figure.axes[2].get_title() == f"{names[1]}\nheld-out R = 0.12"


def test_a_missing_table_is_one_line(tmp_path, monkeypatch):
    words = ["x", "--table", "no.csv", "--run.root", str(tmp_path), "--bootstrap", "2"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match=r"^python -m wot_dag.topologies: table: found no file"):
        entry.main()
