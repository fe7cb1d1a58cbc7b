"""Training in one process as people run it: kills, signals, resumes, a plain loop beside it."""

import re
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.config import ConfigError
from common.data import load_dataset
from common.dataset import DataError, epoch_order
from common.errors import TrainingDivergedError
from common.files import read_metrics
from common.runs import RunError, RunSettings
from common.workers import Workers
from retrain.augment import crop_and_flip, cut_out, draw
from retrain.choice import read_choice
from retrain.config import AugmentSettings, NetworkSettings, RetrainConfig, SgdSettings
from retrain.networks import Shape, make_network
from retrain.schedule import generator_of, learning_rate
from retrain.step import Stepper
from retrain.training import Training, train
from tests.running import killing, run

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
SMALL = RetrainConfig(
    genotype=CELL,
    network=NetworkSettings(channels=4, layers=1),
    dataset="digits",
    epochs=3,
    batch_size=64,
    optimizer=SgdSettings(lr=0.05),
    augment=AugmentSettings(flip=False, crop_padding=1),
    device="cpu",
)


def config(tmp_path, **changes):
    return replace(SMALL, run=RunSettings("r", str(tmp_path)), **changes)


def command(root, *more):
    """The words that mean the same as `config(root)`."""
    words = "--network.channels 4 --network.layers 1 --dataset digits --epochs 3 --batch_size 64"
    words += " --optimizer.lr 0.05 --augment.flip false --augment.crop_padding 1 --device cpu"
    return ["--genotype", CELL, *words.split(), "--run.name", "r", "--run.root", str(root), *more]


def assert_same_bits(a, b):
    assert (a / "metrics.jsonl").read_text() == (b / "metrics.jsonl").read_text()
    for name in ("last.pt", "best.pt"):
        one, other = (torch.load(f / name, weights_only=True)["network"] for f in (a, b))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_sigkill_and_sigterm_leave_no_trace(tmp_path, capsys):
    train(config(tmp_path / "a", epochs=4), Workers())
    folder, words = tmp_path / "b/retrain/r", command(tmp_path / "b", "--epochs", "4")
    step, steps = "retrain.step:Stepper.__call__", 16  # of an epoch
    code, _, _ = run(*killing(step, 2 * steps + 8, 9), "retrain", *words)
    assert code == -signal.SIGKILL and not (folder / "result.json").exists()
    assert len(read_metrics(folder)) == 2

    code, _, errors = run(*killing(step, steps + 8, 15), "retrain", *words)
    assert code == 143 and "SIGTERM: stopped, saved at epoch 4, step" in errors
    assert torch.load(folder / "checkpoint.pt", weights_only=True)["epoch"] == 4

    train(config(tmp_path / "b", epochs=4), Workers())
    assert max(len(line) for line in re.split(r"[\r\n]", capsys.readouterr().err)) <= 79
    assert_same_bits(tmp_path / "a/retrain/r", folder)
    assert not (folder / "checkpoint.pt").exists()
    assert len(read_metrics(folder)) == 4


class Stopped(Exception):  # noqa: N818
    """Stands for a kill."""


def test_a_kill_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    undisturbed = train(config(tmp_path / "a", epochs=2), Workers())
    disturbed = config(tmp_path / "b", epochs=2, checkpoint_steps=5)
    count = 0

    def killed(*arguments, **words):
        nonlocal count
        count += 1
        if count == 23:
            raise Stopped
        return step(*arguments, **words)

    step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", killed)
    with pytest.raises(Stopped):
        train(disturbed, Workers())
    count = 100
    after = train(disturbed, Workers())
    assert count == 100 + 2 * 16 - (16 + 5)  # 16 steps an epoch, the second kept up to its fifth
    assert_same_bits(tmp_path / "a/retrain/r", tmp_path / "b/retrain/r")
    assert after["test"] == undisturbed["test"]


def test_training_against_a_plain_loop(tmp_path):
    settings = config(
        tmp_path,
        epochs=2,
        label_smoothing=0.1,
        # a rate that falls to 0: under a constant one rounding grows from step to step
        optimizer=SgdSettings(lr=0.05, clip=0.5, nesterov=True, warmup_epochs=1, per_step=True),
        augment=AugmentSettings(crop_padding=1, cutout=3),
        seed=4,
    )
    train(settings, Workers())
    data = load_dataset("digits")
    choice = read_choice(CELL, None, "nas-bench-201")
    network = make_network(choice, settings.network, Shape(10, (1, 8, 8)), 4).train()
    optimizer = torch.optim.SGD(
        network.parameters(), lr=1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    logged = read_metrics(tmp_path / "retrain/r")
    for epoch in (1, 2):
        mean = plain_epoch(network, optimizer, data, settings, epoch)
        assert logged[epoch - 1]["train_loss"] == pytest.approx(mean, rel=1e-4)
    last = torch.load(tmp_path / "retrain/r/last.pt", weights_only=True)["network"]
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(last[name], tensor, rtol=1e-3, atol=1e-4)
    network.eval()
    with torch.no_grad():
        logits = network(data.normalize(data.validation.images))
    hits = (logits.argmax(1) == data.validation.labels).float().mean().item()
    assert logged[1]["validation_top1"] == pytest.approx(100 * hits, abs=0.7)


def plain_epoch(network, optimizer, data, settings, epoch):
    losses = []
    for step, chosen in enumerate(epoch_order(4, epoch, 1000).split(64)):
        draws = draw(settings.augment, len(chosen), (8, 8), generator_of("augment", 4, epoch, step))
        x = data.normalize(crop_and_flip(data.train.images[chosen], 1, draws))
        each = F.cross_entropy(
            network(cut_out(x, 3, draws)),
            data.train.labels[chosen],
            reduction="none",
            label_smoothing=0.1,
        )
        optimizer.zero_grad()
        each.mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimizer.param_groups[0]["lr"] = learning_rate(settings.optimizer, 2, epoch, step, 16)
        optimizer.step()
        losses.append(each.detach())
    return torch.cat(losses).mean().item()


def test_of_equally_good_epochs_the_first_is_kept():
    """Later weights that are no better are no reason to train longer."""
    best = {"top1": -1.0, "epoch": 0, "state": {}}
    trainer = SimpleNamespace(stepper=SimpleNamespace(weights=dict), best=best)
    for trainer.epoch, top1 in enumerate((50.0, 60.0, 60.0, 40.0), start=1):
        Training._keep_best(trainer, top1)
    assert (trainer.best["epoch"], trainer.best["top1"]) == (2, 60.0)


def test_best_or_last_weights_are_tested_once(tmp_path):
    best = train(config(tmp_path / "a", epochs=4), Workers())
    last = train(config(tmp_path / "b", epochs=4, weights="last"), Workers())
    logged = read_metrics(tmp_path / "a/retrain/r")
    top = max(logged, key=lambda record: record["validation_top1"])
    assert best["best_validation"] == {"epoch": top["epoch"], "top1": top["validation_top1"]}
    assert (best["tested_weights"], best["tested_epoch"]) == ("best", top["epoch"])
    assert (last["tested_weights"], last["tested_epoch"]) == ("last", 4)
    assert not any("test" in key for record in logged for key in record)
    for result, file in ((best, "a/retrain/r/best.pt"), (last, "b/retrain/r/last.pt")):
        weights = torch.load(tmp_path / file, weights_only=True)["network"]
        data, network = (
            load_dataset("digits"),
            make_network(
                read_choice(CELL, None, "nas-bench-201"), SMALL.network, Shape(10, (1, 8, 8))
            ),
        )
        network.load_state_dict(weights)
        with torch.no_grad():
            logits = network.eval()(data.normalize(data.test.images))
        five = (logits.topk(5).indices == data.test.labels[:, None]).any(1).double().mean().item()
        assert result["test"]["top5_error"] == pytest.approx(100 - 100 * five)
        wrong = (logits.argmax(1) != data.test.labels).double().mean().item()
        assert result["test"]["top1_error"] == pytest.approx(100 * wrong)


def test_training_on_the_validation_images_too(tmp_path):
    result = train(config(tmp_path, epochs=1, validation=False, weights="last"), Workers())
    assert result["images"] == {"train": 1297, "validation": 0, "test": 500}
    assert result["best_validation"] is None
    assert set(result["last_epoch"]) == {"epoch", "lr", "train_loss", "train_top1", "train_top5"}
    assert not (tmp_path / "retrain/r/best.pt").exists()


def test_micro_batches_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr("spaces.operator_modules.nn.BatchNorm2d", nn.Identity)  # it sees parts
    losses = [
        train(config(tmp_path / str(size), epochs=1, micro_batch=size), Workers())["last_epoch"]
        for size in (0, 24)
    ]
    for key in ("train_loss", "validation_loss"):
        assert losses[0][key] == pytest.approx(losses[1][key], rel=1e-4)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_all_processes_have_equally_many_micro_batches(processes):
    """Also where their shares of the last batch differ: 33 images are 8, 8, 8 and 9."""
    stepper = object.__new__(Stepper)
    stepper.config, stepper.workers = replace(SMALL, micro_batch=8), Workers()
    stepper.workers.size = processes
    for n in range(2 * processes, 150):
        smallest, largest = n // processes, -(-n // processes)
        few, many = (stepper._parts(own, n) for own in (smallest, largest))
        assert len(few) == len(many)
        assert all(part.stop - part.start >= 2 for part in few)
        assert all(part.stop - part.start <= max(8, 3) for part in many)
        assert sum(part.stop - part.start for part in many) == largest


def test_a_finished_run_is_not_repeated(tmp_path):
    first = train(config(tmp_path, epochs=1), Workers())
    before = (tmp_path / "retrain/r/metrics.jsonl").stat().st_mtime_ns
    assert train(config(tmp_path, epochs=1), Workers()) == first
    assert (tmp_path / "retrain/r/metrics.jsonl").stat().st_mtime_ns == before
    other = CELL.replace("skip_connect", "none")
    with pytest.raises(RunError, match=r"cell: .*--run.fresh true"):
        train(config(tmp_path, epochs=1, genotype=other), Workers())


def test_divergence_is_told_and_never_saved(tmp_path):
    settings = config(tmp_path, optimizer=SgdSettings(lr=1e25), checkpoint_steps=1)
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, step \d+: lower optimizer.lr"):
        train(settings, Workers())
    state = torch.load(tmp_path / "retrain/r/checkpoint.pt", weights_only=True)
    assert torch.isfinite(torch.tensor(state["sums"])).all()


@pytest.mark.parametrize("lr", [1e20, 1e30])
def test_what_the_last_step_breaks_is_told(tmp_path, lr):
    """One step: its own loss is finite, that of the weights after it is not."""
    settings = config(tmp_path, optimizer=SgdSettings(lr=lr), batch_size=1000, epochs=1)
    told = r"not finite on validation images after epoch 1: lower optimizer.lr"
    with pytest.raises(TrainingDivergedError, match=told):
        train(settings, Workers())
    assert not (tmp_path / "retrain/r/result.json").exists()


def test_other_data_under_the_same_path_are_refused(tmp_path):
    file = tmp_path / "set.npz"

    def write(seed):
        labels = np.arange(40) % 5
        images = np.random.default_rng(seed).integers(0, 255, (40, 8, 8), np.uint8)
        np.savez(file, x_train=images, y_train=labels, x_test=images, y_test=labels)

    write(0)
    settings = config(tmp_path, dataset=str(file), batch_size=8, epochs=2)
    result = train(settings, Workers())
    assert (result["kind"], result["dataset"]["name"]) == ("retrain", "set")
    assert result["test"]["top5_error"] is None  # five of five classes
    write(1)
    for finished in (True, False):
        with pytest.raises(RunError, match=r"the data differ \(data\.digest: "):
            train(settings, Workers())
        (tmp_path / "retrain/r/result.json").unlink(missing_ok=finished is False)


def test_a_batch_larger_than_the_data(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    labels = np.arange(20) % 2
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    result = train(config(tmp_path, dataset=str(tmp_path / "x.npz"), epochs=1), Workers())
    assert result["images"]["train"] == 18  # one step on all of them
    tiny = np.arange(2)
    np.savez(tmp_path / "y.npz", x_train=images[:2], y_train=tiny, x_test=images, y_test=labels)
    with pytest.raises(DataError, match=r"found 2 training image\(s\), expected at least 3"):
        train(config(tmp_path / "y", dataset=str(tmp_path / "y.npz")), Workers())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_what_needs_cuda_is_told(tmp_path):
    for changes, told in (
        ({"device": "cuda"}, "no CUDA device is seen"),
        ({"sync_batch_norm": True}, "sync_batch_norm: found True"),
    ):
        with pytest.raises(ConfigError, match=told):
            train(config(tmp_path, **changes), Workers())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cuda_trains_like_the_cpu(tmp_path, precision):
    on_cpu = train(config(tmp_path / "cpu", precision="float32"), Workers())
    on_cuda = train(config(tmp_path / "cuda", precision=precision, device="cuda"), Workers())
    found, expected = (r["last_epoch"]["train_loss"] for r in (on_cuda, on_cpu))
    assert found == pytest.approx(expected, rel=0.02 if precision == "float32" else 0.1)


def test_bfloat16_trains(tmp_path):
    result = train(config(tmp_path, precision="bfloat16", epochs=2), Workers())
    logged = read_metrics(tmp_path / "retrain/r")
    assert result["precision"] == "bfloat16"
    assert logged[-1]["train_loss"] < logged[0]["train_loss"]
    weights = torch.load(tmp_path / "retrain/r/last.pt", weights_only=True)["network"]
    assert weights["stem.0.weight"].dtype == torch.float32


def test_errors_of_the_entry_are_one_line(tmp_path):
    for words, told in (
        (("--dataset", "absent.npz"), "absent.npz: no such file"),
        (("--genotype", "absent.json"), "genotype: found 'absent.json', expected a file"),
        (("--genotype", "DARTS_V2"), "genotype: found one of darts, expected nas-bench-201"),
        (("--optimizer.lr", "1e25"), "not finite"),
    ):
        code, _, errors = run("retrain", *command(tmp_path / told[:6], *words))
        last = errors.strip().splitlines()[-1]
        assert code == 1 and last.startswith("python -m retrain: ") and told in last
        assert "Traceback" not in errors
