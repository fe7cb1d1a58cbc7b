"""A run's folder: its config, environment, metrics and result; what is finished stays so."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from common.config import ConfigError, load_yaml, require
from common.environment import environment
from common.errors import UserError
from common.files import drop_cut_line, read_json, to_json, write_atomically, write_json


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
        ok = "/" not in self.name and not self.name.startswith(".") and self.name.isprintable()
        expected = "a name without '/' and line ends, that begins with no '.'"
        require(ok, "run.name", self.name, expected)

    def folder(self, kind: str) -> Path:
        """Where a run of this kind is."""
        return Path(self.root).expanduser() / kind / (self.name or "default")


class Run:
    """One run: `<root>/<kind>/<name>/` with config.yaml, environment.json, metrics.jsonl.

    Use it in a `with`, which lets another process have the run in the end.

    Args:
        settings: where the folder is.
        kind: what makes the record, such as "mlp".
        config: settings that decide the result; another config under the same name is refused.
        device: the device the run uses, in words.
        data: name and digest of the images that are read (`Dataset.header`); None for none.

    Raises:
        RunError: the name is taken by another config or other data, another process holds the
            run, or the folder is no run.
    """

    def __init__(
        self,
        settings: RunSettings,
        kind: str,
        config: dict,
        device: str,
        data: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.data = kind, data and dict(data)
        self.folder = settings.folder(kind)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:  # closes what is open if a later step fails
            opened.enter_context(self._lock())
            self._make_room(settings.fresh)
            self._claim(config | ({"data": self.data} if data else {}))
            drop_cut_line(self.folder / "metrics.jsonl")
            self._metrics = opened.enter_context((self.folder / "metrics.jsonl").open("ab"))
            self._start(device, opened)
            self.close = opened.pop_all().close  # lets another process have the run

    def _lock(self) -> Any:
        """Takes the lock, which lies beside the folder: it outlives a deletion of the run."""
        handle = self.folder.with_name(f".{self.folder.name}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            raise RunError(f"{self.folder} is in use by another process: wait for it") from None
        # Data loaders that outlive a killed run must not hold its lock.
        held = weakref.ref(handle)
        os.register_at_fork(after_in_child=lambda: held() and held().close())
        return handle

    def _make_room(self, fresh: bool) -> None:
        """Deletes the run for a fresh start, but no folder elsewhere that a link leads to."""
        folder = self.folder
        known = (folder / "config.yaml").exists() or not (folder.exists() and any(folder.iterdir()))
        if not known or folder.is_symlink():
            raise RunError(
                f"{folder} is no folder of a run (a link, or without config.yaml): "
                f"give this one another --run.name NAME"
            )
        dropped = folder.with_name(f".{folder.name}.dropped")  # a kill may cut the deletion off
        shutil.rmtree(dropped, ignore_errors=True)
        if fresh and folder.exists():
            folder.rename(dropped)
            shutil.rmtree(dropped)
        folder.mkdir(exist_ok=True)

    def _claim(self, config: dict) -> None:
        path = self.folder / "config.yaml"
        if not path.exists() or not self._has_work():
            write_atomically(path, yaml.safe_dump(config, sort_keys=False).encode())
            return
        changed = differences(read_settings(self.folder), config)
        if changed:
            data = changed.startswith(("data.", "data:"))
            what = "of other data: the data differ" if data else "with another config"
            raise RunError(
                f"{self.folder} holds a run {what} ({changed}): "
                f"give this one --run.name NAME, or replace the old one with --run.fresh true"
            )

    def _has_work(self) -> bool:
        """Whether anything is lost with the folder: a run that failed at its start has nothing."""
        trivial = ("config.yaml", "environment.json")
        files = (file for file in self.folder.iterdir() if file.name not in trivial)
        return any(file.is_dir() or file.stat().st_size for file in files)

    def _start(self, device: str, opened: contextlib.ExitStack) -> None:
        """Adds this process to environment.json, unless it has nothing left to do."""
        self._starts, self._began = [], time.perf_counter()
        file = self.folder / "environment.json"
        if self._has_work() and file.exists():
            self._starts = read_json(file).get("starts")
            if not isinstance(self._starts, list):
                raise RunError(f"{file} is damaged: expected the list 'starts'; delete the file")
        if not self.finished:
            self._starts.append(environment(device))
            self._keep_time()
            opened.callback(self._keep_time)

    def _keep_time(self) -> None:
        self._starts[-1]["seconds"] = round(time.perf_counter() - self._began, 3)
        write_json(self.folder / "environment.json", {"starts": self._starts})

    @property
    def finished(self) -> bool:
        """Whether the run has its result."""
        return (self.folder / "result.json").exists()

    @property
    def result(self) -> dict:
        """The finished run's result; a RunError where result.json is another record's."""
        file = self.folder / "result.json"
        found = read_json(file)
        if found.get("kind") != self.kind:
            raise RunError(
                f"{file}: found a result of kind {found.get('kind')!r}, expected {self.kind!r}; "
                f"--run.fresh true makes the run anew"
            )
        return found

    def log(self, record: dict) -> None:
        """Appends one record to metrics.jsonl; a UserError where a number is not finite."""
        self._metrics.write(to_json(record))
        self._metrics.flush()

    def position(self) -> int:
        """Bytes of metrics written so far, to be kept in a checkpoint; they are on the disk."""
        os.fsync(self._metrics.fileno())
        self._keep_time()
        return self._metrics.tell()

    def rewind(self, position: int) -> None:
        """Drops the metrics written after a checkpoint."""
        self._metrics.truncate(position)
        self._metrics.seek(0, os.SEEK_END)

    def finish(self, result: dict, *said: Any, **more: Any) -> dict:
        """Writes the result, the kind's own fields, below its `header`, and returns both.

        The header's kind and data set are the run's; `said` and `more` are its other arguments.
        """
        whole = header(self.kind, *said, dataset=self.data, **more) | result
        self.rewrite(whole)
        return whole

    def rewrite(self, whole: dict) -> None:
        """Replaces result.json: what is looked up after the run may be looked up anew."""
        write_json(self.folder / "result.json", whole)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def header(
    kind: str,
    method: str = "",
    filter: str = "",  # noqa: A002  (the record's key)
    fraction: float | None = None,
    network: Mapping[str, Any] | None = None,
    n: int | None = None,
    dataset: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """How every result.json begins: what it is.

    Args:
        kind: what made it, such as "mlp".
        method: as a table's row names it; empty where no method is meant.
        filter: none, box, published or exempt; empty where none is meant.
        fraction: of the box rule.
        network: what was built, in a few words.
        n: repeats, seeds, searches or networks that the numbers summarize.
        dataset: name and digest of the images that were read (`Dataset.header`); None for none.
    """
    head = {"kind": kind, "method": method, "filter": filter, "fraction": fraction}
    return head | {"dataset": dataset, "network": network, "n": n}


def keep_record(folder: Path, config: Mapping[str, Any], start: dict, whole: dict) -> None:
    """Writes what was measured in one go as a run's folder.

    Args:
        folder: where; made if absent.
        config: what decides the result.
        start: the process: `environment`.
        whole: the result below its `header`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False).encode())
    write_json(folder / "environment.json", {"starts": [start]})
    write_json(folder / "result.json", whole)


def read_settings(folder: Path) -> dict:
    """The settings in a run's config.yaml; a RunError where it is damaged."""
    file = folder / "config.yaml"
    try:
        found = load_yaml(file.read_text()) if file.stat().st_size else "nothing"
    except (yaml.YAMLError, ConfigError, UnicodeDecodeError) as error:
        found = error
    if not isinstance(found, dict):
        text = " ".join(str(found).split())[:80]
        raise RunError(
            f"{file} is damaged: found {text!r}, expected keys and values; "
            f"--run.fresh true makes the run anew"
        )
    return found


def differences(old: Any, new: Any, key: str = "") -> str:
    """Says which settings differ, by dotted key; empty where none does."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(k for k in new if k not in old)]
        parts = (differences(old.get(k), new.get(k), f"{key}.{k}".strip(".")) for k in keys)
        return ", ".join(part for part in parts if part)
    plain = [list(value) if isinstance(value, tuple) else value for value in (old, new)]
    return "" if plain[0] == plain[1] else f"{key}: {old!r} there, {new!r} now"
