"""Searches through the entry: determinism, killed and resumed, two processes, bad input."""

import json
import signal
import time

import numpy as np
import pytest
import torch

from common.data import load_dataset
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import all_cells
from tenas_dag.config import IndicatorSettings
from tenas_dag.indicators import Indicators, Setting
from tests.running import Entry, killing, torchrun

CONFIG = """
repetitions: 2
seeds: [4]
indicators: {dataset: digits, batch_size: 4, region_inputs: 40, device: cpu}
"""


def start(folder, *words):
    return Entry("tenas_dag", [*own_words(folder), *words])


def own_words(folder):
    (folder / "small.yaml").write_text(CONFIG)
    return ["--config", folder / "small.yaml", "--run.root", folder]


def run(folder, *words):
    return finish(start(folder, *words))


def finish(process):
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def result(folder, name="small"):
    found = json.loads((folder / "tenas" / name / "result.json").read_text())["searches"]
    return [{k: v for k, v in s.items() if not k.endswith("seconds")} for s in found]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    code, out, err = run(folder)
    assert code == 0, err
    assert "36 evaluations, 18 exempt" in out and "ETA" in err
    return folder


MEASURE = "tenas_dag.indicators:Indicators.measure"  # twice for each evaluation, and at a start


def test_a_killed_search_goes_on_and_ends_the_same(finished, tmp_path):
    """By two processes, of which one is lost; by one, killed while writing; by two to its end."""
    words, metrics = ["tenas_dag", *own_words(tmp_path)], tmp_path / "tenas/small/metrics.jsonl"
    two = ("--nproc-per-node", "2", "-m")
    code, _, err = finish(torchrun(*two, *killing(MEASURE, 10, 9, 1), *words))
    assert code == 1 and "process 1 of the job, on 127.0.0.1, is lost" in err
    done = metrics.read_bytes()
    assert done.count(b"\n") == 6

    module, kill = killing(MEASURE, 14, 9)
    code, _, err = finish(Entry(module, [kill, *words]))
    assert code == -signal.SIGKILL, err
    assert metrics.read_bytes().startswith(done)
    done = metrics.read_bytes()
    assert done.count(b"\n") == 6 + 5 and not metrics.with_name("result.json").exists()
    metrics.write_bytes(done + b'{"seed": 4, "rou')

    code, _, err = finish(torchrun(*two, *words))
    assert code == 0, err
    assert metrics.read_bytes().startswith(done) and metrics.read_bytes().count(b"\n") == 36
    assert result(tmp_path) == result(finished)


@pytest.mark.parametrize("channels", [2, 3])
def test_darts_of_few_channels_leaves_memory_whole(tmp_path, channels):
    """PyTorch's own reverse passes of stacks with 2 or 3 channels end the process under vmap."""
    words = ["--space", "darts", "--indicators.channels", channels]
    words += ["--indicators.dataset", "digits", "--indicators.batch_size", 8, "--repetitions", 1]
    words += ["--indicators.region_inputs", 20, "--indicators.device", "cpu", "--run.name", "few"]
    process = Entry("tenas_dag", [*map(str, words), "--run.root", str(tmp_path)])
    metrics = tmp_path / "tenas/few/metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.stat().st_size):
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, err


def test_a_finished_search_is_not_run_again(finished):
    code, out, err = run(finished)
    assert code == 0 and "36 evaluations" in out
    assert "ETA" not in err  # no evaluation was made


def test_a_finished_search_is_looked_up_in_another_table(finished, tmp_path):
    archs = tuple(map(str, all_cells()))
    for shift in (0.0, 1.0):
        values = np.arange(len(archs)) / 1000 + shift
        path = tmp_path / f"{str(shift).replace('.', '_')}.csv.gz"
        AccuracyTable(archs, {"digits/test@4": values}).write(path)
        code, _, err = run(finished, "--table", str(path))
        assert code == 0 and "ETA" not in err
        content = json.loads((finished / "tenas/small/result.json").read_text())
        expected = archs.index(content["searches"][0]["arch"]) / 1000 + shift
        assert content["accuracy"]["digits"]["mean"] == pytest.approx(expected)
        assert content["searches"][0]["accuracy"]["digits"] == pytest.approx(expected)
        assert content["table"]["name"] == str(shift).replace(".", "_")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--indicators.batch_size", "1"], "indicators.batch_size: found 1, expected"),
        (["--prune_number", "4"], "prune_number: found 4, expected 1 .. 3 for nas-bench-201"),
        (["--space", "nasbench"], "space: found 'nasbench', expected one of nas-bench-201, darts"),
        (["--indicators.batch_size", "2000"], "found 1000 training images"),
        (["--indicators.dataset", "no.npz"], "no.npz: no such file"),
        (["--table", "no.csv"], "no.csv"),
        (["--space", "darts", "--indicators.stem", "imagenet"], "found images of 8x8"),
    ],
)
def test_bad_input_stops_with_one_line(tmp_path, words, message):
    code, out, err = run(tmp_path, *words)
    assert code != 0 and message in err and not out
    assert len(err.strip().splitlines()) == 1


def test_images_of_two_pixels_are_refused(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(40, 2, 2, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    np.savez(tmp_path / "tiny.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    code, _, err = run(tmp_path, "--indicators.dataset", str(tmp_path / "tiny.npz"))
    assert code != 0 and "found images of 2x2, expected at least 4x4" in err


def make_indicators(**settings):
    settings = IndicatorSettings(dataset="digits", batch_size=6, region_inputs=50, **settings)
    return Indicators("nas-bench-201", settings, load_dataset("digits"), torch.device("cpu"))


def test_weights_and_inputs_depend_on_the_setting_alone():
    indicators = make_indicators()
    left = indicators.full()
    first = indicators.measure(left, Setting(0, 1, 0))[:2]
    assert indicators.measure(left, Setting(0, 1, 1))[:2] != first
    assert indicators.measure(left, Setting(0, 1, 0))[:2] == first
