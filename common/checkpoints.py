"""Checkpoints that a kill cannot spoil: atomic save, verified load, one step back."""

from __future__ import annotations

import os
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Keeps `state` as the newest checkpoint in `folder`, and the newest so far as previous.

    Whenever the process dies, at least one of the two files is whole.
    """
    temporary = folder / (CURRENT + ".tmp")
    _write(temporary, state)
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    temporary.replace(folder / CURRENT)


def remove_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a run that is finished."""
    for name in (CURRENT, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Saves tensors to a single file atomically: temporary file, fsync, rename."""
    temporary = path.with_name(path.name + ".tmp")
    _write(temporary, state)
    temporary.replace(path)


def _write(path: Path, state: dict[str, Any]) -> None:
    with path.open("wb") as handle:
        torch.save(state, handle)
        handle.flush()
        os.fsync(handle.fileno())


def load_checkpoint(folder: Path, device: str | torch.device = "cpu") -> dict[str, Any] | None:
    """The newest whole checkpoint in `folder`, or None where there is none.

    A damaged newest one falls back to the previous and says so on stderr.

    Raises:
        ValueError: there are checkpoints, but none is whole.
    """
    present = [folder / name for name in (CURRENT, PREVIOUS) if (folder / name).exists()]
    for path in present:
        if _whole(path):
            return torch.load(path, map_location=device, weights_only=True)
        print(f"{path} is damaged; looking for the one before", file=sys.stderr)
    if present:
        raise ValueError(f"{folder}: no checkpoint is whole; start again with --run.fresh true")
    return None


def _whole(path: Path) -> bool:
    """Whether the archive's directory and every checksum in it are right."""
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False
