"""Training as people run it: kills, signals, reruns, divergence."""

import itertools
import json
import signal
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from common.config import ConfigError, run_entry
from common.data import load_dataset
from common.errors import TrainingDivergedError
from common.files import read_metrics
from common.runs import RunError, RunSettings
from mlp_code import DagMlp, MlpShape, precision
from mlp_code.__main__ import print_table
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.evaluate import EvaluateConfig, evaluate_run
from mlp_code.training import Trainer, image_order, train
from tests.running import killing, run

STEP = "mlp_code.training:Trainer._train_step"
SETTINGS = {
    "width": "32", "epochs": "8", "batch_size": "64", "seeds": "[0,1]", "device": "cpu",
    "optimizer.lr": "1e-3", "optimizer.momentum": "0.9", "checkpoint_every": "3",
    "run.name": "r",
}  # fmt: skip


def config(tmp_path, **changes):
    small = MlpConfig(
        width=16,
        epochs=3,
        seeds=[0, 1],
        optimizer=SgdConfig(lr=0.05),
        device="cpu",
        run=RunSettings("r", str(tmp_path)),
    )
    return replace(small, **changes)


def command(root, **changes):
    words = ["--run.root", str(root)]
    for key, value in (SETTINGS | changes).items():
        words += [f"--{key}", value]
    return words


def final_files(root):
    folder = root / "mlp/r"
    weights = torch.load(folder / "last.pt", weights_only=True)["members"]
    best = torch.load(folder / "best.pt", weights_only=True)["members"]
    return (folder / "metrics.jsonl").read_text().splitlines(), weights, best


def assert_same_bits(a, b):
    assert len(a) == len(b) == 6
    for x, y in zip(a, b):
        assert x["epoch"] == y["epoch"] and x["state"].keys() == y["state"].keys()
        assert all(torch.equal(x["state"][name], y["state"][name]) for name in x["state"])


@pytest.mark.parametrize("batched", ["always", "never"])
def test_sigkill_and_sigterm_leave_no_trace(tmp_path, batched):
    """Killed once by SIGKILL and once by SIGTERM: the same bits as an undisturbed run."""
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    assert run("mlp_code", *command(undisturbed, batched=batched))[0] == 0

    words = command(disturbed, batched=batched)
    # in epoch 6 of 16 steps each, two epochs after a checkpoint
    assert run(*killing(STEP, 5 * 16 + 8, 9), "mlp_code", *words)[0] == -signal.SIGKILL
    assert not (disturbed / "mlp/r/result.json").exists()
    assert '"epoch": 5' in (disturbed / "mlp/r/metrics.jsonl").read_text()

    code, _, errors = run(*killing(STEP, 16 + 8, 15), "mlp_code", *words)
    assert code == 143 and "SIGTERM: stopped, saved at epoch 5, step 8" in errors

    assert run("mlp_code", *words)[0] == 0
    lines, weights, best = final_files(undisturbed)
    lines_after, weights_after, best_after = final_files(disturbed)
    assert lines == lines_after and len(lines) == 8 * 6
    assert_same_bits(weights, weights_after)
    assert_same_bits(best, best_after)


@pytest.mark.parametrize("forms", [("always", "never"), ("never", "always")])
def test_a_run_goes_on_in_the_form_that_it_was_begun_in(tmp_path, monkeypatch, forms):
    """As on a machine whose device prefers the other form."""
    whole = train(config(tmp_path / "whole", batched=forms[0]))
    first = config(tmp_path / "parts", batched=forms[0], checkpoint_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_finish", lambda self: self._save() or sys.exit(1))
        with pytest.raises(SystemExit):
            train(first)
    parts = train(replace(first, batched=forms[1]))
    assert parts["dags"] == whole["dags"]


def stop_after(monkeypatch, epoch):
    """A training saves and ends after an epoch, as by a signal."""
    go_on = Trainer.start_next_epoch

    def go_on_or_stop(self):
        go_on(self)
        if self.epoch > epoch:
            self._save()
            sys.exit(1)

    monkeypatch.setattr(Trainer, "start_next_epoch", go_on_or_stop)


@pytest.mark.parametrize("form", ["always", "never"])
def test_dags_in_another_order_keep_their_own_weights(tmp_path, monkeypatch, form):
    """A config's order of names is no part of it: a resumed run must not swap its networks."""
    dags = {"A": "2_02_002", "B": "1_01_222", "C": "2_21_112"}
    sgd = SgdConfig(lr=0.02, momentum=0.9)
    options = {"optimizer": sgd, "batched": form, "dags": dags, "epochs": 6}
    whole = train(config(tmp_path / "whole", **options))
    parts = config(tmp_path / "parts", **options)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after(patch, epoch=3)
        train(parts)
    resumed = train(replace(parts, dags={name: dags[name] for name in ("C", "A", "B")}))
    assert resumed["dags"] == whole["dags"]
    (lines, *weights), (lines_after, *weights_after) = map(
        final_files, (tmp_path / "whole", tmp_path / "parts")
    )
    assert lines == lines_after
    for a, b in zip(weights, weights_after):
        assert [(e["dag"], e["seed"]) for e in a] == [(e["dag"], e["seed"]) for e in b]
        assert_same_bits(a, b)


def test_seconds_count_the_part_of_an_epoch_before_a_stop(tmp_path, monkeypatch):
    """The clock is a count of steps here: one second each."""
    clock = SimpleNamespace(ticks=0)
    monkeypatch.setattr("mlp_code.training.time.perf_counter", lambda: float(clock.ticks))
    step = Trainer._train_step

    def timed(self, chosen):
        clock.ticks += 1
        if clock.ticks == 13:  # 8 steps in an epoch: the stop comes in mid-epoch 2
            signal.raise_signal(signal.SIGTERM)
        return step(self, chosen)

    monkeypatch.setattr(Trainer, "_train_step", timed)
    settings = config(tmp_path, epochs=2)
    with pytest.raises(SystemExit):
        train(settings)
    clock.ticks += 1000  # between the processes
    assert train(settings)["seconds"] == 16


def test_a_last_batch_of_one_image_is_refused_with_batch_norm(tmp_path):
    with pytest.raises(ConfigError, match=r"batch_size: found 27, .* 1 of the 1000 images"):
        train(config(tmp_path, batch_norm=True, batch_size=27))
    train(config(tmp_path, batch_norm=False, batch_size=333, epochs=1))


@pytest.mark.parametrize("batched", ["always", "never"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_training_against_a_plain_loop(tmp_path, batched, loss):
    sgd = SgdConfig(lr=0.01)
    settings = config(tmp_path, batched=batched, loss=loss, targets="signed", optimizer=sgd)
    train(settings)
    data = load_dataset("digits")
    last = torch.load(tmp_path / "mlp/r/last.pt", weights_only=True)["members"]
    for entry in last:
        network = DagMlp(
            entry["code"], MlpShape(64, 16, 10), torch.Generator().manual_seed(entry["seed"])
        )
        means = [plain_epoch(network, data, settings, entry["seed"], e) for e in (1, 2, 3)]
        for name, tensor in network.state_dict().items():
            torch.testing.assert_close(entry["state"][name], tensor, rtol=1e-4, atol=1e-5)
        found = [
            record["train_loss"]
            for record in read_metrics(tmp_path / "mlp/r")
            if (record["dag"], record["seed"]) == (entry["dag"], entry["seed"])
        ]
        assert found == pytest.approx(means, rel=1e-4)


def plain_epoch(network, data, settings, seed, epoch):
    losses = []
    for chosen in image_order(settings, epoch, seed, 1000).split(settings.batch_size):
        x = (data.train.images[chosen].flatten(1).float() - data.mean) / data.std
        y = data.train.labels[chosen]
        if settings.loss == "mse":
            each = ((network(x) - (2 * F.one_hot(y, 10) - 1)) ** 2).sum(1) / 2
        else:
            each = F.cross_entropy(network(x), y, reduction="none")
        network.zero_grad()
        each.mean().backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= settings.optimizer.lr * parameter.grad
        losses.append(each.detach())
    return torch.cat(losses).mean().item()


def test_a_batch_size_of_zero_is_gradient_descent(tmp_path):
    settings = config(tmp_path, batch_size=0, epochs=2)
    train(settings)
    data = load_dataset("digits")
    network = DagMlp("2_02_002", MlpShape(64, 16, 10), torch.Generator().manual_seed(0))
    loss = F.cross_entropy(network(data.normalize(data.train.images).flatten(1)), data.train.labels)
    assert read_metrics(tmp_path / "mlp/r")[0]["train_loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_a_finished_run_is_not_repeated(tmp_path):
    settings = config(tmp_path)
    first = train(settings)
    before = (tmp_path / "mlp/r/metrics.jsonl").stat().st_mtime_ns
    assert train(settings) == first
    assert (tmp_path / "mlp/r/metrics.jsonl").stat().st_mtime_ns == before
    assert not (tmp_path / "mlp/r/checkpoint.pt").exists()


def test_the_result_and_a_second_look_at_the_weights(tmp_path):
    result = train(config(tmp_path, epochs=5, batch_norm=True, checkpoint_every=2))
    row = result["dags"]["DAG#3"]
    assert (row["effective_depth"], row["effective_width"]) == (1.25, 2.4)
    assert row["train_accuracy"]["n"] == 2 and row["test_accuracy"]["mean"] > 50
    records = evaluate_run(EvaluateConfig(folder=str(tmp_path / "mlp/r"), device="cpu"))
    metrics = {(r["dag"], r["seed"], r["epoch"]): r for r in read_metrics(tmp_path / "mlp/r")}
    assert len(records) == 6
    for record in records:
        logged = metrics[record["dag"], record["seed"], record["epoch"]]
        assert record["test_accuracy"] == pytest.approx(logged["test_accuracy"])
        assert record["test_loss"] == pytest.approx(logged["test_loss"], rel=1e-4)
        best = max(
            m["validation_accuracy"]
            for k, m in metrics.items()
            if k[:2] == (record["dag"], record["seed"])
        )
        assert logged["validation_accuracy"] == best


def test_only_whole_runs_of_mlps_are_evaluated(tmp_path):
    train(config(tmp_path, epochs=1))
    folder = tmp_path / "mlp/r"
    wanted = EvaluateConfig(folder=str(folder), device="cpu")
    weights = (folder / "best.pt").read_bytes()
    (folder / "best.pt").write_bytes(weights[:-100])
    with pytest.raises(RunError, match=r"best\.pt is damaged \("):
        evaluate_run(wanted)
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(record | {"kind": "retrain"}))
    with pytest.raises(ConfigError, match="folder: found \"a run of kind 'retrain'\""):
        evaluate_run(wanted)
    (folder / "config.yaml").unlink()
    with pytest.raises(ConfigError, match=r"a finished run, with config\.yaml, result\.json"):
        EvaluateConfig(folder=str(folder))


def test_other_images_are_seen_as_in_training(tmp_path):
    """Normalized by the run's own mean and deviation; of other shapes or classes refused."""
    train(config(tmp_path, epochs=1))
    digits = load_dataset("digits")
    kept = {"x_train": digits.train.images, "y_train": digits.train.labels,
            "x_test": digits.test.images, "y_test": digits.test.labels}  # fmt: skip
    arrays = {name: values.numpy() for name, values in kept.items()}
    arrays["x_train"] = arrays["x_train"] // 2  # another mean and deviation
    folder, path = str(tmp_path / "mlp/r"), tmp_path / "other.npz"
    np.savez(path, **arrays)
    own = evaluate_run(EvaluateConfig(folder=folder, device="cpu"))
    other = evaluate_run(EvaluateConfig(folder=folder, dataset=str(path), device="cpu"))
    assert [r["test_loss"] for r in own] == [r["test_loss"] for r in other]
    eleven = {"y_test": arrays["y_test"] + 1, "y_train": np.append(arrays["y_train"][1:], 10)}
    for changes, told in (
        (eleven, "11 classes', expected at most the run's 10"),
        ({"x_test": arrays["x_test"][..., :7], "x_train": arrays["x_train"][..., :7]}, "8, 7"),
    ):
        np.savez(path, **(arrays | changes))
        with pytest.raises(ConfigError, match=told):
            evaluate_run(EvaluateConfig(folder=folder, dataset=str(path), device="cpu"))


def test_divergence_stops_with_epoch_step_and_a_hint(tmp_path):
    with pytest.raises(
        TrainingDivergedError, match=r"DAG#\d, seed \d.*epoch 1, step \d+.*lower optimizer.lr"
    ):
        train(config(tmp_path, optimizer=SgdConfig(lr=1e6)))


def test_the_loss_after_the_last_step_is_looked_at(tmp_path):
    """One step of gradient descent: its own loss is finite, that of its weights is not."""
    settings = config(tmp_path, batch_size=0, epochs=1, optimizer=SgdConfig(lr=1e12))
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, validation images: lower optim"):
        train(settings)
    assert not (tmp_path / "mlp/r/result.json").exists()


def test_learning_rate_warms_up_and_steps_down():
    sgd = SgdConfig(lr=1.0, warmup_epochs=4, milestones=[6, 8], gamma=0.1)
    expected = [0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1, 0.01]
    assert [sgd.factor_at(epoch) for epoch in range(1, 10)] == pytest.approx(expected)


def test_tensorboard_on_request(tmp_path):
    train(config(tmp_path, epochs=1, tensorboard=True))
    assert list((tmp_path / "mlp/r/tensorboard").glob("events*"))


def test_errors_of_the_entry_are_one_line(tmp_path):
    for changes, told in (
        ({"dataset": "absent.npz"}, "absent.npz: no such file"),
        ({"optimizer.lr": "1e6"}, "not finite"),
    ):
        code, _, errors = run("mlp_code", *command(tmp_path / told[:6], **changes))
        last = errors.strip().splitlines()[-1]
        assert code == 1 and last.startswith("python -m mlp_code: ") and told in last
        assert "Traceback" not in errors


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path, monkeypatch, capsys):
    calls = itertools.count(1)

    def no_space(_file):
        if next(calls) > 2 + 2 * 3:  # config and environment; metrics, environment, checkpoint
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        sys, "argv", ["mlp_code", *command(tmp_path, epochs="5", width="8", checkpoint_every="1")]
    )
    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(SystemExit, match=r"prog: the disk is full .*No space left on device"):
        run_entry("prog", MlpConfig, "mlp", train, print_table)
    monkeypatch.undo()
    monkeypatch.setattr(
        sys, "argv", ["mlp_code", *command(tmp_path, epochs="5", width="8", checkpoint_every="1")]
    )
    run_entry("prog", MlpConfig, "mlp", train, print_table)
    assert "2/5 epoch" in capsys.readouterr().err  # the progress bar starts at what was saved
    assert len((tmp_path / "mlp/r/metrics.jsonl").read_text().splitlines()) == 5 * 6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_like_the_cpu(tmp_path):
    on_cpu = train(config(tmp_path / "cpu"))
    on_cuda = train(config(tmp_path / "cuda", device="cuda"))
    for name, row in on_cpu["dags"].items():
        found = on_cuda["dags"][name]["train_loss"]["mean"]
        assert found == pytest.approx(row["train_loss"]["mean"], rel=1e-3)


def test_result_json_is_plain(tmp_path):
    train(config(tmp_path, epochs=1))
    result = json.loads((tmp_path / "mlp/r/result.json").read_text())
    header = {"kind", "method", "filter", "fraction", "dataset", "network", "n"}
    assert set(result) == header | {"epochs", "seeds", "precision", "seconds", "dags"}
    assert (result["kind"], result["dataset"]["name"], result["n"]) == ("mlp", "digits", 2)


def test_bfloat16_trains_nearly_as_float32(tmp_path):
    losses = [
        train(config(tmp_path / name, precision=name))["dags"]["DAG#3"]["train_loss"]["mean"]
        for name in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


def test_auto_takes_the_faster_precision_and_a_resumed_run_keeps_it(tmp_path, monkeypatch):
    def faster(name):
        def seconds(product, device):
            return 1.0 if (product().dtype == torch.bfloat16) == (name == "bfloat16") else 2.0

        monkeypatch.setattr(precision, "_seconds", seconds)

    for number, name in enumerate(("bfloat16", "float32")):
        faster(name)
        settings = config(tmp_path / str(number), precision="auto")
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            stop_after(patch, epoch=2)
            train(settings)
        faster("float32" if name == "bfloat16" else "bfloat16")
        assert train(settings)["precision"] == name
