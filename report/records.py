"""Finds the records of finished runs, in results/ and in runs/, by what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.runs import read_json

# A record is of the first kind whose files lie beside result.json and whose keys it has.
_KINDS = (
    ("topologies", ("topologies.csv", "statistics.json"), ("dags",)),
    ("theory", (), ("kernel_samples", "dags")),
    ("convergence", ("metrics.jsonl",), ("epochs", "dags")),
    ("wot", (), ("method", "repeats")),
    ("tenas", (), ("searches",)),
    ("correlate", (), ("correlations", "records")),
    ("digits201", ("table.csv.gz",), ("cells", "trainings")),
    ("retrain", (), ("tested_weights", "test")),
    ("models", (), ("models", "spearman_with_top1")),
)


@dataclass(frozen=True)
class Record:
    """A finished run.

    Args:
        name: its folder below the root, such as "wot/table2_cifar10_box".
        folder: where it lies.
        kind: one of _KINDS, or "other".
        result: its result.json.
        environment: its environment.json; empty if there is none.
    """

    name: str
    folder: Path
    kind: str
    result: Mapping
    environment: Mapping

    @property
    def key(self) -> str:
        """A file name: its folder's, with that of the root."""
        root = self.folder.parents[len(Path(self.name).parts) - 1]
        return re.sub(r"[^A-Za-z0-9.]+", "_", f"{root.name}_{self.name}").strip("_")

    @property
    def dataset(self) -> str:
        """Name of the images, without path and suffix."""
        return Path(str(self.result.get("dataset", ""))).stem

    @property
    def whole_dataset(self) -> str:
        """Name of the data set that the images are all or a part of."""
        return self.dataset.removesuffix("_subset")

    def link(self, base: Path) -> str:
        """Path of result.json as seen from the folder `base`, if it lies below, else its name."""
        file = self.folder / "result.json"
        return file.relative_to(base).as_posix() if file.is_relative_to(base) else ""


def find_records(roots: Sequence[Path]) -> list[Record]:
    """Records below the roots, those of the last root first, each root's by name.

    A copy of a record of an earlier root is left out. A root that is absent holds nothing.
    """
    found: list[Record] = []
    for root in roots:
        own: list[Record] = []
        for file in sorted(root.rglob("result.json")):
            record = read_record(root, file.parent)
            if not any(record.result == other.result for other in (*found, *own)):
                own.append(record)
        found = [*own, *found]
    return found


def read_record(root: Path, folder: Path) -> Record:
    """The record in `folder`.

    Raises:
        ValueError: result.json is no JSON object.
    """
    try:
        result = read_json(folder / "result.json")
    except ValueError as error:
        raise ValueError(f"{folder / 'result.json'}: {error}") from error
    if not isinstance(result, dict):
        raise ValueError(f"{folder / 'result.json'}: found no object, expected a run's result")
    file = folder / "environment.json"
    environment = read_json(file) if file.is_file() else result.get("environment", {})
    name = folder.relative_to(root).as_posix()
    return Record(name, folder, _kind(folder, result), result, environment)


def _kind(folder: Path, result: Mapping) -> str:
    for kind, files, keys in _KINDS:
        if all((folder / file).is_file() for file in files) and set(keys) <= set(result):
            return kind
    return "other"


def of_kind(records: Iterable[Record], kind: str) -> list[Record]:
    """Records of one kind, in their order."""
    return [record for record in records if record.kind == kind]


def first_file(roots: Sequence[Path], *names: str) -> Path | None:
    """The first file of these names below a root, the first root's first; None without any."""
    files = (root / name for root in roots for name in names)
    return next((file for file in files if file.is_file()), None)
