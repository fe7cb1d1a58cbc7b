"""Scores on disk, appended one by one: a kill loses nothing, a restart doubles nothing."""

import csv
import gzip
import io
import json
import math
import statistics
import zlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError
from common.files import drop_cut_line, to_csv, write_packed

COLUMNS = ("arch", "seed", "score", "seconds")


class Key(NamedTuple):
    """What a score belongs to: an architecture's text and the seed of batch and weights."""

    arch: str
    seed: int


class ScoreValue(NamedTuple):
    """A score, -inf if it is not finite (as log|det K| of a singular K), and its seconds."""

    value: float
    seconds: float


Scores = dict[Key, ScoreValue]


class ScoreError(UserError):
    """A score that cannot be had, or a file of scores: what was found and how to mend it."""


class ScoreStore:
    """A folder of scores; each process appends to a file of its own.

    Args:
        folder: holds scores.<rank>.jsonl, of however many processes.
        rank: of this process.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        mine = folder / f"scores.{rank}.jsonl"
        drop_cut_line(mine)
        self._folder = folder
        self.scores = read_folder(folder)
        self._file = mine.open("ab")

    def add(self, scores: Mapping[Key, ScoreValue]) -> None:
        """Appends scores; what has been added survives a kill of the process."""
        lines = (_line(key, score) for key, score in scores.items())
        self._file.write("".join(lines).encode())
        self._file.flush()
        self.scores |= scores

    def keep(self, scores: Scores) -> None:
        """Appends those that no process has written into this folder."""
        there = read_folder(self._folder)
        self.add({key: score for key, score in scores.items() if key not in there})

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Those of `keys` without a score, each once, in order."""
        return [key for key in dict.fromkeys(keys) if key not in self.scores]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _line(key: Key, score: ScoreValue) -> str:
    value = score.value if math.isfinite(score.value) else None  # JSON has no infinity
    return json.dumps([*key, value, float(f"{score.seconds:.3g}")]) + "\n"


def read_folder(folder: Path) -> Scores:
    """What all processes have written into a store so far; needs no lock.

    Raises:
        ScoreError: a line is damaged.
    """
    scores: Scores = {}
    for path in sorted(folder.glob("scores.*.jsonl")):
        # another process may be in the middle of its last line
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
            try:
                arch, seed, value, seconds = json.loads(line)
                scores[Key(arch, seed)] = ScoreValue(-math.inf if value is None else value, seconds)
            except (ValueError, TypeError, RecursionError) as error:
                raise ScoreError(
                    f"{path}: line {number} is damaged: found {line[:60]!r}, expected [arch, seed, "
                    f"score, seconds]: delete the line, and its score is made again"
                ) from error
    return scores


def write_scores(path: Path, header: Mapping[str, object], scores: Scores) -> None:
    """Writes scores as CSV, gzipped if the name ends in .gz, sorted by architecture and seed.

    The first line is # and `header` as JSON: how the scores were made.
    """
    rows = (
        (arch, seed, repr(float(value)), f"{seconds:.3g}")
        for (arch, seed), (value, seconds) in sorted(scores.items())
    )
    write_packed(path, f"# {json.dumps(header)}\n{to_csv(COLUMNS, rows)}")


def read_scores(path: Path) -> tuple[dict, Scores]:
    """Reads the header and the scores that `write_scores` wrote.

    Raises:
        ScoreError: no such file, or not of this form; names the line.
    """
    if not path.is_file():
        raise ScoreError(f"{path}: no such file, expected scores in CSV (python -m wot_dag.score)")
    try:
        header, scores = _parsed(path, path.read_bytes())
        return deepcopy(header), dict(scores)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise ScoreError(f"{path}: cannot be read ({error})") from error


@lru_cache(maxsize=1)  # a search looks at its file before its run is opened, and within it
def _parsed(path: Path, data: bytes) -> tuple[dict, Scores]:
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    first, _, rest = text.partition("\n")
    header, rows = _read_header(path, first), list(csv.reader(io.StringIO(rest, newline="")))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ScoreError(f"{path}: found columns {rows[:1]}, expected {', '.join(COLUMNS)}")
    return header, dict(_read_row(path, number, row) for number, row in enumerate(rows[1:], 3))


def _read_header(path: Path, line: str) -> dict:
    try:
        header = json.loads(line.removeprefix("#")) if line.startswith("#") else None
    except (json.JSONDecodeError, RecursionError):
        header = None
    if not isinstance(header, dict) or not isinstance(header.get("dataset"), dict):
        raise ScoreError(
            f"{path}: line 1: found {line.strip()[:40]!r}, expected # and a JSON object that says "
            f"how the scores were made: write the file by python -m wot_dag.score"
        )
    return header


def _read_row(path: Path, number: int, row: list[str]) -> tuple[Key, ScoreValue]:
    try:
        arch, seed, value, seconds = row
        key, score = Key(arch, int(seed)), ScoreValue(float(value), float(seconds))
        if math.isnan(score.value):
            raise ValueError("the score is NaN")
        return key, score
    except ValueError as error:
        raise ScoreError(
            f"{path}: line {number}: {error}; expected {', '.join(COLUMNS)}"
        ) from error


def require_scores(scores: Scores, keys: Iterable[Key]) -> None:
    """Raises a ScoreError unless all are there; it says how many are missing, and the first."""
    wanted = set(keys)
    missing = sorted(wanted - scores.keys())
    if missing:
        raise ScoreError(
            f"scores: {len(missing):,} of {len(wanted):,} are missing, the first is "
            f"{missing[0].arch} with seed {missing[0].seed}: score the rest with "
            f"python -m wot_dag.score"
        )


def mean_scores(scores: Scores, archs: Iterable[str], seeds: Sequence[int]) -> dict[str, float]:
    """Mean over seeds of each architecture's score; -inf if that of any seed is.

    Raises:
        ScoreError: scores are missing.
    """
    archs = list(dict.fromkeys(archs))
    require_scores(scores, (Key(a, s) for a in archs for s in seeds))
    return {a: statistics.fmean(scores[Key(a, s)].value for s in seeds) for a in archs}
