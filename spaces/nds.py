"""Reader of NDS files: trained DARTS-like networks of several spaces (Radosavovic et al., 2019)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.darts import FIELDS, Genotype
from spaces.errors import SpaceError


@dataclass(frozen=True)
class TrainedGenotype:
    """An entry of an NDS file.

    Args:
        genotype: its cells.
        width: channels of the first cell (C).
        depth: number of cells (layers).
        test_error: final top-1 test error in %.
    """

    genotype: Genotype
    width: int
    depth: int
    test_error: float


def read_nds(path: str | Path) -> list[TrainedGenotype]:
    """Reads {"top": [...], "mid": [...]} or a list of entries.

    Raises:
        SpaceError: names the file, the entry and the field that is missing or wrong.
        FileNotFoundError: no such file.
    """
    try:
        data = json.loads(Path(path).read_text())
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        raise SpaceError(f"{path}: not JSON: {error}") from error
    found = [_read_entry(entry, f"{path}: {where}") for where, entry in _entries(path, data)]
    if not found:
        raise SpaceError(f"{path}: found no genotypes, expected entries with one each")
    return found


def _entries(path: str | Path, data: Any) -> Iterator[tuple[str, Any]]:
    groups = data if isinstance(data, dict) else {"": data}
    for name, entries in groups.items():
        if not isinstance(entries, list):
            raise SpaceError(
                f"{path}: found {type(entries).__name__} under {name!r}, expected a list of "
                f"entries, or 'top' and 'mid' with one each"
            )
        for number, entry in enumerate(entries):
            yield f"{name}[{number}]", entry


def _read_entry(entry: Any, where: str) -> TrainedGenotype:
    try:
        net = entry["net"]
        errors = entry["test_ep_top1"]
        width, depth, error = int(net["width"]), int(net["depth"]), float(errors[-1])
        fields = {name: net["genotype"][name] for name in FIELDS}
        if not 0 <= error <= 100:
            raise ValueError(f"test error {error:g} is no share of 100")
    except (KeyError, TypeError, IndexError, ValueError, OverflowError) as problem:
        raise SpaceError(
            f"{where}: {type(problem).__name__} {problem}; expected net.genotype, net.width, "
            f"net.depth and test_ep_top1"
        ) from problem
    try:
        genotype = Genotype.from_dict(fields)
    except SpaceError as problem:
        raise SpaceError(f"{where}: {problem}") from problem
    return TrainedGenotype(genotype, width, depth, error)
