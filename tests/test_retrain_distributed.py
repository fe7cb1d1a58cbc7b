"""Two processes on the CPU: the same training as one, and a kill that torchrun repairs."""

import json

import numpy as np
import pytest
import torch

from common.data import load_dataset
from tests.running import Entry, free_port, killing, run, torchrun

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
NAS_BENCH = ["--genotype", CELL, "--network.layers", "1"]


STEP, STEPS = "retrain.step:Stepper.__call__", 4  # of an epoch
PLAIN = "from torch import nn; nn.BatchNorm2d = lambda channels: nn.Identity()"


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Files of 67, 116 and 180 images to train on, with a tenth more to choose by."""
    folder, digits = tmp_path_factory.mktemp("few"), load_dataset("digits")
    arrays = {"x_test": digits.test.images.numpy(), "y_test": digits.test.labels.numpy()}
    x, y = digits.train.images.numpy(), digits.train.labels.numpy()
    for n in (75, 129, 200):
        np.savez(folder / f"{n}.npz", x_train=x[:n], y_train=y[:n], **arrays)
    return folder


def settings(few, root, *more):
    words = "--network.channels 4 --network.layers 1 --batch_size 50 --optimizer.lr 0.02"
    words += " --augment.cutout 2 --optimizer.clip 1 --device cpu --epochs 4 --run.name r"
    words = [*words.split(), "--genotype", CELL, "--dataset", few / "200.npz", "--run.root", root]
    return [*map(str, words), *more]


def start(words, *before, restarts=0):
    options = ("--nproc-per-node", 2, "--max-restarts", restarts, "-m")
    return torchrun(*options, *before, "retrain", *words)


def finish(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return errors


def weights_of(root):
    return torch.load(root / "retrain/r/last.pt", weights_only=True)["network"]


def in_processes(count, words):
    """Trains in `count` processes without BatchNorm, whose statistics are each process' own."""
    place = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    place |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
    words = [PLAIN, "retrain", *words]
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
    for process in [Entry("tests.changed", words, **place, **rank) for rank in ranks]:
        finish(process)


@pytest.mark.parametrize("space", ["nas-bench-201", "darts"])
def test_two_processes_train_like_one(few, tmp_path, space):
    """The same steps, augmentation and drop-path drawn alike, whatever an epoch leaves over.

    Of 116 images in batches of 68 the last has 48; of 67 in batches of 32 it has 3, too few to
    share.
    """
    words = "--epochs 2 --micro_batch 20 --optimizer.lr 0.02 --optimizer.clip 1 --device cpu"
    words += " --optimizer.per_step true --augment.cutout 2 --network.channels 4 --run.name r"
    if space == "darts":
        words += " --genotype DARTS_V2 --network.layers 3 --network.drop_path 0.4"
        words += f" --dataset {few}/129.npz --batch_size 68"
    else:
        words += f" --network.layers 1 --dataset {few}/75.npz --batch_size 32 --genotype {CELL}"
    for count in (1, 2):
        own = [*words.split(), "--space", space, "--run.root", tmp_path / str(count)]
        in_processes(count, own)
    one, two = (weights_of(tmp_path / name) for name in "12")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4)
    results = [json.loads((tmp_path / n / "retrain/r/result.json").read_text()) for n in "12"]
    assert [result["processes"] for result in results] == [1, 2]
    for key in ("train_loss", "validation_loss"):
        assert results[0]["last_epoch"][key] == pytest.approx(results[1]["last_epoch"][key], 1e-4)
    assert results[0]["test"] == pytest.approx(results[1]["test"], abs=0.5)


@pytest.fixture(scope="module")
def whole(few, tmp_path_factory):
    """An undisturbed training by two processes."""
    folder = tmp_path_factory.mktemp("whole")
    finish(start(settings(few, folder)))
    return folder


@pytest.mark.parametrize("rank", [0, 1])
def test_torchrun_repairs_a_kill(few, whole, tmp_path, rank):
    """One of two processes is killed; torchrun's restart ends with the undisturbed bits."""
    killed = killing(STEP, 2 * STEPS + 2, 9, rank)  # in the third epoch
    errors = finish(start(settings(few, tmp_path), *killed, restarts=1))
    assert f"process {rank} of the job, on 127.0.0.1, is lost" in errors
    a, b = ((root / "retrain/r/metrics.jsonl").read_text() for root in (whole, tmp_path))
    assert a == b and len(a.splitlines()) == 4
    one, other = weights_of(whole), weights_of(tmp_path)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_sigterm_stops_both_and_one_process_goes_on(few, tmp_path):
    """Saved at one step; the checkpoint does for another number of processes too."""
    words = settings(few, tmp_path)
    _, errors = start(words, *killing(STEP, STEPS + 2, 15, 1)).communicate()
    assert errors.count("SIGTERM: stopped, saved at epoch") == 1
    code, _, errors = run("retrain", *words)
    assert code == 0, errors
    lines = (tmp_path / "retrain/r/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


def test_mistakes_are_told_once(few, tmp_path):
    process = start(settings(few, tmp_path, "--batch_size", "51"))
    _, errors = process.communicate()
    told = "batch_size: found 51, expected a multiple of the 2 processes"
    assert process.returncode != 0 and errors.count(told) == 1
    assert "Traceback" not in errors.split(told)[0]
