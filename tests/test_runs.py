"""Run folders and checkpoints that survive kills."""

import errno
import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import zipfile
from pathlib import Path

import pytest
import torch

from common.checkpoints import load_checkpoint, save_checkpoint
from common.config import ConfigError
from common.errors import UserError, run_main
from common.files import read_metrics, write_json
from common.runs import Run, RunError, RunSettings
from common.stopping import stop_on_signals


def open_run(root, config, data=None, **settings):
    return Run(RunSettings("r", str(root), **settings), "e", config, "cpu", data)


def test_a_run_keeps_its_records(tmp_path):
    run = open_run(tmp_path, {"lr": 0.1})
    run.log({"epoch": 1})
    run.finish({"accuracy": 90})
    run.close()
    folder = tmp_path / "e/r"
    (start,) = json.loads((folder / "environment.json").read_text())["starts"]
    assert {"command", "commit", "device", "cores", "versions", "seconds"} <= set(start)
    assert start["versions"]["torch"] == torch.__version__.split("+")[0]
    again = open_run(tmp_path, {"lr": 0.1})
    assert again.finished and again.result["accuracy"] == 90
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
    with pytest.raises(RunError, match="no checkpoint is whole"):
        load_checkpoint(tmp_path)


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path):
    save_checkpoint(tmp_path, {"step": 0})
    (tmp_path / "checkpoint.pt").rename(tmp_path / "checkpoint.previous.pt")
    assert load_checkpoint(tmp_path)["step"] == 0


def test_checkpoints_hold_no_code(tmp_path, capsys):
    save_checkpoint(tmp_path, {"step": RunSettings()})
    with pytest.raises(RunError, match="no checkpoint is whole"):
        load_checkpoint(tmp_path)
    assert "checkpoint.pt is damaged (Weights only load failed" in capsys.readouterr().err


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


def test_a_result_says_what_it_is(tmp_path):
    data = {"name": "digits", "digest": "0" * 16}
    with open_run(tmp_path, {"lr": 1}, data) as run:
        run.finish({"loss": 2.5}, method="WOT + DAG", filter="box", fraction=0.5, n=3)
    written = json.loads((tmp_path / "e/r/result.json").read_text())
    assert written == {
        "kind": "e", "method": "WOT + DAG", "filter": "box", "fraction": 0.5, "dataset": data,
        "network": None, "n": 3, "loss": 2.5,
    }  # fmt: skip
    open_run(tmp_path, {"lr": 1}, data).close()  # the lock is free again


def test_other_data_under_the_same_name_is_refused(tmp_path):
    def data(digest):
        return {"name": "digits", "digest": digest}

    with open_run(tmp_path, {"dataset": "d.npz"}, data("a")) as run:
        run.finish({})
    for other in (data("b"), None):
        with pytest.raises(RunError, match=r"the data differ \(data.*--run\.name NAME"):
            open_run(tmp_path, {"dataset": "d.npz"}, other)
    with pytest.raises(RunError, match=r"with another config \(dataset: "):
        open_run(tmp_path, {"dataset": "e.npz"}, data("b"))


@pytest.mark.parametrize("name", [".", "..", "../e", ".hidden", "/tmp/x", "a/b", "a\nb", "\t"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ConfigError, match=r"run\.name"):
        RunSettings(name)


def test_fresh_deletes_a_run_and_nothing_else(tmp_path):
    folder = tmp_path / "e/r"
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    for fresh in (False, True):
        with pytest.raises(RunError, match="is no folder of a run"):
            open_run(tmp_path, {}, fresh=fresh)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    elsewhere = tmp_path / "elsewhere"
    shutil.move(folder, elsewhere)
    (elsewhere / "config.yaml").write_text("{}\n")
    folder.symlink_to(elsewhere)
    with pytest.raises(RunError, match="is no folder of a run"):
        open_run(tmp_path, {}, fresh=True)
    assert (elsewhere / "thesis.tex").exists()


def test_a_deletion_that_a_kill_cut_off_is_finished(tmp_path):
    open_run(tmp_path, {"lr": 1}).close()
    (tmp_path / "e/r").rename(tmp_path / "e/.r.dropped")
    with open_run(tmp_path, {"lr": 2}, fresh=True) as run:
        assert run.folder.is_dir()
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [".r.lock", "r"]


def contend(root, gate, entered):
    """Opens the run again and again; notes in a folder of its own who is inside."""
    inside = Path(entered)
    gate.wait()
    for attempt in range(25):
        try:
            with Run(RunSettings("r", root, fresh=True), "e", {}, "cpu") as run:
                mark = inside / "here"
                mark.mkdir()  # fails where another is inside
                run.log({"attempt": attempt})
                assert read_metrics(run.folder) == [{"attempt": attempt}]
                mark.rmdir()
        except RunError as error:
            assert "in use" in str(error)


def test_one_at_a_time_while_all_start_afresh(tmp_path):
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(3)
    inside = tmp_path / "inside"
    inside.mkdir()
    words = (str(tmp_path / "runs"), gate, str(inside))
    rivals = [context.Process(target=contend, args=words) for _ in range(3)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert [rival.exitcode for rival in rivals] == [0] * 3


def test_each_start_has_its_own_environment(tmp_path):
    for device in ("cpu", "a GPU"):
        with Run(RunSettings("r", str(tmp_path)), "e", {}, device) as run:
            run.log({"epoch": 1})
    with Run(RunSettings("r", str(tmp_path)), "e", {}, "third") as run:
        run.finish({})
    Run(RunSettings("r", str(tmp_path)), "e", {}, "only looked").close()
    starts = json.loads((tmp_path / "e/r/environment.json").read_text())["starts"]
    assert [start["device"] for start in starts] == ["cpu", "a GPU", "third"]
    assert all(start["seconds"] >= 0 for start in starts)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_record_holds_what_is_no_number(tmp_path, value):
    with open_run(tmp_path, {}) as run:
        for write in (run.log, run.finish, lambda r: write_json(tmp_path / "a.json", r)):
            with pytest.raises(UserError, match="NaN or infinite"):
                write({"loss": value})
    assert not (tmp_path / "a.json").exists() and not (tmp_path / "e/r/result.json").exists()


def test_lost_metrics_send_back_to_the_checkpoint_before(tmp_path, capsys):
    with open_run(tmp_path, {}) as run:
        for epoch in (1, 2):
            run.log({"epoch": epoch})
            save_checkpoint(run.folder, {"epoch": epoch, "metrics": run.position()})
    metrics = tmp_path / "e/r/metrics.jsonl"
    os.truncate(metrics, metrics.stat().st_size - 1)  # as if the disk had lost the end
    with open_run(tmp_path, {}) as run:
        state = load_checkpoint(run.folder)
        run.rewind(state["metrics"])
        run.log({"epoch": 2})
    assert state["epoch"] == 1 and "13 bytes of 26" in capsys.readouterr().err
    assert read_metrics(tmp_path / "e/r") == [{"epoch": 1}, {"epoch": 2}]
    metrics.write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint is whole"):
        load_checkpoint(tmp_path / "e/r")


def damaged_checkpoints(folder):
    """Name and bytes of files that are no checkpoints."""
    save_checkpoint(folder, {"weights": torch.ones(50)})
    whole = (folder / "checkpoint.pt").read_bytes()
    yield "empty", b""
    yield "text", b"hello"
    yield "zeros", bytes(len(whole))
    yield "pickle", pickle.dumps([1, 2])
    yield from ((f"cut at {at}", whole[:at]) for at in range(1, len(whole), len(whole) // 30))
    for at in range(0, len(whole), len(whole) // 60):
        yield f"flipped at {at}", whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    yield "another archive", (folder / "other.zip").read_bytes()


def test_damage_of_any_kind_falls_back(tmp_path):
    (tmp_path / "x").mkdir()
    for what, data in list(damaged_checkpoints(tmp_path / "x")):
        for step in range(2):
            save_checkpoint(tmp_path, {"step": step})
        (tmp_path / "checkpoint.pt").write_bytes(data)
        state = load_checkpoint(tmp_path)  # a flipped bit may lie where it changes nothing
        assert state == {"step": 0} or set(state) == {"weights"}, what


def fill(folder):
    """Saves in a process whose files may not grow beyond 32 KiB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))
    run_main("prog", lambda: save_checkpoint(folder, {"weights": torch.ones(10**5)}))


def test_a_full_disk_is_told_and_leaves_the_checkpoint_before(tmp_path, capfd):
    save_checkpoint(tmp_path, {"weights": torch.ones(10)})
    process = multiprocessing.get_context("fork").Process(target=fill, args=(tmp_path,))
    process.start()
    process.join()
    (line,) = capfd.readouterr().err.splitlines()
    assert process.exitcode == 1 and line.startswith("prog: the disk is full")
    assert "the same command goes on" in line
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert len(load_checkpoint(tmp_path)["weights"]) == 10


def test_an_entry_ends_in_one_line(capsys):
    def fail(error):
        raise error

    class SpaceError(ValueError):
        pass

    told = [RunError("taken"), OSError(errno.ENOENT, "No such file", "x"), SpaceError("cell")]
    for error in told:
        with pytest.raises(SystemExit) as caught:
            run_main("prog", lambda error=error: fail(error), SpaceError)
        assert caught.value.code.startswith("prog: ") and str(error) in caught.value.code
    with pytest.raises(SpaceError):
        run_main("prog", lambda: fail(SpaceError("not announced")))


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"5", bytes(40), b"\xff\xfe{}", b"[" * 9000])
@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "result.json"])
def test_a_damaged_file_of_a_run_is_named(tmp_path, name, damage):
    with open_run(tmp_path, {"lr": 0.1}) as run:
        run.log({"epoch": 1})
        run.finish({})
    (tmp_path / "e/r" / name).write_bytes(damage)
    told = f"{name} is damaged: .*expected"
    with pytest.raises(UserError, match=told) as caught, open_run(tmp_path, {"lr": 0.1}) as run:
        assert run.finished and run.result
    assert "\n" not in str(caught.value)
    open_run(tmp_path, {"lr": 0.1}, fresh=True).close()


def test_the_result_of_another_kind_is_refused(tmp_path):
    with open_run(tmp_path, {}) as run:
        run.finish({})
    (tmp_path / "e/r/result.json").write_text('{"kind": "x"}')
    told = "found a result of kind 'x', expected 'e'; --run.fresh true"
    with open_run(tmp_path, {}) as run, pytest.raises(UserError, match=told):
        print(run.result)


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"5", bytes(40), b"\xff{}", b"[" * 100_000])
def test_a_damaged_line_of_metrics_is_named(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n' + line + b'\n{"epoch": 3}\n')
    with pytest.raises(UserError, match=r"metrics.jsonl: line 2 is damaged: .*--run.fresh true"):
        read_metrics(tmp_path)
