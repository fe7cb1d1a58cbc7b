"""Scores on disk: nothing lost or doubled by a kill, the same for one process and for two."""

import json
import math
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from spaces.darts import Genotype
from tests.running import Entry, killing, run, torchrun
from wot_dag.score import main
from wot_dag.store import (
    Key,
    ScoreError,
    ScoreStore,
    ScoreValue,
    mean_scores,
    read_scores,
    write_scores,
)

ROOT = Path(__file__).resolve().parent.parent
NUMBER = 30


def write_genotypes(path: Path) -> None:
    rng = np.random.default_rng(0)
    nets = [
        {"net": {"genotype": Genotype.random(rng, 2).to_dict(), "width": 2, "depth": 1}}
        | {"test_ep_top1": [10.0]}
        for _ in range(NUMBER)
    ]
    path.write_text(json.dumps(nets))


def words_for(root: Path) -> list[str]:
    settings = {
        "space": "darts",
        "genotypes": str(root.parent / "nds.json"),
        "score.dataset": "digits",
        "score.batch_size": "16",
        "score.channels": "2",
        "score.cells": "3",
        "score.device": "cpu",
        "run.root": str(root),
    }
    return [word for key, value in settings.items() for word in (f"--{key}", value)]


def lines(root: Path) -> list[str]:
    return [
        line
        for path in root.glob("wot_scores/darts_digits_*/scores.*.jsonl")
        for line in path.read_text().split("\n")
    ]


def test_scores_survive_and_a_torn_line_is_dropped(tmp_path):
    first = ScoreStore(tmp_path)
    first.add({Key("a", 0): ScoreValue(1.5, 0.1), Key("b", 0): ScoreValue(-math.inf, 0.2)})
    first.close()
    with (tmp_path / "scores.0.jsonl").open("a") as handle:
        handle.write('["c", 0, 2.')
    again = ScoreStore(tmp_path)
    assert again.scores == {
        Key("a", 0): ScoreValue(1.5, 0.1),
        Key("b", 0): ScoreValue(-math.inf, 0.2),
    }
    again.add({Key("c", 0): ScoreValue(2.5, 0.3)})
    again.close()
    other = ScoreStore(tmp_path, rank=1)
    assert other.missing([Key("a", 0), Key("c", 0), Key("d", 0), Key("d", 0)]) == [Key("d", 0)]
    other.close()


@pytest.mark.parametrize("name", ["scores.csv", "scores.csv.gz"])
def test_scores_are_read_as_written(tmp_path, name):
    scores = {Key("x", 1): ScoreValue(0.1 + 0.2, 0.25), Key("x", 0): ScoreValue(-math.inf, 1.0)}
    header = {"dataset": {"name": "digits"}, "image_shape": [1, 8, 8]}
    write_scores(tmp_path / name, header, scores)
    assert read_scores(tmp_path / name) == (header, scores)


START = '# {"dataset": {}}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: found '', expected # and a JSON object"),
        ("arch,seed,score,seconds\na,0,1.0,1\n", "line 1: found 'arch,"),
        ("# made by hand\narch,seed,score,seconds\n", "line 1: found '# made"),
        (START + "arch,score\n", "found columns"),
        ("# " + "[" * 100_000 + "\n", "line 1: found"),
        (START + "arch,seed,score,seconds\na,0,1.0\n", "line 3"),
        (START + "arch,seed,score,seconds\na,0,1.0,1\nb,0,high,1\n", "line 4"),
        (START + "arch,seed,score,seconds\na,0,1.0,1\nb,0,nan,1\n", "line 4: the score is NaN"),
    ],
)
def test_a_file_that_is_no_scores_is_refused(tmp_path, text, message):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(ScoreError, match=message):
        read_scores(tmp_path / "scores.csv")


def test_means_over_seeds():
    scores = {
        Key("a", 0): ScoreValue(1.0, 1),
        Key("a", 1): ScoreValue(2.0, 1),
        Key("b", 0): ScoreValue(3.0, 1),
    }
    assert mean_scores(scores, ["a"], [0, 1]) == {"a": 1.5}
    assert (
        mean_scores(scores | {Key("a", 1): ScoreValue(-math.inf, 1)}, ["a"], [0, 1])["a"]
        == -math.inf
    )
    with pytest.raises(ScoreError, match=r"1 of 4 are missing, the first is b with seed 1"):
        mean_scores(scores, ["a", "b"], [0, 1])


@pytest.mark.parametrize(
    "line", ["", "{", "5", "[1, 2]", "\0" * 9, "[" * 100_000, "[[1], 2, 3, 4]"]
)
def test_a_damaged_line_of_the_store_is_named(tmp_path, line):
    file = tmp_path / "scores.0.jsonl"
    file.write_text(f'["a", 0, 1.5, 0.1]\n{line}\n')
    with pytest.raises(ScoreError, match=r"scores\.0\.jsonl: line 2 is damaged: .*delete the line"):
        ScoreStore(tmp_path)


@pytest.mark.slow
def test_a_killed_run_ends_like_one_by_two_processes(tmp_path):
    write_genotypes(tmp_path / "nds.json")
    killed, double = tmp_path / "killed", tmp_path / "double"
    kill = killing("wot_dag.store:ScoreStore.add", 9, 9)
    code, _, error = run(*kill, "wot_dag.score", *words_for(killed))
    assert code == -signal.SIGKILL, error
    assert 0 < sum(map(bool, lines(killed))) < NUMBER
    two = ("--nproc-per-node", "2", "-m", "wot_dag.score")
    processes = (
        (killed, Entry("wot_dag.score", words_for(killed))),
        (double, torchrun(*two, *words_for(double))),
    )
    for root, process in processes:
        out, error = process.communicate()
        assert process.returncode == 0, error
        assert f"{NUMBER} scores" in out
        keys = [line.rsplit(",", 2)[0] for line in lines(root) if line]
        assert len(keys) == len(set(keys)) == NUMBER
    (header, one), (_, two) = (
        read_scores(next(root.glob("wot_scores/*/scores.csv.gz"))) for root in (killed, double)
    )
    assert header["dataset"]["name"] == "digits" and header["image_shape"] == [1, 8, 8]
    assert {key: score.value for key, score in one.items()} == {
        key: score.value for key, score in two.items()
    }
    assert len(list(double.glob("wot_scores/*/scores.*.jsonl"))) == 2


def test_a_space_without_end_is_not_scored_whole(tmp_path, monkeypatch):
    words = ["--space", "darts", "--score.dataset", "digits", "--run.root", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["wot_dag.score", *words])
    with pytest.raises(SystemExit, match=r"genotypes: found '', expected an NDS file"):
        main()
    assert not list(tmp_path.iterdir())
