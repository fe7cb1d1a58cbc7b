"""Finalists of a search, trained shortly: who is chosen, what is kept, bad input."""

import dataclasses
import json

import pytest

from common.config import ConfigError
from common.runs import RunSettings
from common.workers import Workers
from retrain import queries
from retrain.config import NetworkSettings, RetrainConfig, SgdSettings
from retrain.queries import query, read_finalists
from tests.records import results_of, section
from tests.running import run
from wot_dag.__main__ import run_search
from wot_dag.config import ScoreSettings, WotConfig

TRAINING = RetrainConfig(
    network=NetworkSettings(channels=4, layers=1),
    dataset="digits",
    epochs=1,
    batch_size=100,
    optimizer=SgdSettings(lr=0.05),
    device="cpu",
)


def searched(root, space="nas-bench-201", **changes):
    score = ScoreSettings(name="nngp", dataset="digits", batch_size=8, device="cpu", seeds=[0])
    settings = {"samples": 20, "repeats": 2, "queries": 3, "table": ""} | changes
    run_search(WotConfig(space=space, score=score, run=RunSettings("s", str(root)), **settings))
    return root / "wot/s"


@pytest.mark.parametrize("space", ["nas-bench-201", "darts"])
def test_the_best_of_the_finalists_is_chosen(tmp_path, monkeypatch, space):
    folder = searched(tmp_path, space)
    _, finalists = read_finalists(str(folder), 2)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert finalists == lines[1]["finalists"] and len(finalists) == 3
    assert finalists[0] == lines[1]["arch"]
    network = NetworkSettings(channels=4, layers=3) if space == "darts" else TRAINING.network
    config = dataclasses.replace(
        TRAINING, genotype=str(folder), search=2, space=space, network=network,
        run=RunSettings("q", str(tmp_path)),
    )  # fmt: skip
    result = query(config, Workers())
    trained = [
        json.loads((tmp_path / f"retrain/q_{place}/result.json").read_text()) for place in (1, 2, 3)
    ]
    found = [training["best_validation"]["top1"] for training in trained]
    assert [row["validation_top1"] for row in result["finalists"]] == found
    assert result["chosen"] == found.index(max(found)) + 1
    assert (result["kind"], result["method"]) == ("queries", "NNGP, 3 queries")
    monkeypatch.setattr(queries, "train", lambda one, _: trained[int(one.run.name[-1]) - 1])
    assert query(config, Workers()) == result  # finished: read, not made
    text = section(results_of(tmp_path, out=tmp_path / "out"), "Chosen cells, trained from scratch")
    assert "finalists of NNGP, 3 queries, trained on digits" in text
    assert f"that of place {result['chosen']} by score" in text


def test_of_equally_good_finalists_the_higher_score_is_chosen(tmp_path, monkeypatch):
    folder = searched(tmp_path, repeats=1)
    shared = {"test": {"top1_error": 50.0}, "seconds": 1.0, "network": {}, "dataset": None}
    values = iter([70.0, 80.0, 80.0])
    monkeypatch.setattr(
        queries, "train", lambda *_: shared | {"best_validation": {"top1": next(values)}}
    )
    run_ = RunSettings("", str(tmp_path))
    result = query(dataclasses.replace(TRAINING, genotype=str(folder), run=run_), Workers())
    assert result["chosen"] == 2
    assert (tmp_path / "queries/s/result.json").is_file()


def test_bad_input_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"found '.*nowhere', expected the folder of a search"):
        read_finalists(str(tmp_path / "nowhere"), None)
    folder = searched(tmp_path)
    for wrong in (None, 0, 3):
        with pytest.raises(
            ConfigError, match=r"search: found .*, expected one of the repeats 1 .. 2"
        ):
            read_finalists(str(folder), wrong)
    with pytest.raises(ConfigError, match=r"found '.*', expected the folder of a search"):
        read_finalists(str(searched(tmp_path / "none", queries=0)), 1)
    words = ["--genotype", str(folder), "--search", "1", "--validation", "false"]
    status, _, error = run("retrain.queries", *words, "--weights", "last", "--dataset", "digits")
    assert status and error.startswith("python -m retrain.queries: validation: found False")
    status, _, error = run("retrain.queries", "--genotype", "..", "--dataset", "digits")
    assert status and error.startswith("python -m retrain.queries: genotype: found '..', expected")
    assert len(error.splitlines()) == 1
