"""Two processes on the CPU: the same training as one, and a kill that torchrun repairs."""

import json
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from common.data import load_dataset
from common.runs import RunSettings
from common.workers import Workers
from retrain.config import AugmentSettings, NetworkSettings, RetrainConfig, SgdSettings
from retrain.training import train
from tests.launcher import STARTED, torchrun
from tests.running import SERVER, free_port, run, wait_for_epoch

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
NAS_BENCH = ["--genotype", CELL, "--network.layers", "1"]


def settings(root, *more):
    words = "--network.channels 4 --dataset digits --batch_size 50 --optimizer.lr 0.02 --device cpu"
    words += " --augment.cutout 2 --optimizer.clip 1 --run.name r --run.root"
    return [*words.split(), str(root), *more]


def start(words, *options):
    place = ["--nproc-per-node", 2, "--master-port", free_port()]
    return torchrun(*place, *options, "-m", "retrain", *words)


def finish(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return out


def weights_of(root):
    return torch.load(root / "retrain/r/last.pt", weights_only=True)["network"]


def in_processes(count, settings):
    """Trains in `count` processes without BatchNorm, whose statistics are each process' own."""
    variables = {"WORLD_SIZE": str(count), "MASTER_ADDR": "localhost"}
    variables |= {"MASTER_PORT": str(free_port()), "LOCAL_WORLD_SIZE": str(count)}
    processes = [
        SERVER.Process(target=as_rank, args=(rank, variables, settings)) for rank in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count


def as_rank(rank, variables, settings):
    os.environ.update(variables, RANK=str(rank), LOCAL_RANK=str(rank))
    nn.BatchNorm2d = lambda channels: nn.Identity()
    torch.set_num_threads(1)
    with Workers() as workers:
        train(settings, workers)


@pytest.mark.parametrize("space", ["nas-bench-201", "darts"])
def test_two_processes_train_like_one(tmp_path, space):
    """The same steps, augmentation and drop-path drawn alike, whatever an epoch leaves over.

    Of 1,000 images in batches of 68 the last has 48; of 67 in batches of 32 it has 3, too few to
    share.
    """
    darts = space == "darts"
    if not darts:
        digits = load_dataset("digits")
        x, y = digits.train.images.numpy(), digits.train.labels.numpy()
        np.savez(tmp_path / "few.npz", x_train=x[:75], y_train=y[:75], x_test=x[75:], y_test=y[75:])
    network = NetworkSettings(4, 3, drop_path=0.4) if darts else NetworkSettings(4, 1)
    for count in (1, 2):
        settings = RetrainConfig(
            genotype="DARTS_V2" if darts else CELL,
            space=space,
            network=network,
            dataset="digits" if darts else str(tmp_path / "few.npz"),
            epochs=2,
            batch_size=68 if darts else 32,
            micro_batch=20,
            optimizer=SgdSettings(lr=0.02, clip=1, per_step=True),
            augment=AugmentSettings(cutout=2),
            device="cpu",
            run=RunSettings("r", str(tmp_path / str(count))),
        )
        in_processes(count, settings)
    one, two = (weights_of(tmp_path / name) for name in "12")
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-3, atol=1e-4)
    results = [json.loads((tmp_path / n / "retrain/r/result.json").read_text()) for n in "12"]
    assert [result["processes"] for result in results] == [1, 2]
    for key in ("train_loss", "validation_loss"):
        assert results[0]["last_epoch"][key] == pytest.approx(results[1]["last_epoch"][key], 1e-4)
    assert results[0]["test"] == pytest.approx(results[1]["test"], abs=0.5)


def process_of_rank(rank, root):
    """The last training process of a rank that writes below `root`."""
    return [
        number
        for variables, words, number in STARTED
        if variables.get("RANK") == str(rank) and str(root) in words
    ][-1]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_torchrun_repairs_a_kill(tmp_path, rank):
    """One of two processes is killed; torchrun's restart ends with the undisturbed bits."""
    words = [*NAS_BENCH, "--epochs", "4"]
    finish(start(settings(tmp_path / "a", *words)))
    disturbed = settings(tmp_path / "b", *words)
    process = start(disturbed, "--max-restarts", "1")
    wait_for_epoch(process, tmp_path / "b/retrain/r", 2)
    os.kill(process_of_rank(rank, tmp_path / "b"), signal.SIGKILL)
    finish(process)
    a, b = ((tmp_path / n / "retrain/r/metrics.jsonl").read_text() for n in "ab")
    assert a == b and len(a.splitlines()) == 4
    one, other = weights_of(tmp_path / "a"), weights_of(tmp_path / "b")
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_sigterm_stops_both_and_one_process_goes_on(tmp_path):
    """Saved at one step; the checkpoint does for another number of processes too."""
    words = settings(tmp_path, *NAS_BENCH, "--epochs", "6")
    process = start(words)
    wait_for_epoch(process, tmp_path / "retrain/r", 1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert errors.count("SIGTERM: stopped, saved at epoch") == 1
    code, _, errors = run("retrain", *words)
    assert code == 0, errors
    lines = (tmp_path / "retrain/r/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_mistakes_are_told_once(tmp_path):
    process = start(settings(tmp_path, *NAS_BENCH, "--batch_size", "51"))
    _, errors = process.communicate()
    told = "batch_size: found 51, expected a multiple of the 2 processes"
    assert process.returncode != 0 and errors.count(told) == 1
    assert "Traceback" not in errors.split(told)[0]
