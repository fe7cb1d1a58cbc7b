"""Run folders and checkpoints that survive kills."""

import json
import os
import signal

import pytest
import torch

from common.checkpoints import load_checkpoint, save_checkpoint
from common.runs import Run, RunError, RunSettings, read_metrics, stop_on_signals


def open_run(root, config, **settings):
    return Run(RunSettings("r", str(root), **settings), "e", config, "cpu")


def test_a_run_keeps_its_records(tmp_path):
    run = open_run(tmp_path, {"lr": 0.1})
    run.log({"epoch": 1})
    run.finish({"accuracy": 90})
    run.close()
    folder = tmp_path / "e/r"
    environment = json.loads((folder / "environment.json").read_text())
    assert {"command", "commit", "device", "cores", "versions"} <= set(environment)
    assert environment["versions"]["torch"] == torch.__version__.split("+")[0]
    again = open_run(tmp_path, {"lr": 0.1})
    assert again.finished and again.result == {"accuracy": 90}
    assert read_metrics(folder) == [{"epoch": 1}]
    again.close()


def test_another_config_under_the_same_name_is_refused(tmp_path):
    run = open_run(tmp_path, {"lr": 0.1, "sgd": {"m": [1, 2]}})
    run.log({"epoch": 1})
    run.close()
    with pytest.raises(RunError, match=r"lr: 0\.1 there, 0\.2 now.*--run.fresh"):
        open_run(tmp_path, {"lr": 0.2, "sgd": {"m": [1, 2]}})
    with pytest.raises(RunError, match=r"sgd\.m: \[1, 2\] there"):
        open_run(tmp_path, {"lr": 0.1, "sgd": {"m": [1]}})
    open_run(tmp_path, {"lr": 0.2}, fresh=True).close()


def test_a_run_that_failed_at_its_start_holds_no_name(tmp_path):
    open_run(tmp_path, {"lr": 0.1}).close()
    run = open_run(tmp_path, {"lr": 0.2})
    run.log({"epoch": 1})
    run.close()
    with pytest.raises(RunError, match=r"lr: 0\.2 there, 0\.1 now"):
        open_run(tmp_path, {"lr": 0.1})


def test_a_run_in_use_is_refused(tmp_path):
    run = open_run(tmp_path, {})
    for settings in ({}, {"fresh": True}):
        with pytest.raises(RunError, match="in use"):
            open_run(tmp_path, {}, **settings)
    run.close()
    open_run(tmp_path, {}).close()


def test_metrics_go_back_to_a_checkpoint(tmp_path):
    run = open_run(tmp_path, {})
    run.log({"epoch": 1})
    position = run.position()
    run.log({"epoch": 2})
    run.rewind(position)
    run.log({"epoch": 3})
    run.close()
    with (tmp_path / "e/r/metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "cut of')
    assert [r["epoch"] for r in read_metrics(tmp_path / "e/r")] == [1, 3]
    run = open_run(tmp_path, {})
    run.log({"epoch": 5})
    run.close()
    assert [r["epoch"] for r in read_metrics(tmp_path / "e/r")] == [1, 3, 5]


def test_the_last_two_checkpoints_are_kept(tmp_path):
    assert load_checkpoint(tmp_path) is None
    for step in range(3):
        save_checkpoint(tmp_path, {"step": step, "weights": torch.full((100,), float(step))})
    assert load_checkpoint(tmp_path)["step"] == 2
    assert len(list(tmp_path.iterdir())) == 2


def spoil_by_cutting(path):
    path.write_bytes(path.read_bytes()[:-100])


def spoil_one_byte_of_a_tensor(path):
    data = bytearray(path.read_bytes())
    data[data.index(b"\x00\x00\x80\x3f" * 8) + 2] ^= 1  # the ones of step 1
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [spoil_by_cutting, spoil_one_byte_of_a_tensor])
def test_a_damaged_newest_checkpoint_falls_back(tmp_path, capsys, spoil):
    for step in range(2):
        save_checkpoint(tmp_path, {"step": step, "weights": torch.full((100,), float(step))})
    spoil(tmp_path / "checkpoint.pt")
    assert load_checkpoint(tmp_path)["step"] == 0
    assert "checkpoint.pt is damaged" in capsys.readouterr().err
    (tmp_path / "checkpoint.previous.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="no checkpoint is whole"):
        load_checkpoint(tmp_path)


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path):
    save_checkpoint(tmp_path, {"step": 0})
    (tmp_path / "checkpoint.pt").rename(tmp_path / "checkpoint.previous.pt")
    assert load_checkpoint(tmp_path)["step"] == 0


def test_checkpoints_hold_no_code(tmp_path):
    save_checkpoint(tmp_path, {"step": RunSettings()})
    with pytest.raises(Exception, match="RunSettings"):
        load_checkpoint(tmp_path)


def test_sigterm_becomes_a_request(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as request:
        assert not request
        os.kill(os.getpid(), signal.SIGTERM)
        assert request
        with pytest.raises(SystemExit) as caught:
            request.exit("saved at epoch 3")
    assert (
        caught.value.code == 143 and "SIGTERM: stopped, saved at epoch 3" in capsys.readouterr().err
    )
    assert signal.getsignal(signal.SIGTERM) is before
