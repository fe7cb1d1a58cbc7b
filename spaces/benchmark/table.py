"""Accuracy tables of NAS-Bench-201: one row per architecture, columns `dataset/split@epochs`.

A table is a CSV file (gzipped if it ends in .gz) with the columns index, arch, then accuracies
in % (means over seeds), and params.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from spaces.names import SpaceError
from spaces.nasbench201 import OPERATORS, Cell

NUM_ARCHITECTURES = 15_625
_COLUMN = re.compile(r"(.+)/([^/@]+)@(\d+)")
_OPERATOR = "(?:" + "|".join(OPERATORS) + ")"
_ARCHITECTURE = re.compile(
    r"\+".join(
        r"\|" + "".join(rf"{_OPERATOR}~{source}\|" for source in range(target))
        for target in (1, 2, 3)
    )
)


@dataclass(frozen=True)
class AccuracyTable:
    """Accuracies of architectures.

    Args:
        architectures: NAS-Bench-201 strings.
        columns: name -> float64 array [architectures]; accuracies in %, and params.
        source: where the table comes from, for messages.
    """

    architectures: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    source: str = "table"

    @classmethod
    def read(cls, path: str | Path, partial: bool = False) -> AccuracyTable:
        """Reads a table.

        Args:
            path: a .csv or .csv.gz file.
            partial: whether fewer than all 15,625 architectures are accepted.

        Raises:
            SpaceError: the file is cut off, a row is short, doubled or no number, an
                architecture is unknown or missing. The message says where and what is there.
            FileNotFoundError: no such file.
        """
        path = Path(path)
        lines = _read_lines(path)
        header = lines[0].split(",") if lines else []
        if header[:2] != ["index", "arch"] or len(header) < 3:
            raise SpaceError(
                f"{path}: found columns {header[:4]}, expected index, arch and at least one of "
                f"the form dataset/split@epochs"
            )
        rows = [line.split(",") for line in lines[1:]]
        _check_rows(path, rows, len(header))
        names = tuple(row[1] for row in rows)
        _check_architectures(path, names, partial)
        try:
            values = np.array([row[2:] for row in rows], float)
        except ValueError as error:
            raise SpaceError(f"{path}: {error}; expected numbers (nan for none)") from error
        columns = dict(zip(header[2:], np.ascontiguousarray(values.T)))
        return cls(names, columns, str(path))

    @classmethod
    def find(cls, path: str | Path, *folders: Path) -> AccuracyTable:
        """Reads the whole table `path`, looked for as it is and then in `folders`.

        Raises:
            SpaceError: no such file, or one that is no table; see `read`.
        """
        candidates = [Path(path), *(folder / path for folder in folders)]
        file = next((candidate for candidate in candidates if candidate.is_file()), None)
        if file is None:
            raise SpaceError(
                f"table: found no file {' or '.join(map(str, candidates))}: make it of the "
                f"benchmark's archive (python -m spaces.benchmark convert --help), or go on "
                f"without: --table ''"
            )
        return cls.read(file)

    def write(self, path: str | Path) -> None:
        """Writes the table as CSV, gzipped if the name ends in .gz."""
        path = Path(path)
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(["index", "arch", *self.columns])
        formatted = [[_format(v) for v in column] for column in self.columns.values()]
        for index, row in enumerate(zip(self.architectures, *formatted)):
            writer.writerow([index, *row])
        data = buffer.getvalue().encode()
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)

    def __len__(self) -> int:
        return len(self.architectures)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.architectures)}

    def position(self, architecture: str | Cell) -> int:
        """Row of an architecture.

        Raises:
            SpaceError: no such string, or the table has no row for it.
        """
        try:
            return self._positions[str(architecture)]
        except KeyError:
            cell = Cell.parse(str(architecture))
            if str(cell) in self._positions:
                return self._positions[str(cell)]
            raise SpaceError(
                f"{self.source}: no row for {architecture}; it has {len(self):,} architectures"
            ) from None

    def column(self, dataset: str, split: str = "test", epochs: int = 200) -> np.ndarray:
        """Accuracies in % [architectures] on a split after training for so many epochs.

        Raises:
            SpaceError: unknown dataset, split or epochs; the message says what is there.
        """
        name = f"{dataset}/{split}@{epochs}"
        if name in self.columns:
            return self.columns[name]
        known = [match.groups() for match in map(_COLUMN.fullmatch, self.columns) if match]
        of_dataset = [k for k in known if k[0] == dataset]
        of_split = [k for k in of_dataset if k[1] == split]
        if not of_dataset:
            what, found, there = "dataset", dataset, [k[0] for k in known]
        elif not of_split:
            what, found, there = f"split of {dataset}", split, [k[1] for k in of_dataset]
        else:
            what, found = f"epochs of {dataset}/{split}", str(epochs)
            there = [k[2] for k in of_split]
        there = ", ".join(dict.fromkeys(there)) or "none"
        raise SpaceError(f"{self.source}: {what}: found {found!r}, expected one of: {there}")

    def accuracy(
        self, architecture: str | Cell, dataset: str, split: str = "test", epochs: int = 200
    ) -> float:
        """Accuracy in % of one architecture; see `column` and `position` for errors."""
        return float(self.column(dataset, split, epochs)[self.position(architecture)])

    def test_columns(self) -> dict[str, str]:
        """Dataset -> its column of test accuracy after the longest training."""
        longest: dict[str, tuple[int, str]] = {}
        for name in self.columns:
            match = _COLUMN.fullmatch(name)
            if match and match.group(2) == "test":
                dataset, epochs = match.group(1), int(match.group(3))
                longest[dataset] = max(longest.get(dataset, (0, "")), (epochs, name))
        return {dataset: name for dataset, (_, name) in longest.items()}

    def look_up(self, architectures: Sequence[str]) -> dict[str, dict]:
        """Test accuracies in % of chosen architectures, by dataset.

        Mean and sample standard deviation over the choice, without cells that the table does not
        know; `best` and `mean_of_space` are those
        of the whole table, for comparison.
        """
        rows = [self.position(arch) for arch in architectures]
        result = {}
        for dataset, name in self.test_columns().items():
            column = self.columns[name]
            values = [value for value in column[rows].tolist() if not math.isnan(value)]
            result[dataset] = {
                "column": name,
                "mean": statistics.fmean(values) if values else None,
                "std": statistics.stdev(values) if len(values) > 1 else 0.0,
                "n": len(values),
                "best": float(np.nanmax(column)),
                "mean_of_space": float(np.nanmean(column)),
            }
        return result


def _read_lines(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SpaceError(
                f"{path}: cut off or damaged ({error}); fetch or convert it again"
            ) from error
    return data.decode().splitlines()


def _check_rows(path: Path, rows: Sequence[list[str]], width: int) -> None:
    for number, row in enumerate(rows):
        if len(row) != width:
            raise SpaceError(
                f"{path}: row {number}: found {len(row)} fields, expected {width} as in the "
                f"header; the file may be cut off"
            )


def _check_architectures(path: Path, names: Sequence[str], partial: bool) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if not _ARCHITECTURE.fullmatch(name):
            try:
                Cell.parse(name)
            except SpaceError as error:
                raise SpaceError(f"{path}: row {number}: {error}") from error
        first = seen.setdefault(name, number)
        if first != number:
            raise SpaceError(f"{path}: row {number}: {name} already stands in row {first}")
    if not partial and len(names) != NUM_ARCHITECTURES:
        raise SpaceError(
            f"{path}: found {len(names):,} architectures, expected {NUM_ARCHITECTURES:,}; the "
            f"file may be cut off"
        )


def _format(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return str(int(value)) if value == int(value) else repr(round(float(value), 4))
