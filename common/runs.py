"""A run's folder: its config, environment, metrics and result; what is finished stays so."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from common.config import load_yaml, require
from common.errors import UserError

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib")


class RunError(UserError):
    """A run folder that cannot be used; the message says how to mend it."""


@dataclass(frozen=True)
class RunSettings:
    """Where a run is kept.

    Args:
        name: folder of the run; the config file's stem if empty.
        root: folder of all runs.
        fresh: throw an earlier run of this name away and start again.
    """

    name: str = ""
    root: str = "runs"
    fresh: bool = False

    def __post_init__(self) -> None:
        require("/" not in self.name, "run.name", self.name, "a name without '/'")


class Run:
    """One run: `runs/<experiment>/<run>/` with config.yaml, environment.json, metrics.jsonl.

    Args:
        settings: where the folder is.
        experiment: the room's name, such as "mlp".
        config: settings that decide the result; another config under the same name is refused.
        device: the device the run uses, in words.

    Raises:
        RunError: the name is taken by another config, or another process holds the run.
    """

    def __init__(self, settings: RunSettings, experiment: str, config: dict, device: str) -> None:
        name = settings.name or "default"
        self.folder = Path(settings.root) / experiment / name
        if settings.fresh and self.folder.exists():
            self._lock().close()
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:  # closes what is open if a later step fails
            self._held = opened.enter_context(self._lock())
            self._claim(config)
            metrics = self.folder / "metrics.jsonl"
            drop_cut_line(metrics)
            self._metrics = opened.enter_context(metrics.open("ab"))
            if not self.finished:
                write_json(self.folder / "environment.json", environment(device))
            opened.pop_all()

    def _lock(self) -> Any:
        handle = (self.folder / "lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise RunError(f"{self.folder} is in use by another process: wait for it") from None
        # Data loaders that outlive a killed run must not hold its lock.
        held = weakref.ref(handle)
        os.register_at_fork(after_in_child=lambda: held() and held().close())
        return handle

    def _claim(self, config: dict) -> None:
        path = self.folder / "config.yaml"
        if not path.exists() or not self._has_work():
            write_atomically(path, yaml.safe_dump(config, sort_keys=False).encode())
            return
        changed = _differences(load_yaml(path.read_text()), config)
        if changed:
            raise RunError(
                f"{self.folder} holds a run with another config ({changed}): "
                f"give this one --run.name NAME, or replace the old one with --run.fresh true"
            )

    def _has_work(self) -> bool:
        """Whether anything is lost with the folder: a run that failed at its start has nothing."""
        trivial = ("config.yaml", "environment.json", "lock")
        files = (file for file in self.folder.iterdir() if file.name not in trivial)
        return any(file.is_dir() or file.stat().st_size for file in files)

    @property
    def finished(self) -> bool:
        """Whether the run has its result."""
        return (self.folder / "result.json").exists()

    @property
    def result(self) -> dict:
        """The finished run's result."""
        return read_json(self.folder / "result.json")

    def log(self, record: dict) -> None:
        """Appends one record to metrics.jsonl."""
        self._metrics.write(json.dumps(record).encode() + b"\n")
        self._metrics.flush()

    def position(self) -> int:
        """Bytes of metrics written so far, to be kept in a checkpoint."""
        return self._metrics.tell()

    def rewind(self, position: int) -> None:
        """Drops the metrics written after a checkpoint."""
        self._metrics.truncate(position)
        self._metrics.seek(0, os.SEEK_END)

    def finish(self, result: dict) -> None:
        """Writes the result; the run is finished."""
        write_json(self.folder / "result.json", result)

    def close(self) -> None:
        """Lets another process have the run."""
        self._metrics.close()
        self._held.close()


def _differences(old: Any, new: Any, key: str = "") -> str:
    """Says which settings differ, by dotted key."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(k for k in new if k not in old)]
        parts = (_differences(old.get(k), new.get(k), f"{key}.{k}".strip(".")) for k in keys)
        return ", ".join(part for part in parts if part)
    same = old == (list(new) if isinstance(new, tuple) else new)
    return "" if same else f"{key}: {old!r} there, {new!r} now"


def environment(device: str) -> dict:
    """Versions, hardware, commit and command of this process."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": device,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version for name, version in versions.items() if version},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """The code's commit, with a + if files have changed since; "unknown" outside a checkout."""
    here = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=10"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def drop_cut_line(path: Path) -> None:
    """Drops a last line that a kill cut off; a whole or absent file keeps its date."""
    written = path.read_bytes() if path.exists() else b""
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        os.truncate(path, whole)


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file that is whole or absent: temporary file, fsync, rename."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def write_json(path: Path, data: dict) -> None:
    """Writes readable JSON atomically."""
    write_atomically(path, (json.dumps(data, indent=1) + "\n").encode())


def read_json(path: Path) -> dict:
    """Reads a JSON file."""
    return json.loads(path.read_text())


def read_metrics(folder: Path) -> list[dict]:
    """All records of a run's metrics.jsonl; a last line that a kill cut off is left out."""
    lines = (folder / "metrics.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


class StopRequest:
    """Whether SIGTERM or Ctrl-C asked this process to save and stop."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def exit(self, saved: str, number: int | None = None, told: bool = True) -> None:
        """Leaves the process with a message and the shell's status for the signal.

        Args:
            saved: what is on disk.
            number: the signal, where it was another process' of the same run.
            told: whether this process prints the message; one of several does.
        """
        number = number or self.signal
        if told:
            name = signal.Signals(number).name
            text = f"\n{name}: stopped, {saved}. The same command goes on from there."
            print(text, file=sys.stderr)
        raise SystemExit(128 + number)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns SIGTERM and SIGINT into a request that the loop inside can answer.

    A second signal of the same kind acts as usual.
    """
    request = StopRequest()
    before = {}

    def handle(number: int, _frame: object) -> None:
        request.signal = number
        signal.signal(number, before[number])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
