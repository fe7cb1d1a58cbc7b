"""Accuracy tables of NAS-Bench-201: one row per architecture, columns `dataset/split@epochs`.

A table is a CSV file (gzipped if it ends in .gz) with the columns index, arch, then accuracies
in % (means over seeds), and params. nasbench201.csv.gz beside this file is the one that ships with
the code: test accuracies of the NATS-Bench topology space (Dong et al., 2021), after 200 and 12
epochs, and parameters. Other releases of the benchmark differ in thousands of rows.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import re
import statistics
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spaces.errors import SpaceError, check_name
from spaces.nasbench201 import EDGES, OPERATORS, WRITTEN, Cell

EMBEDDED = "nasbench201"  # the table that ships with the code, by name
NUM_ARCHITECTURES = len(OPERATORS) ** len(EDGES)
_COLUMN = re.compile(r"(.+)/([^/@]+)@(\d+)")


@dataclass(frozen=True)
class AccuracyTable:
    """Accuracies of architectures.

    Args:
        architectures: NAS-Bench-201 strings.
        columns: name -> float64 array [architectures]; accuracies in %, and params.
        source: the table's name, or where it comes from.
    """

    architectures: tuple[str, ...]
    columns: Mapping[str, np.ndarray]
    source: str = "table"

    @classmethod
    def read(cls, path: str | Path) -> AccuracyTable:
        """Reads a table, of all architectures or of some.

        Raises:
            SpaceError: the file is cut off or no text, a column or a row is doubled, a row is
                short, an accuracy is no number from 0 to 100 (nan for none), no column holds test
                accuracies, an architecture is unknown. The message says where and what is there.
            FileNotFoundError: no such file.
        """
        path = Path(path)
        lines = _read_lines(path)
        header = lines[0] if lines else []
        _check_header(path, header)
        rows = lines[1:]
        if not rows:
            raise SpaceError(f"{path}: found a header and no row, expected one per architecture")
        _check_rows(path, rows, len(header))
        names = _read_architectures(path, [row[1] for row in rows])
        try:
            values = np.array([row[2:] for row in rows], float)
        except ValueError as error:
            raise SpaceError(f"{path}: {error}; expected numbers (nan for none)") from error
        columns = dict(zip(header[2:], np.ascontiguousarray(values.T)))
        _check_accuracies(path, columns)
        return cls(names, columns, path.name.split(".")[0])

    @classmethod
    def find(cls, path: str | Path, *folders: Path) -> AccuracyTable:
        """The table that ships with the code if `path` is its name EMBEDDED, else that of a file.

        A file is looked for as it is and then in `folders`. Cells without a row and accuracies
        that look like shares are warned of on stderr.

        Raises:
            SpaceError: no such file, or one that is no table; see `read`.
        """
        if str(path) == EMBEDDED:
            return _embedded()
        candidates = [Path(path), *(folder / path for folder in folders)]
        file = next((candidate for candidate in candidates if candidate.is_file()), None)
        if file is None:
            raise SpaceError(
                f"table: found no file {' or '.join(map(str, candidates))}: name the table that "
                f"ships with the code (--table {EMBEDDED}), make one of the benchmark's archive "
                f"(python -m spaces.benchmark convert --help), or go on without (--table '')"
            )
        table = cls.read(file)
        _warn(file, table)
        return table

    @classmethod
    def find_for(cls, space: str, path: str | Path, *folders: Path) -> AccuracyTable | None:
        """`find` for a search of `space`; None if no path is wanted, or the space has no table."""
        return cls.find(path, *folders) if path and space == "nas-bench-201" else None

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
    def header(self) -> dict[str, str]:
        """Name, and a digest of what the table says: a name may come to mean other numbers."""
        digest = hashlib.sha256("\n".join((*self.architectures, *self.columns)).encode())
        for values in self.columns.values():
            digest.update(np.ascontiguousarray(values, float).tobytes())
        return {"name": self.source, "digest": digest.hexdigest()[:16]}

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.architectures)}

    def column(self, dataset: str, split: str = "test", epochs: int = 200) -> np.ndarray:
        """Accuracies in % [architectures] on a split after training for so many epochs.

        Raises:
            SpaceError: unknown dataset, split or epochs; the message says what is there.
        """
        name = f"{dataset}/{split}@{epochs}"
        check_name(name, filter(_COLUMN.fullmatch, self.columns), f"{self.source}: accuracies")
        return self.columns[name]

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

        Returns:
            Mean and sample standard deviation over the `n` of the choice that have an accuracy,
            and the number `without_accuracy` of the others; `best` and `mean_of_space` are those
            of the whole table, for comparison.
        """
        return {
            dataset: _summary(name, self.columns[name], self.values(name, architectures))
            for dataset, name in self.test_columns().items()
        }

    def add_to(self, run: Any, look_up: Callable[[], Mapping]) -> None:
        """Adds `table`, and what is looked up in it, to the result of a run, unless it is there.

        Accuracies are looked up after the choice, so a finished search may change its table.

        Args:
            run: has a `result`, and `rewrite` to replace it.
            look_up: gives what replaces the same keys of the result.
        """
        if run.result.get("table") != self.header:
            run.rewrite({**run.result, "table": self.header, **look_up()})

    def values(self, column: str, architectures: Sequence[str]) -> np.ndarray:
        """A column [architectures] of these; nan where the table does not know one."""
        rows = [self._positions.get(str(arch), -1) for arch in architectures]
        return np.append(self.columns[column], np.nan)[rows]


@cache
def _embedded() -> AccuracyTable:
    table = AccuracyTable.read(Path(__file__).with_name(f"{EMBEDDED}.csv.gz"))
    for column in table.columns.values():
        column.setflags(write=False)  # whoever asks gets these
    return table


def _summary(name: str, column: np.ndarray, chosen: np.ndarray) -> dict:
    known = chosen[~np.isnan(chosen)].tolist()
    return {
        "column": name,
        "mean": statistics.fmean(known) if known else None,
        "std": statistics.stdev(known) if len(known) > 1 else 0.0,
        "n": len(known),
        "without_accuracy": len(chosen) - len(known),
        "best": float(np.nanmax(column)),
        "mean_of_space": float(np.nanmean(column)),
    }


def _read_lines(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SpaceError(
                f"{path}: cut off or damaged ({error}); fetch or convert it again"
            ) from error
    try:
        return list(csv.reader(data.decode("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SpaceError(f"{path}: found no text ({error}), expected CSV") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    tests = [name for name in header if (m := _COLUMN.fullmatch(name)) and m.group(2) == "test"]
    if list(header[:2]) != ["index", "arch"] or not tests:
        raise SpaceError(
            f"{path}: found columns {', '.join(header[:6])[:120]!r}, expected index, arch and at "
            f"least one of test accuracies, dataset/test@epochs such as cifar10/test@200"
        )
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise SpaceError(f"{path}: found column {doubled[0]!r} twice, expected it once")


def _check_rows(path: Path, rows: Sequence[list[str]], width: int) -> None:
    for number, row in enumerate(rows):
        if len(row) != width:
            raise SpaceError(
                f"{path}: row {number}: found {len(row)} fields, expected {width} as in the "
                f"header; the file may be cut off"
            )


def _read_architectures(path: Path, texts: Sequence[str]) -> tuple[str, ...]:
    """The strings as the benchmark writes them; others have other forms, or spaces."""
    seen: dict[str, int] = {}
    for number, text in enumerate(texts):
        name = text.replace(" ", "")
        if not WRITTEN.fullmatch(name):
            try:
                name = str(Cell.parse(text))
            except SpaceError as error:
                raise SpaceError(f"{path}: row {number}: {error}") from error
        first = seen.setdefault(name, number)
        if first != number:
            raise SpaceError(f"{path}: row {number}: {name} already stands in row {first}")
    return tuple(seen)


def _check_accuracies(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    for name, values in columns.items():
        wrong = np.flatnonzero((values < 0) | (values > (100 if "@" in name else np.inf)))
        wrong = np.union1d(wrong, np.flatnonzero(np.isinf(values)))
        if len(wrong):
            raise SpaceError(
                f"{path}: row {wrong[0]}: {name}: found {values[wrong[0]]:g}, expected % from 0 to "
                f"100, or nan for none"
            )
        if "/test@" in name and np.isnan(values).all():
            raise SpaceError(f"{path}: {name}: found no number at all, expected accuracies in %")


def _warn(path: Path, table: AccuracyTable) -> None:
    missing = NUM_ARCHITECTURES - len(table)
    if missing:
        print(f"warning: {path}: {missing:,} of {NUM_ARCHITECTURES:,} cells have no row: "
              f"they count as cells without accuracy", file=sys.stderr)  # fmt: skip
    for name in table.test_columns().values():
        most = np.nanmax(table.columns[name])
        if most <= 1:
            print(f"warning: {path}: {name}: found at most {most:g}, expected accuracies in %: "
                  f"shares are taken for %", file=sys.stderr)  # fmt: skip


def _format(value: float) -> str:
    if math.isnan(value):
        return "nan"
    return str(int(value)) if value == int(value) else repr(round(float(value), 4))
