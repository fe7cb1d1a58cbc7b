"""Lists of genotypes with accuracies: CSV files of one's own, and NDS files."""

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from spaces.darts import CALL, Genotype
from spaces.errors import SpaceError
from spaces.nds import read_nds


class RatedGenotype(NamedTuple):
    """A genotype, and the test accuracy in % of a network of its cells."""

    genotype: Genotype
    accuracy: float


def read_genotypes(path: str | Path) -> list[RatedGenotype]:
    """Reads a CSV (its name ends in .csv or .csv.gz) or an NDS file (see `read_nds`).

    A CSV has one column of genotypes, as Genotype(...) or as JSON, in quotes, and one of
    accuracies in %; other columns may hold words. With several columns of numbers, a header
    must name one of them accuracy.

    Raises:
        SpaceError: names the file and the line: nothing in it, a genotype that cannot be read,
            no accuracy, or accuracies that are fractions.
        FileNotFoundError: no such file.
    """
    if not is_csv(path):
        return [RatedGenotype(entry.genotype, 100 - entry.test_error) for entry in read_nds(path)]
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", newline="") as handle:
            reader = csv.reader(handle)
            lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SpaceError(f"{path}: found no readable CSV: {error}") from error
    header = [] if not lines or any(map(_is_genotype, lines[0][1])) else lines.pop(0)[1]
    if not lines:
        raise SpaceError(f"{path}: found no genotypes, expected a column of them and of accuracies")
    columns = _columns(f"{path}: line {lines[0][0]}", lines[0][1], header)
    rated = [_read_row(f"{path}: line {number}", row, *columns) for number, row in lines]
    if max(entry.accuracy for entry in rated) <= 1:
        highest = max(entry.accuracy for entry in rated)
        raise SpaceError(
            f"{path}: found accuracies up to {highest:g}, expected percent: multiply them by 100"
        )
    return rated


def is_csv(path: str | Path) -> bool:
    """Whether a list is a CSV by its name; else it is an NDS file."""
    return str(path).endswith((".csv", ".csv.gz"))


def _is_genotype(cell: str) -> bool:
    return bool(CALL.search(cell)) or cell.strip().startswith("{")


def _columns(where: str, row: Sequence[str], header: Sequence[str]) -> tuple[int, int]:
    """Which column holds genotypes, and which accuracies."""
    genotypes = [column for column, cell in enumerate(row) if _is_genotype(cell)]
    if len(genotypes) != 1:
        raise SpaceError(
            f"{where}: found {len(genotypes)} cells with a genotype among {len(row)}, expected one"
        )
    numbers = list(_numbers(row))
    named = [c for c in numbers if c < len(header) and "acc" in header[c].lower()]
    accuracies = named if len(named) == 1 else numbers
    if len(accuracies) != 1:
        hint = "put the genotype in double quotes" if len(row) > 8 else "name one 'accuracy'"
        raise SpaceError(
            f"{where}: found {len(accuracies)} columns of numbers, expected one of accuracies: "
            f"{hint}"
        )
    return genotypes[0], accuracies[0]


def _numbers(row: Sequence[str]) -> Iterator[int]:
    for column, cell in enumerate(row):
        try:
            float(cell)
        except ValueError:
            continue
        yield column


def _read_row(where: str, row: Sequence[str], genotype: int, accuracy: int) -> RatedGenotype:
    if len(row) <= max(genotype, accuracy):
        raise SpaceError(f"{where}: found {len(row)} columns, expected a genotype and an accuracy")
    text = row[genotype].strip()
    try:
        cells = Genotype.parse(text) if CALL.search(text) else Genotype.from_json(text)
    except SpaceError as error:
        raise SpaceError(f"{where}: {error}") from error
    try:
        percent = float(row[accuracy])
    except ValueError:
        percent = float("nan")
    if not 0 <= percent <= 100:
        raise SpaceError(f"{where}: found accuracy {row[accuracy]!r}, expected 0 to 100 (%)")
    return RatedGenotype(cells, percent)
