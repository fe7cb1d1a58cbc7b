"""Speed against a plain implementation, and how costs grow."""

from collections.abc import Iterator

from report.records import Record
from report.sections import Parts, Sources
from report.tables import ABSENT, Cell, Number, Table, general

_COLUMNS = ("record", "what", "plain (s)", "here (s)", "ratio", "ratio of CPU time",
            "largest relative difference", "CPU time of others (%)")  # fmt: skip
_NOTE = (
    "Plain: the procedure as published, or as a first script would have it. CPU time of "
    "others: what other programs, and on a virtual machine its neighbours, took meanwhile; "
    "versions of several threads suffer from it most."
)
_GROWTH = ("what", "size", "seconds", "power of the size")


def section(sources: Sources) -> Parts:
    """Ratios of both versions, and a row for each size of a curve."""
    runs = sources.of_kind("benchmark")
    yield from runs
    if rows := tuple(row for run in runs for row in _ratios(run)):
        yield Table("speed", "Both versions in one run on the same machine", _COLUMNS, rows, _NOTE)
    if growth := tuple(row for run in runs for row in _growth(run)):
        note = "Power: what the two largest sizes of a curve show."
        yield Table("growth", "How costs grow", _GROWTH, growth, note)


def _ratios(run: Record) -> Iterator[tuple[Cell, ...]]:
    others = run.result.get("others_percent")
    load = ABSENT if others is None else Number(others, spec=".0f")
    for row in run.result.get("rows", ()):
        if {"plain_seconds", "our_seconds"} <= set(row):
            seconds = row["plain_seconds"], row["our_seconds"], row["ratio"]
            differences = [v for k, v in row.items() if k.startswith("largest_relative")]
            more = row.get("cpu_ratio"), (differences or [None])[0]
            yield (run.folder.name, row["what"], *map(general, (*seconds, *more)), load)


def _growth(run: Record) -> Iterator[tuple[Cell, ...]]:
    for curve in run.result.get("curves", ()):
        for size, seconds in zip(curve["sizes"], curve["seconds"]):
            last = size == curve["sizes"][-1]
            power = Number(curve["power"], spec=".1f") if last else ABSENT
            yield (curve["what"], f"{size:,} {curve['size']}", general(seconds), power)
