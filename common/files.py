"""Files that a kill or a full disk leaves whole or absent."""

import csv
import gzip
import io
import json
import math
import os
import pickle
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

from common.errors import UserError

# What zipfile, pickle, NumPy, Pillow and torch raise at files that are damaged or of another kind;
# most of it is no OSError.
BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, RuntimeError,
          EOFError, OverflowError, MemoryError, struct.error, zlib.error, BadZipFile,
          pickle.UnpicklingError)  # fmt: skip


def first_line(error: Exception) -> str:
    """What an error says, cut to 80 characters of one line; its class where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0][:80]


def drop_cut_line(path: Path) -> None:
    """Drops a last line that a kill cut off; a whole or absent file keeps its date."""
    written = path.read_bytes() if path.exists() else b""
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        os.truncate(path, whole)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Writes a file down to the disk; it is not left behind where that fails."""
    try:
        with path.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Writes a file that is whole or absent: temporary file, fsync, rename."""
    temporary = path.with_name(path.name + ".tmp")
    write_whole(temporary, data)
    temporary.replace(path)


def write_packed(path: Path, text: str) -> None:
    """Writes text atomically, gzipped if the path ends in .gz: the same bytes for the same text."""
    data = text.encode()
    write_atomically(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def to_csv(header: Iterable[str], rows: Iterable[Sequence]) -> str:
    """CSV text; numbers to ten digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{v:.10g}" if isinstance(v, float) else v for v in row] for row in rows)
    return buffer.getvalue()


def write_columns(path: Path, columns: Mapping[str, Sequence]) -> None:
    """Writes columns by name as CSV, gzipped if the path ends in .gz."""
    write_packed(path, to_csv(columns, zip(*columns.values(), strict=True)))


def to_json(data: object, indent: int | None = None) -> bytes:
    """JSON that every program reads; a UserError at NaN and infinity, which it does not know."""
    try:
        return json.dumps(data, indent=indent, allow_nan=False).encode() + b"\n"
    except ValueError as error:
        raise UserError(f"a number to be recorded is NaN or infinite ({error})") from error


def or_null(value: float) -> float | None:
    """A number for JSON, which has null for NaN."""
    return None if math.isnan(value) else float(value)


def write_json(path: Path, data: dict) -> None:
    """Writes readable JSON atomically."""
    write_atomically(path, to_json(data, indent=1))


def read_json(path: Path) -> dict:
    """Reads a JSON file of a run; a UserError where it is no JSON object, or no whole one."""
    return _as_object(path.read_bytes(), f"{path}")


def read_metrics(folder: Path) -> list[dict]:
    """All records of a run's metrics.jsonl; a UserError where a whole line is no JSON object."""
    file = folder / "metrics.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1]  # the last one ends, or a kill cut it off
    return [_as_object(line, f"{file}: line {n}") for n, line in enumerate(lines, start=1)]


def _as_object(text: bytes, where: str) -> dict:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = error
    if not isinstance(found, dict):
        raise UserError(
            f"{where} is damaged: found {str(found)[:80]!r}, expected a JSON object; "
            f"--run.fresh true makes the run anew"
        )
    return found
