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
from report.fig3 import draw_dags
from report.mlp import curves, draw_convergence
from report.records import read_record
from report.style import new_figure, save_figure
from report.topologies import draw_depth_width
from tests.records import keep, keep_mlp, record


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dags", "2_03"], "bad DAG code"),
        (["dags", "a=2_02", "a=2_12"], "found 'a' twice"),
        (["show", "mlp", "absent"], "found no folder absent"),
        (["summary", "absent"], "found no folder absent"),
        (["show", "mlp", "tests"], "found no record in tests"),
        (["summary", "tests"], "found no record in tests"),
    ],
)
def test_errors_are_words(words, told):
    with pytest.raises(SystemExit, match=f"report: {told}"):
        main(words)


def test_a_run_is_shown_as_table_and_figure(tmp_path, capsys):
    run = RunSettings("r", str(tmp_path))
    settings = MlpConfig(width=8, epochs=3, optimizer=SgdConfig(lr=0.01), device="cpu", run=run)
    result = train(settings)
    folder, out = tmp_path / "mlp/r", tmp_path / "out"
    before = sorted(folder.iterdir())
    main(["show", "all", str(folder), "--out", str(out)])
    assert sorted(folder.iterdir()) == before  # a report writes into no record
    for kind in ("png", "pdf"):
        assert (out / f"figures/mlp_r_convergence.{kind}").stat().st_size > 5000
    values = curves(read_record(folder, folder), "train_accuracy")
    assert list(values) == ["DAG#1", "DAG#2", "DAG#3"] and values["DAG#1"].shape == (3, 3)
    printed = capsys.readouterr().out
    for dag, row in result["dags"].items():
        assert values[dag][:, -1].mean() == pytest.approx(row["train_accuracy"]["mean"])
        shown = re.search(rf"\| {dag} \|.*", printed).group()
        assert f"{row['test_accuracy']['mean']:.2f}" in shown


def drawn(tmp_path, names, **settings):
    folder = keep_mlp(tmp_path, "m", names, **settings)
    figure = draw_convergence(read_record(tmp_path, folder))
    save_figure(figure, tmp_path / "f", ("png",))
    return figure


def test_every_curve_differs_and_stands_in_the_legend(tmp_path):
    figure = drawn(tmp_path, ["_hidden", *(f"dag {i}" for i in range(9)), "x" * 300])
    panel = figure.axes[0]
    lines = panel.get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 11
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    assert names[0] == "_hidden" and len(names) == 11 and max(map(len, names)) <= 24
    assert all(tick == int(tick) for tick in panel.get_xticks())


def test_one_seed_is_said_as_one(tmp_path):
    title = drawn(tmp_path, ["a"], seeds=[0]).get_suptitle()
    assert title == "digits: of 1 seed"
    assert "over 2 seeds" in drawn(tmp_path / "two", ["a"]).get_suptitle()


def test_records_are_kept_without_weights_and_pictures(tmp_path):
    run = tmp_path / "r"
    run.mkdir()
    with pytest.raises(SystemExit, match="holds no finished run"):
        main(["keep", str(run), str(tmp_path / "results")])
    run.rmdir()
    keep(tmp_path, "r", record("mlp"), {"a": 1})
    for name in ("best.pt", "lock", "a.png"):
        (run / name).write_text("{}")
    (run / "long.csv").write_text("x" * (2**21 + 1))
    with pytest.raises(SystemExit, match=r"long.csv of 2.0 MiB, expected records of 2 MiB"):
        main(["keep", str(run), str(tmp_path / "results")])
    (run / "long.csv").unlink()
    main(["keep", str(run), str(tmp_path / "results")])
    kept = {path.name for path in (tmp_path / "results").iterdir()}
    assert kept == {"result.json", "environment.json", "config.yaml"}


def test_figures_share_one_style():
    assert new_figure(2, 1).get_layout_engine() is not None


def test_the_band_of_a_convergence_figure_is_the_sample_standard_deviation(tmp_path):
    folder, values = keep_mlp(tmp_path, "m", ["a"], seeds=[0, 1, 2]), (50.0, 60.0, 90.0)
    lines = [
        {"dag": "a", "seed": seed, "epoch": 1, "train_accuracy": value, "train_loss": 1.0}
        for seed, value in enumerate(values)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (band,) = draw_convergence(read_record(tmp_path, folder)).axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    mean, std = 200 / 3, stdev(values)
    assert (heights.min(), heights.max()) == pytest.approx((mean - std, mean + std))


def test_the_largest_spread_of_a_circle_is_a_standard_deviation():
    panel = new_figure(3, 3).subplots()
    accuracy = np.array([10.0, 18.0, 50.0])  # 4 about 14: its variance would be 16
    draw_depth_width(panel, np.array([1.0, 1, 2]), np.array([1.0, 1, 2]), accuracy, "name")
    assert panel.get_title() == "name\n3 topologies; size: std up to 4.0 %"
