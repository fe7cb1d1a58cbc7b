"""Converter of the official NAS-Bench-201 and NATS-Bench (topology) archives to a table.

`streaming_pickle` reads the files; nats-bench's ArchResults averages the seeds.
"""

import bz2
import io
import pickle
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from tqdm import tqdm

from spaces.benchmark import AccuracyTable
from spaces.benchmark.streaming_pickle import Pickled, StreamingUnpickler
from spaces.errors import SpaceError
from spaces.nasbench201 import Cell

# Table's (dataset, split) <- the archive's (training run, evaluation set). CIFAR-10's test is of
# the run on all 50,000 training images; its validation is of the run on one half of them.
SPLITS = {
    ("cifar10", "valid"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    ("cifar100", "valid"): ("cifar100", "x-valid"),
    ("cifar100", "test"): ("cifar100", "x-test"),
    ("ImageNet16-120", "valid"): ("ImageNet16-120", "x-valid"),
    ("ImageNet16-120", "test"): ("ImageNet16-120", "x-test"),
}
EPOCHS = {"less": 12, "full": 200, "12": 12, "200": 200}  # the archives' names of a schedule
_ZIP, _BZIP2 = b"PK\x03\x04", b"BZh"
_NUM_LEGACY_HEADERS = 3  # magic number, protocol, system: torch.save's before version 1.6
_KEYS = ("meta_archs", "arch2infos")
_SILENT = 1  # seconds before the line of progress comes


def convert(path: Path, progress: TextIO | None = None) -> tuple[AccuracyTable, list[str]]:
    """Reads an archive: a .pth or .pbz2 file, or NATS-Bench's folder of one file per cell.

    Args:
        path: the archive.
        progress: where a line of progress goes.

    Returns:
        The table, and notes on which run, split, epochs and seeds each column averages.

    Raises:
        SpaceError: a foreign class, no archive, or an archive without a known result.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    rows: dict[str, dict[str, float]] = {}
    seeds: dict[str, Counter[int]] = {}
    for name, schedules in _architectures(path, progress):
        name = str(Cell.parse(name))
        if name in rows:
            raise SpaceError(f"{path}: {name} stands there twice")
        rows[name] = _averages(schedules, seeds)
    columns = [f"{d}/{s}@{e}" for e in (200, 12) for d, s in SPLITS if f"{d}/{s}@{e}" in seeds]
    if not columns:
        raise SpaceError(f"{path}: no result of {', '.join(d for d, _ in SPLITS)} in it")
    if any("params" in row for row in rows.values()):
        columns.append("params")
    values = {
        column: np.array([row.get(column, np.nan) for row in rows.values()]) for column in columns
    }
    notes = [_note(column, seeds[column]) for column in columns if column in seeds]
    return AccuracyTable(tuple(rows), values, str(path)), notes


def _note(column: str, seeds: Counter[int]) -> str:
    place, epochs = column.split("@")
    run, evaluated = SPLITS[tuple(place.split("/"))]
    counts = ", ".join(f"{n} seed{'s' * (n > 1)}: {seeds[n]:,}" for n in sorted(seeds))
    return (
        f"{column}: last of {epochs} epochs, trained as {run!r}, evaluated on {evaluated!r}, "
        f"mean over seeds (architectures with {counts})"
    )


def _averages(
    schedules: dict[str, dict[str, Any]], seeds: dict[str, Counter[int]]
) -> dict[str, float]:
    """Column -> mean over seeds of one architecture; counts its seeds."""
    row: dict[str, float] = {}
    for schedule, state in schedules.items():
        if schedule not in EPOCHS:  # 1 and 90 epochs exist for another space
            continue
        results = _arch_results(state)
        for (dataset, split), (run, evaluated) in SPLITS.items():
            trials = [results.all_results[run, s] for s in results.dataset_seed.get(run, ())]
            if not trials or any(evaluated not in t.get_eval_set() for t in trials):
                continue
            column = f"{dataset}/{split}@{EPOCHS[schedule]}"
            row[column] = float(results.get_metrics(run, evaluated)["accuracy"])
            seeds.setdefault(column, Counter())[len(trials)] += 1
        if "cifar10" in results.dataset_seed:
            row["params"] = round(results.get_compute_costs("cifar10")["params"] * 1e6)
    return row


def _arch_results(state: dict[str, Any] | Pickled) -> Any:
    """nats-bench's object of a state, without the times, of which only the last is left."""
    from nats_bench.api_utils import ArchResults

    state = dict(vars(state) if isinstance(state, Pickled) else state)
    trials = {}
    for key, trial in state["all_results"].items():
        trial = dict(vars(trial) if isinstance(trial, Pickled) else trial)
        trials[key] = trial | {"train_times": None, "eval_times": {}}
    return ArchResults.create_from_state_dict(state | {"all_results": trials})


def _architectures(
    path: Path, progress: TextIO | None
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """(string, schedule -> state) of each evaluated architecture, in the archive's order."""
    if path.is_dir():
        yield from _folder(path, progress)
        return
    archive = _read_file(path, progress)
    if not isinstance(archive, dict) or any(key not in archive for key in _KEYS):
        found = sorted(map(str, archive)) if isinstance(archive, dict) else type(archive).__name__
        raise SpaceError(f"{path}: found {found}, expected a dict with {', '.join(_KEYS)}")
    for index, name in enumerate(archive["meta_archs"]):
        if index in archive["arch2infos"]:
            yield name, archive["arch2infos"].pop(index)


def _folder(path: Path, progress: TextIO | None) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    meta = path / "meta.pickle.pbz2"
    if not meta.is_file():
        raise SpaceError(f"{path}: no {meta.name}; expected NATS-Bench's folder ...-simple")
    names = _read_file(meta)["meta_archs"]
    for index, name in enumerate(_bar(progress, len(names), "file", names)):
        file = path / f"{index:06d}.pickle.pbz2"
        if file.is_file():
            yield name, _read_file(file)


def _bar(stream: TextIO | None, total: int, unit: str, names: Iterable | None = None) -> tqdm:
    """A line with what is done and the time left, on `stream` if there is one."""
    return tqdm(names, total=total, unit=unit, unit_scale=True, ncols=79, file=stream,
                disable=stream is None, mininterval=1, delay=_SILENT)  # fmt: skip


# What pickle, zipfile and bz2 raise at bytes that are no archive.
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)


def _read_file(path: Path, progress: TextIO | None = None) -> Any:
    """The one object of a bzip2 pickle, or of a file of torch.save, old or new."""
    with path.open("rb") as raw, _bar(progress, path.stat().st_size, "B") as bar:
        magic = raw.read(4)
        raw.seek(0)
        try:
            content = _read_stream(raw, magic, lambda: bar.update(raw.tell() - bar.n))
            bar.update(bar.total - bar.n)
            return content
        except SpaceError as error:
            raise SpaceError(f"{path}: {error}") from error
        except _DAMAGE as error:
            raise SpaceError(f"{path}: cut off or no archive: {error!r:.200}") from error


def _read_stream(raw: BinaryIO, magic: bytes, tick: Callable[[], None]) -> Any:
    if magic.startswith(_BZIP2):
        with bz2.BZ2File(raw) as file:
            return StreamingUnpickler(io.BufferedReader(file, 1 << 20), tick).load()
    if magic == _ZIP:
        with zipfile.ZipFile(raw) as archive:
            name = next((n for n in archive.namelist() if n.endswith("/data.pkl")), None)
            if name is None:
                raise pickle.UnpicklingError("a zip file without data.pkl")
            with archive.open(name) as file:
                return StreamingUnpickler(file, tick).load()
    for _ in range(_NUM_LEGACY_HEADERS):
        StreamingUnpickler(raw).load()
    return StreamingUnpickler(raw, tick).load()
