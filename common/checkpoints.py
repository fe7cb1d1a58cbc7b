"""Checkpoints that a kill cannot spoil: atomic save, verified load, one step back."""

import io
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from common.files import BROKEN, first_line, write_atomically, write_whole
from common.runs import RunError

CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Keeps `state` as the newest checkpoint in `folder`, and the newest so far as previous.

    Whenever the process dies, at least one of the two files is whole. `state["metrics"]` is the
    length of metrics.jsonl that belongs to it (`Run.position`).
    """
    temporary = folder / (CURRENT + ".tmp")
    write_whole(temporary, _bytes(state))
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    temporary.replace(folder / CURRENT)


def remove_checkpoints(folder: Path) -> None:
    """Removes the checkpoints of a run that is finished."""
    for name in (CURRENT, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Saves tensors to a single file atomically: temporary file, fsync, rename."""
    write_atomically(path, _bytes(state))


def load_state(path: Path) -> dict[str, Any]:
    """What `save_state` saved, on the CPU; a RunError where the file is damaged."""
    try:
        return _read(path, "cpu")
    except BROKEN as error:
        raise RunError(f"{path} is damaged ({first_line(error)}): train the run anew") from error


def _bytes(state: dict[str, Any]) -> memoryview:
    """`state` as a file; made in memory, since torch forgets why a disk takes no more."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getbuffer()


def load_checkpoint(folder: Path, device: str | torch.device = "cpu") -> dict[str, Any] | None:
    """The newest whole checkpoint in `folder`, or None where there is none.

    A damaged newest one falls back to the previous and says so on stderr; so does one whose
    metrics were lost.

    Raises:
        RunError: there are checkpoints, but none is whole.
    """
    present = [folder / name for name in (CURRENT, PREVIOUS) if (folder / name).exists()]
    for path in present:
        try:
            return _read(path, device)
        except BROKEN as error:
            said = first_line(error)
            print(f"{path} is damaged ({said}); looking for the one before", file=sys.stderr)
    if present:
        raise RunError(f"{folder}: no checkpoint is whole; start again with --run.fresh true")
    return None


def _read(path: Path, device: str | torch.device) -> dict[str, Any]:
    """A checkpoint whose every checksum is right and whose metrics are all there."""
    with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        spoilt = archive.testzip()
    if spoilt is not None:
        raise ValueError(f"checksum of {spoilt}")
    state = torch.load(path, map_location=device, weights_only=True)
    metrics = path.with_name("metrics.jsonl")
    found = metrics.stat().st_size if metrics.exists() else 0
    if found < state.get("metrics", 0):
        raise ValueError(f"{metrics.name} has {found} bytes of {state['metrics']}")
    return state
