"""Drawings and figures, made by the entry that people run."""

import json
import re
from collections import Counter
from statistics import stdev

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from common.runs import RunSettings
from dag import Dag
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.training import train
from report.__main__ import main
from report.convergence import curves, draw_convergence
from report.draw import draw_dags
from report.draw_topologies import draw_depth_width
from report.style import new_figure


def arrows(panel):
    """How many solid, dashed and removed (light grey) arrows a panel has."""
    kinds = Counter()
    for patch in panel.patches:
        if isinstance(patch, FancyArrowPatch):
            grey = patch.get_edgecolor()[0] == 0.87
            solid = patch.get_linestyle() == "-"
            kinds["removed" if grey else "solid" if solid else "dashed"] += 1
    return kinds


def test_edges_are_solid_dashed_or_grey():
    figure = draw_dags({"a": Dag.parse("2_21_112"), "b": Dag.parse("2_02_002")})
    a, b = figure.axes
    assert arrows(a) == {"solid": 3, "dashed": 3}
    assert arrows(b) == {"solid": 3, "removed": 3}
    assert "depth 1.25, width 2.4" in a.get_title()


def test_every_edge_of_a_parallel_pair_is_drawn():
    figure = draw_dags({"a": Dag(2, ((0, 1, 2), (0, 1, 1)))})
    assert sum(arrows(figure.axes[0]).values()) == 2


def test_large_graphs_leave_removed_edges_out():
    figure = draw_dags({"chain": Dag(12, tuple((i, i + 1, 2) for i in range(11)))})
    assert arrows(figure.axes[0])["removed"] == 0


def test_the_entry_draws_any_code(tmp_path, capsys):
    main(["dags", "mine=2_12", "0_20_112", "--out", str(tmp_path / "d")])
    assert (tmp_path / "d.png").stat().st_size > 5000
    assert (tmp_path / "d.pdf").read_bytes().startswith(b"%PDF")
    assert str(tmp_path / "d.png") in capsys.readouterr().out


@pytest.mark.parametrize("words", [["dags", "2_03"], ["convergence", "absent"]])
def test_errors_are_words(words):
    with pytest.raises(SystemExit, match=r"python -m report: (bad DAG code|absent holds no)"):
        main(words)


def test_a_convergence_figure_and_table(tmp_path):
    run = RunSettings("r", str(tmp_path))
    settings = MlpConfig(width=8, epochs=3, optimizer=SgdConfig(lr=0.01), device="cpu", run=run)
    result = train(settings)
    folder = tmp_path / "mlp/r"
    main(["convergence", str(folder)])
    for kind in ("png", "pdf"):
        assert (folder / f"convergence.{kind}").stat().st_size > 5000
    values = curves(folder, "train_accuracy")
    assert list(values) == ["DAG#1", "DAG#2", "DAG#3"] and values["DAG#1"].shape == (3, 3)
    for dag, row in result["dags"].items():
        assert values[dag][:, -1].mean() == pytest.approx(row["train_accuracy"]["mean"])
        shown = re.search(rf"\| {dag} \|.*", (folder / "convergence.md").read_text()).group()
        assert f"{row['test_accuracy']['mean']:.2f}" in shown


def test_records_are_kept_without_weights(tmp_path, capsys):
    run = tmp_path / "r"
    run.mkdir()
    with pytest.raises(SystemExit, match="no finished run"):
        main(["keep", str(run), str(tmp_path / "results")])
    for name in ("result.json", "metrics.jsonl", "best.pt", "lock", "config.yaml"):
        (run / name).write_text("{}")
    (run / "long.csv").write_text("x" * (2**20 + 1))
    main(["keep", str(run), str(tmp_path / "results")])
    kept = {path.name for path in (tmp_path / "results").iterdir()}
    assert kept == {"result.json", "metrics.jsonl", "config.yaml"}


def test_figures_share_one_style():
    assert new_figure(2, 1).get_layout_engine() is not None


def test_the_band_of_a_convergence_figure_is_the_sample_standard_deviation(tmp_path):
    rows = [(0, 50.0), (1, 60.0), (2, 90.0)]
    records = [
        {"dag": "A", "seed": seed, "epoch": 1, "train_accuracy": value, "train_loss": 1.0}
        for seed, value in rows
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (tmp_path / "metrics.jsonl").write_text(lines)
    (tmp_path / "result.json").write_text('{"seeds": [0, 1, 2], "dataset": "digits"}')
    (band,) = draw_convergence(tmp_path).axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    mean, std = 200 / 3, stdev(value for _, value in rows)
    assert (heights.min(), heights.max()) == pytest.approx((mean - std, mean + std))


def test_the_largest_spread_of_a_circle_is_a_standard_deviation():
    figure = new_figure(3, 3)
    panel = figure.subplots()
    accuracy = np.array([10.0, 18.0, 50.0])  # 4 about 14: its variance would be 16
    draw_depth_width(panel, np.array([1.0, 1, 2]), np.array([1.0, 1, 2]), accuracy, "name")
    assert panel.get_title() == "name\n3 topologies; size: std up to 4.0 %"
