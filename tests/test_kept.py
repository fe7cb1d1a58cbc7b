"""What filters keep of a list of genotypes, and what a search behind them finds."""

import csv
import itertools
import json
import shutil

import numpy as np
import pytest

from common.config import ConfigError, parse_config
from common.runs import RunError
from dag import box_rule, effective_depth_width
from report.records import find_records
from report.sections import Sources, read_published
from report.tables import Table
from report.wot_correlation import section
from spaces.darts import Genotype
from wot_dag.config import WotConfig
from wot_dag.correlate import correlate, print_kept
from wot_dag.filters import FILTERS
from wot_dag.kept import expected_of_search, kept_by_filters
from wot_dag.space import make_space

SMALL = ["--space", "darts", "--score.name", "nngp", "--score.dataset", "digits",
         "--score.batch_size", "8", "--score.channels", "2", "--score.cells", "1",
         "--score.device", "cpu", "--samples", "7", "--kernel_fraction", "0.4"]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a list of 20 random genotypes and accuracies, the list, and its record."""
    folder, rng = tmp_path_factory.mktemp("kept"), np.random.default_rng(4)
    rows = [(Genotype.random(rng), round(rng.uniform(90, 97), 3)) for _ in range(20)]
    write(folder / "mine.csv", rows)
    return folder, rows, correlate(configured(folder))


def write(path, rows) -> None:
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([("genotype", "accuracy"), *rows])


def configured(folder, *more: str) -> WotConfig:
    words = ["--genotypes", str(folder / "mine.csv"), "--run.root", str(folder), *more]
    return parse_config(WotConfig, "test", "", [*SMALL, *words])


def by_every_draw(usable, score, y, samples) -> float:
    """The mean over all sequences of draws of which any may be chosen."""
    chosen = []
    for drawn in itertools.product(range(len(y)), repeat=samples):
        left = [i for i in dict.fromkeys(drawn) if usable[i]]
        if left:
            chosen.append(y[max(left, key=lambda i: score[i])])  # of equal ones the first
    return float(np.mean(chosen))


@pytest.mark.parametrize("usable", [[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [0, 0, 0, 1, 0]])
@pytest.mark.parametrize("score", [[3, 1, 2, 5, 4], [2, 2, 1, 1, 1], [0, 0, 0, 0, 0]])
def test_a_search_finds_what_all_its_draws_find_on_average(usable, score):
    y = np.array([90.0, 95, 80, 70, 99.5])
    arrays = np.array(usable, bool), np.array(score, float), y
    for samples in (1, 2, 4):
        assert expected_of_search(*arrays, samples) == pytest.approx(
            by_every_draw(*arrays, samples)
        )
    assert expected_of_search(np.zeros(5, bool), *arrays[1:], 3) is None


def test_a_list_tells_what_each_filter_keeps(made):
    folder, rows, record = made
    assert record["table"]["name"] == "mine" and len(record["table"]["digest"]) == 16
    y = np.array([accuracy for _, accuracy in rows])
    found = record["kept"]["accuracy"]
    assert list(found) == list(FILTERS) and found["none"]["n"] == 20
    assert found["none"]["mean"] == pytest.approx(y.mean())
    shapes = np.array([
        [effective_depth_width(g.to_dag(which)) for which in ("normal", "reduce")]
        for g, _ in rows
    ])  # fmt: skip
    box = box_rule(shapes[..., 0], shapes[..., 1], 0.5)
    inside = box.keeps(shapes[..., 0], shapes[..., 1]).all(axis=1)
    assert found["box"]["n"] == inside.sum() > 0
    assert found["box"]["std"] == pytest.approx(y[inside].std(ddof=1))
    assert found["box"]["best"] == y[inside].max()
    space = make_space(configured(folder))
    kept = FILTERS["kernel"].make(space, 0.4)(space.archs)
    assert 0 < found["kernel"]["n"] == kept.sum() < inside.sum()
    assert found["kernel"]["mean"] == pytest.approx(y[kept].mean())
    assert y[kept].min() <= found["kernel"]["searched"] <= found["kernel"]["best"]


def test_what_keeps_nothing_is_printed_and_shown(made, tmp_path, capsys):
    folder, rows, record = made
    config = configured(folder, "--fraction", "0.001")
    y = {"accuracy": np.array([accuracy for _, accuracy in rows])}
    kept = kept_by_filters(config, make_space(config), np.arange(20.0), y)
    print_kept(kept["accuracy"], 7)
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["box", "0.0", "nothing"] in printed
    changed = tmp_path / "wot_correlation/l"
    shutil.copytree(folder / "wot_correlation/default", changed)
    (changed / "result.json").write_text(json.dumps(record | {"kept": kept}))
    parts = section(Sources(find_records([tmp_path])[0], read_published()))
    correlations, shown = (part for part in parts if isinstance(part, Table))
    assert {row[0] for row in (*correlations.rows, *shown.rows)} == {"mine"}
    of = {row[2]: [str(cell) for cell in row[3:]] for row in shown.rows}
    assert of["box"] == ["0.00100", "0", "", "", ""]
    none = kept["accuracy"]["none"]
    assert of["none"] == [
        "", "20", f"{none['mean']:.2f} ({none['std']:.2f})", f"{none['best']:.2f}",
        f"{none['searched']:.2f}",
    ]  # fmt: skip


def test_a_list_counts_by_its_content(made, tmp_path):
    folder, rows, record = made
    root = "--run.root", str(folder)
    write(tmp_path / "mine.csv", rows)
    assert correlate(configured(tmp_path, *root)) == record  # finished, wherever the list lies
    write(tmp_path / "mine.csv", [(g, 97.5) for g, _ in rows])
    with pytest.raises(RunError, match="genotypes"):
        correlate(configured(tmp_path, *root))


def test_without_a_list_there_is_nothing_to_correlate(tmp_path):
    config = parse_config(WotConfig, "test", "", [*SMALL, "--run.root", str(tmp_path)])
    with pytest.raises(ConfigError, match="genotypes: found '', expected a list"):
        correlate(config)
