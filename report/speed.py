"""Speed against a plain implementation, and how costs grow."""

from collections.abc import Iterator

from report.records import Record
from report.sections import Parts, Sources
from report.tables import ABSENT, Cell, Number, Table, general

_RATIOS = {
    "record": "record", "what": "what", "plain (s)": "plain_seconds:.3g",
    "here (s)": "our_seconds:.3g", "ratio": "ratio:.3g", "ratio of CPU time": "cpu_ratio?:.3g",
    "largest relative difference": "largest_relative_difference?:.3g",
    "CPU time of others (%)": "others_percent:.0f",
}  # fmt: skip
_NOTE = (
    "Plain: the procedure as published, or as a first script would have it. CPU time of "
    "others: what other programs, and on a virtual machine its neighbours, took meanwhile; "
    "versions of several threads suffer from it most."
)
_GROWTH = ("what", "size", "seconds", "power of the size")


def section(sources: Sources) -> Parts:
    """Ratios of both versions, and a row for each size of a curve."""
    runs, growth = sources.of_kind("benchmark"), sources.of_kind("growth")
    yield from sources.of_kind("benchmark", "growth")
    rows = [
        {"record": run.folder.name, "others_percent": run.result["others_percent"], **row}
        for run in runs
        for row in run.result["rows"]
    ]
    if rows:
        caption = "Both versions in one run on the same machine"
        yield Table.of("speed", caption, rows, _RATIOS, _NOTE)
    if sizes := tuple(row for run in growth for row in _growth(run)):
        note = "Power: what the two largest sizes of a curve show."
        yield Table("growth", "How costs grow", _GROWTH, sizes, note)


def _growth(run: Record) -> Iterator[tuple[Cell, ...]]:
    for curve in run.result["curves"]:
        for size, seconds in zip(curve["sizes"], curve["seconds"]):
            last = size == curve["sizes"][-1]
            power = Number(curve["power"], spec=".1f") if last else ABSENT
            yield (curve["what"], f"{size:,} {curve['size']}", general(seconds), power)
