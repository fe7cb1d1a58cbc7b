"""Processes that belong together: lost ones are missed, and two machines work as one.

Two network namespaces of this machine, joined by a cable, stand in for two machines.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from torch import distributed

from common.errors import UserError
from common.runs import RunSettings
from common.watch import Watch, WorkersError
from common.workers import Workers
from tests.running import TORCHRUN, Entry, free_port, run
from tests.server import python


def start_two(words, address="127.0.0.1", networks=("", ""), **environment):
    """Two processes of one job, as torchrun would start them on two machines."""
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": address, "MASTER_PORT": str(free_port())}
    place |= {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"} | environment
    return [
        Entry("tests.hosts", [network, "", *words[rank]], RANK=str(rank), **place)
        for rank, network in enumerate(networks)
    ]


def wait_until(found, processes):
    deadline = time.monotonic() + 200
    while not found():
        assert time.monotonic() < deadline
        assert all(p.poll() is None for p in processes), [p.communicate() for p in processes]
        time.sleep(0.02)


def wait_until_joined(processes, folder):
    wait_until(lambda: all((folder / f"joined{rank}").exists() for rank in (0, 1)), processes)


def told(process):
    """The one line by which a process ends."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == 1 and "Traceback" not in err, (process.returncode, out, err)
    return [line for line in err.splitlines() if line and not line.startswith("[")][-1]


@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_others(tmp_path, killed):
    """Also where the other one computes, and asks for nothing."""
    processes = start_two([["wait", tmp_path]] * 2)
    wait_until_joined(processes, tmp_path)
    processes[killed].send_signal(signal.SIGKILL)
    expected = f"process {killed} of the job, on"
    assert expected in told(processes[1 - killed]) and processes[killed].communicate()


def test_a_stop_of_one_machine_stops_all(tmp_path):
    """Though they score on and on, and wait for nobody."""
    words = ["--score.dataset", "digits", "--score.batch_size", "8", "--score.device", "cpu"]
    processes = start_two([["wot_dag.score", *words, "--run.root", str(tmp_path)]] * 2)
    files = [f"wot_scores/*/scores.{rank}.jsonl" for rank in (0, 1)]
    wait_until(
        lambda: all(any(f.stat().st_size for f in tmp_path.glob(g)) for g in files), processes
    )
    processes[1].send_signal(signal.SIGTERM)
    for process in processes:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 128 + signal.SIGTERM and "SIGTERM: stopped" in err


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("tenas_dag", "seeds"),
        ("wot_dag.score", "score.seeds"),
        ("wot_dag", "seed"),
        ("wot_dag.compare", "sample"),
    ],
)
def test_other_settings_on_another_machine_are_refused(tmp_path, entry, key):
    both = [entry, "--run.root", str(tmp_path)]
    block = "--indicators" if entry == "tenas_dag" else "--score"
    both += [f"{block}.dataset", "digits", f"{block}.device", "cpu"]
    values = ("[3]", "[4]") if key.endswith("seeds") else ("13", "14")
    processes = start_two([[*both, f"--{key}", value] for value in values])
    name, (one, other) = key.split(".")[-1], values
    assert "process 1 of the job has other settings or other data" in (line := told(processes[0]))
    assert f"({name}: {one} in 0, {other} in 1)" in line
    processes[1].communicate(timeout=100)
    assert processes[1].returncode == 1 and not list(tmp_path.iterdir())


def test_two_processes_share_the_scores_of_a_comparison(tmp_path):
    """That scores of two are those of one is tested where a space is scored."""
    words = "--score.dataset digits --score.channels 2 --score.cells 1 --score.batch_size 8"
    words += " --score.device cpu --names [jacov] --sampled [jacov] --sample 12 --seed_cells 12"
    words += " --bootstrap 1 --repeats 2 --aggregates [] --score.seeds [0,1]"
    for process in start_two([["wot_dag.compare", *words.split(), "--run.root", tmp_path]] * 2):
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
    assert not out  # the first process prints
    result = json.loads((tmp_path / "scores/default/result.json").read_text())
    jacov = next(row for row in result["rows"] if row["score"] == "jacov")
    assert (result["processes"], jacov["n"], jacov["seeds"]) == (2, 12, 2)
    (store,) = (file.parent for file in tmp_path.glob("wot_scores/*/config.yaml")
                if "name: jacov\n" in file.read_text())  # fmt: skip
    first, other = (file.read_text().splitlines() for file in sorted(store.glob("scores.?.jsonl")))
    assert len(first) == len(other) == 12  # of 12 cells by two seeds


def test_what_hinders_processes_from_joining_is_told(tmp_path):
    processes = start_two([["tenas_dag", "--run.root", tmp_path]] * 2, GLOO_SOCKET_IFNAME="none0")
    for process in processes:
        assert "GLOO_SOCKET_IFNAME" in told(process)


@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_in_vain_for_the_others_says_so(monkeypatch, rank):
    """The second process finds the port of a first one that is no more."""
    monkeypatch.setattr("common.watch.JOIN_SECONDS", 0.1)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    store = distributed.HashStore()
    store.set("watch", str(free_port()))
    with pytest.raises(WorkersError, match=rf"process {rank} of 2 waited 0.1 s for the others \("):
        Watch(store, rank, 2)


def test_alone_under_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with Workers(alone=True) as workers:
        assert workers.size == 1 and workers.gather("x") == ["x"]
        workers.agree({"lr": 1})
    with pytest.raises(UserError), Workers(alone=True):
        raise UserError


@pytest.fixture
def networks():
    """Two network namespaces, 10.77.9.1 and 10.77.9.2, and the command that pulls the cable."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("needs root and iproute2's ip: two network namespaces stand in for machines")
    one, two = (f"test{os.getpid()}{letter}" for letter in "ab")
    commands = [f"netns add {one}", f"netns add {two}"]
    commands.append(f"-n {one} link add eth0 type veth peer name eth0 netns {two}")
    for network, address in ((one, "10.77.9.1/24"), (two, "10.77.9.2/24")):
        commands += [f"-n {network} addr add {address} dev eth0"]
        commands += [f"-n {network} link set {device} up" for device in ("eth0", "lo")]
    try:
        for command in commands:
            done = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"no network namespaces here: ip {command}: {done.stderr.strip()}")
        yield one, two
    finally:
        for network in (one, two):
            subprocess.run(["ip", "netns", "del", network], capture_output=True)


def test_a_machine_off_the_network_is_missed(networks, tmp_path):
    """By both sides: the one that waits for the other, and the one that computes."""
    processes = start_two(
        [["wait", tmp_path]] * 2, "10.77.9.1", networks, GLOO_SOCKET_IFNAME="eth0"
    )
    wait_until_joined(processes, tmp_path)
    subprocess.run(["ip", "-n", networks[1], "link", "set", "eth0", "down"], check=True)
    for rank, process in enumerate(processes):
        line = told(process)
        assert f"process {1 - rank} of the job, on" in line and f"10.77.9.{2 - rank}" in line


@pytest.mark.slow
def test_two_machines_search_as_one_does(networks, tmp_path):
    """The second sees no run of the first, which keeps all records none the less."""
    words = ["--samples", "3", "--repeats", "2", "--score.dataset", "digits", "--run.name", "r"]
    words += ["--score.batch_size", "8", "--score.device", "cpu", "--run.root"]
    (tmp_path / "two").mkdir()
    launch = "--nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint 10.77.9.1:29500"
    place = {"GLOO_SOCKET_IFNAME": "eth0", "PYTHON_EXEC": str(python())}
    processes = []
    for network, host in zip(networks, ("1 --rdzv-conf is_host=true", "2")):
        moved = ["tests.hosts", network, "" if network == networks[0] else tmp_path / "two"]
        torchrun = f"{TORCHRUN} {launch} --local-addr 10.77.9.{host} -m".split()
        entry = [*moved, *torchrun, *moved, "wot_dag", *words, tmp_path / "two"]
        processes.append(Entry(entry[0], entry[1:], **place))
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    code, _, err = run("wot_dag", *words, str(tmp_path / "one"))
    assert code == 0, err
    one, two = (choices(tmp_path / name) for name in ("one", "two"))
    assert one == two and len(one) == 2
    one, two = (scored(tmp_path / name) for name in ("one", "two"))
    assert one == two and one


def choices(root):
    lines = (root / "wot/r/metrics.jsonl").read_text().splitlines()
    return [(choice["arch"], choice["score"]) for choice in map(json.loads, lines)]


def scored(root):
    """Architecture, seed and score of each line of a store; none stands twice."""
    files = root.glob("wot_scores/*/scores.*.jsonl")
    lines = [json.loads(line)[:3] for file in files for line in file.read_text().splitlines()]
    assert len({tuple(line[:2]) for line in lines}) == len(lines)
    return sorted(lines)


def test_a_restart_by_torchrun_is_no_fresh_start(tmp_path, monkeypatch):
    how = "kind", {"a": 1}, "cpu"
    settings = RunSettings("r", str(tmp_path), fresh=True)
    for restarts, kept in (("0", False), ("1", True)):
        with Workers(alone=True).open_run(RunSettings("r", str(tmp_path)), *how) as run:
            run.log({"epoch": 1})
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
        with Workers(alone=True).open_run(settings, *how) as run:
            assert bool(run.position()) is kept
