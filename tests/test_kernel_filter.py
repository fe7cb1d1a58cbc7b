"""The filter by the kernel, and queries: against plain loops."""

import json
import sys

import numpy as np
import pytest

from common.config import parse_config
from common.data import load_dataset
from dag import effective_depth_width, nngp
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import Cell, all_cells
from wot_dag.__main__ import main, run_search
from wot_dag.batches import draw_batch
from wot_dag.config import WotConfig
from wot_dag.filters import FILTERS
from wot_dag.space import NasBench201Space, make_space

CELLS = [str(cell) for cell in all_cells()]
SMALL = ["--score.dataset", "digits", "--score.channels", "2", "--score.cells", "1",
         "--score.batch_size", "8", "--score.device", "cpu"]  # fmt: skip


def configured(tmp_path, *words: str) -> WotConfig:
    return parse_config(WotConfig, "test", "", [*SMALL, *words, "--run.root", str(tmp_path)])


def kept(config: WotConfig, space, archs=CELLS) -> np.ndarray:
    return FILTERS[config.filter].make(space, config.kept_fraction)(archs)


def mean_correlation(dag, images) -> float:
    K = nngp(dag, images)
    scale = np.sqrt(np.diag(K))
    return float((K / np.outer(scale, scale))[np.tri(len(K), k=-1) > 0].mean())


def test_the_kernel_filter_is_the_box_and_a_quantile(tmp_path):
    config = configured(tmp_path, "--filter", "kernel", "--score.seeds", "[3]")
    images = draw_batch(load_dataset("digits"), 8, 3).numpy()
    of_dag, values, in_box = {}, [], []
    for arch in CELLS:
        dag = Cell.parse(arch).to_dag()
        if dag not in of_dag:
            shape = effective_depth_width(dag)
            of_dag[dag] = (mean_correlation(dag, images) if shape.depth else -1.0, shape)
        value, (depth, width) = of_dag[dag]
        values.append(value)
        in_box.append(depth > 0 and abs(depth - 1.625) <= 0.6875 and abs(width - 13 / 6) <= 11 / 12)
    deep = sorted((v for v in values if v >= 0), reverse=True)
    mark = deep[len(deep) // 10]  # a tenth lies above, but for those equal to it
    expected = [box and value >= mark - 1e-9 for box, value in zip(in_box, values)]
    found = kept(config, make_space(config))
    assert found.tolist() == expected
    assert 0.07 < found.mean() < 0.09 and config.kept_fraction == 0.1


def test_the_order_of_the_space_decides_nothing(tmp_path):
    config = configured(tmp_path, "--filter", "kernel")
    backwards = NasBench201Space(config.score, CELLS[::-1])
    backwards._all = CELLS[::-1]
    backwards._index = {arch: i for i, arch in enumerate(CELLS)}
    more = kept(config, make_space(config))
    assert np.array_equal(kept(config, backwards), more)
    fewer = configured(tmp_path, "--filter", "kernel", "--kernel_fraction", "0.05")
    less = kept(fewer, make_space(fewer))
    assert (less <= more).all() and 0.03 < less.mean() < 0.05


def test_genotypes_pass_by_the_kernels_of_both_cells(tmp_path):
    words = ["--space", "darts", "--filter", "kernel", "--kernel_fraction", "0.3"]
    config = configured(tmp_path, *words)
    space = make_space(config)
    archs = space.draw(np.random.default_rng(5), 300)
    images = draw_batch(load_dataset("digits"), 8, 0).numpy()

    def value(arch: str) -> float:
        return np.mean([mean_correlation(dag, images) for dag in space.dags(arch)])

    found = kept(config, space, archs)
    box = kept(configured(tmp_path, *words[:2], "--filter", "box"), space, archs)
    inside = [(value(arch), keep) for arch, keep, near in zip(archs, found, box) if near]
    assert (found <= box).all() and 0 < found.sum() < box.sum()
    assert min(v for v, keep in inside if keep) > max(v for v, keep in inside if not keep)


@pytest.fixture
def table(tmp_path):
    """After 12 epochs the last cells are best on cifar10 and the first on cifar100."""
    path = tmp_path / "table.csv"
    head = "index,arch,cifar10/test@12,cifar10/test@200,cifar100/test@12,cifar100/test@200"
    rows = [f"{i},{a},{i / 200},{i / 300},{90 - i / 200},{i / 250}" for i, a in enumerate(CELLS)]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_queries_choose_among_the_best_by_a_look_at_twelve_epochs(tmp_path, table):
    words = ["--score.name", "convolutions", "--queries", "4", "--samples", "12", "--repeats", "6"]
    result = run_search(configured(tmp_path, *words, "--table", str(table)))
    own, alone = [], []
    for number in range(6):
        drawn = np.random.default_rng([0, number]).integers(15_625, size=12).tolist()
        different = list(dict.fromkeys(drawn))
        best = sorted(different, key=lambda i: -CELLS[i].count("nor_conv"))[:4]
        own.append(min(best) / 250)
        alone.append(max(best) / 250)
    assert result["method"] == "convolutions, 4 queries"
    assert result["accuracy"]["cifar100"]["mean"] == pytest.approx(np.mean(own))
    assert result["accuracy_by_first"]["cifar100"]["mean"] == pytest.approx(np.mean(alone))
    assert result["accuracy"]["cifar10"] == result["accuracy_by_first"]["cifar10"]
    assert result["queries"]["looked_at"] == "test accuracy after 12 epochs"
    lines = (tmp_path / "wot/default/metrics.jsonl").read_text().splitlines()
    assert all(len(json.loads(line)["finalists"]) == 4 for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--queries", "-1"], "queries: found -1, expected 0"),
        (["--queries", "9", "--samples", "8"], "queries: found 9, expected 0 .. 8, the samples"),
        (["--filter", "kernel", "--kernel_fraction", "0"], "expected 0 < kernel_fraction <= 1"),
        (["--filter", "kernel", "--score.dataset", "nowhere.npz"], "nowhere.npz: no such file"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.setattr(sys, "argv", ["wot_dag", *SMALL, *words, "--run.root", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    text = str(stop.value) if isinstance(stop.value.code, str) else capsys.readouterr().err
    assert message in text and text.strip().count("\n") == 0


def test_a_table_without_twelve_epochs_is_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"index,arch,cifar10/test@200\n0,{CELLS[0]},90\n")
    words = ["--score.name", "convolutions", "--queries", "2", "--samples", "3", "--repeats", "1"]
    with pytest.raises(
        ValueError, match="accuracies: found 'cifar10/test@12', expected one of cifar10/test@200"
    ):
        run_search(configured(tmp_path, *words, "--table", str(path)))


def test_the_embedded_table_has_twelve_epochs():
    table = AccuracyTable.find("nasbench201")
    for dataset in table.test_columns():
        assert 10 < np.nanmax(table.column(dataset, epochs=12)) < 92
