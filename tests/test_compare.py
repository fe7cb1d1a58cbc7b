"""Scores against each other: correlations with intervals, what seeds change, a whole comparison."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from common.config import parse_config
from common.files import read_json
from common.statistics import kendall_tau
from spaces.benchmark import AccuracyTable
from wot_dag.compare import CompareConfig, compare
from wot_dag.correlation_intervals import seed_share, with_intervals
from wot_dag.scores.baselines import BASELINES


def test_correlations_and_their_intervals():
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    columns = {"base": y + rng.normal(size=300), "good": y + 0.1 * rng.normal(size=300),
               "none": rng.normal(size=300)}  # fmt: skip
    columns["none"][:5] = -np.inf
    found = with_intervals(columns, y, "base", 100)
    for name, values in columns.items():
        finite = np.where(np.isinf(values), -1e9, values)
        row = found[name]
        assert row["kendall"] == pytest.approx(stats.kendalltau(finite, y).statistic)
        assert row["spearman"] == pytest.approx(stats.spearmanr(finite, y).statistic)
        assert row["kendall_interval"][0] < row["kendall"] < row["kendall_interval"][1]
        more = row["kendall"] - found["base"]["kendall"]
        assert row["kendall_minus_parameters"] == pytest.approx(more)
    assert found["base"]["kendall_minus_parameters_interval"] == [0, 0]
    assert found["good"]["kendall_minus_parameters_interval"][0] > 0
    low, high = found["none"]["kendall_interval"]
    assert low < 0 < high and 0.05 < high - low < 0.3  # about 4 times 0.04, tau's error


def test_the_share_of_seeds():
    rng = np.random.default_rng(0)
    cells, noise = rng.normal(size=20_000), rng.normal(size=(3, 20_000))
    assert seed_share([cells, cells, cells]) == pytest.approx(0)
    assert seed_share(noise) == pytest.approx(1, abs=0.02)
    spearman = 6 / np.pi * np.arcsin(0.8 / 2)  # of two seeds, whose values correlate by 4 / 5
    assert seed_share(2 * cells + noise) == pytest.approx(1 - spearman, abs=0.01)
    far = np.exp(9 * cells)  # ranks alone count
    assert seed_share([far, far, far * (1 + 1e-9)]) < 0.001
    spoilt = np.array([cells, cells])
    spoilt[1, 3] = -np.inf
    assert seed_share(spoilt) == pytest.approx(0)
    assert seed_share([cells]) is None and seed_share(np.ones((3, 4))) is None


def configured(tmp_path, *words: str) -> CompareConfig:
    small = {"dataset": "digits", "channels": 2, "cells": 1, "batch_size": 8, "device": "cpu",
             "seeds": [0, 1]}  # fmt: skip
    words = [*words, *(w for k, v in small.items() for w in (f"--score.{k}", json.dumps(v)))]
    words = [word.strip('"') for word in words]
    return parse_config(CompareConfig, "test", "", [*words, "--run.root", str(tmp_path)])


def test_a_comparison(tmp_path):
    words = "--names [nngp,jacov] --sampled [jacov] --sample 40 --seed_cells 40 --bootstrap 3"
    words = [*words.split(), "--repeats", "3", "--aggregates", "[[jacov, parameters]]"]
    result = compare(configured(tmp_path, *words))
    rows = {row["score"]: row for row in result["rows"]}
    assert list(rows)[:7] == ["parameters", "multiply-adds", "convolutions", "effective depth",
                              "effective width", "random", "NNGP"]  # fmt: skip
    assert (result["kind"], result["n"], rows["jacov"]["n"]) == ("scores", 15_625, 40)
    assert rows["parameters"]["seed_share"] == 0 and rows["random"]["seed_share"] > 0.6
    table = AccuracyTable.find("nasbench201")
    counted = [arch.count("nor_conv") for arch in table.architectures]
    row = rows["convolutions"]["datasets"]["cifar100"]["all"]
    assert row["kendall"] == pytest.approx(kendall_tau(counted, table.column("cifar100")))
    assert rows["convolutions"]["datasets"]["cifar100"]["deep"]["n"] == 13_642
    for row in rows.values():
        none, box, kernel = (row["searches"][key] for key in ("none", "box", "kernel"))
        assert list(row["searches"]) == ["none", "box", "kernel"]
        assert none["evaluated"] == 300 > box["evaluated"] > kernel["evaluated"] > 0
        held, asked = row["queries"]["held"], row["queries"]["accuracy"]
        assert all(held[name]["mean"] >= asked[name]["mean"] > 10 for name in asked)
        seeds = 2 if row["n"] == 40 else 1  # of more than seed_cells
        assert {found["n"] for found in asked.values()} == {seeds}
    for row in rows.values():
        once, all_seeds = row["datasets"]["cifar10"]["deep"], row["over_seeds"]["cifar10"]["deep"]
        changes = row["n"] == 40 and "jacov" in row["names"]
        assert (once["kendall"] != all_seeds["kendall"]) is changes, row["score"]
        assert row["seeds"] == (2 if row["n"] == 40 else 1) and row["devices"] == ["cpu"]
    chosen = [row for row in result["rows"] if row["chosen"]]
    assert len(chosen) == 1 and len(chosen[0]["names"]) in (2, 3, 4)
    best = chosen[0]["over_seeds"]["cifar10"]["deep"]["kendall"]
    assert all(best >= row["over_seeds"]["cifar10"]["deep"]["kendall"]
               for row in rows.values() if row["n"] == 40)  # fmt: skip
    assert compare(configured(tmp_path, *words)) == result
    assert read_json(tmp_path / "scores/default/result.json") == result


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--names", "[nngb]"], "the nearest is 'nngp'"),
        (["--aggregates", "[[wot]]"], "aggregates: found ['wot'], expected lists of two or more"),
        (["--names", "[nngp]", "--aggregates", "[[wot, nngp]]"], "aggregates: found 'wot'"),
        (["--sample", "3"], "sample: found 3, expected 10 .. 15625 cells"),
    ],
)
def test_bad_settings_are_one_line(tmp_path, capsys, words, message):
    with pytest.raises(SystemExit):
        configured(tmp_path, *words)
    text = capsys.readouterr().err
    assert message in text and text.strip().count("\n") == 0


def test_every_config_is_read():
    for name in ("digits", "nasbench201"):
        words = ["--config", f"configs/scores/{name}.yaml"]
        config = parse_config(CompareConfig, "test", "", words)
        assert config.score.seeds == [0, 1, 2] and config.run.name == name
    pairs = itertools.chain(*config.aggregates)
    assert set(pairs) <= {*config.names, *BASELINES}
