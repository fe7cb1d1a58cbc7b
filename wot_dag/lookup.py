"""Accuracies of what was chosen, looked up after the choice."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from common.config import ConfigError
from common.data import data_root
from spaces.benchmark import AccuracyTable


def read_table(path: str) -> AccuracyTable | None:
    """The table of a config, looked for in the working directory and in $DATA_ROOT.

    Returns:
        None if the config names none.

    Raises:
        ConfigError: no such file.
        SpaceError: a file that is no table.
    """
    if not path:
        return None
    file = next((p for p in (Path(path), data_root() / path) if p.is_file()), None)
    if file is None:
        raise ConfigError(
            f"table: found no file {path}, here or in {data_root()}: make it of the benchmark's "
            f"archive (python -m spaces.benchmark convert --help), or search without: --table ''"
        )
    return AccuracyTable.read(file)


def test_columns(table: AccuracyTable) -> dict[str, str]:
    """Dataset -> the table's column of test accuracy after the longest training."""
    longest: dict[str, tuple[int, str]] = {}
    for name in table.columns:
        match = re.fullmatch(r"(.+)/test@(\d+)", name)
        if match:
            dataset, epochs = match.group(1), int(match.group(2))
            longest[dataset] = max(longest.get(dataset, (0, "")), (epochs, name))
    return {dataset: name for dataset, (_, name) in longest.items()}


def accuracies(table: AccuracyTable, archs: Sequence[str]) -> dict[str, dict]:
    """Mean and sample standard deviation over `archs` on each dataset, in %.

    `best` and `mean_of_space` are those of the whole table, for comparison.
    """
    rows = [table.position(arch) for arch in archs]
    result = {}
    for dataset, name in test_columns(table).items():
        column = table.columns[name]
        values = column[rows].tolist()
        result[dataset] = {
            "column": name,
            "mean": statistics.fmean(values) if values else None,
            "std": statistics.stdev(values) if len(values) > 1 else 0.0,
            "n": len(values),
            "best": float(column.max()),
            "mean_of_space": float(column.mean()),
        }
    return result
