"""Depth, width and accuracy of whole spaces, for the page's interactive plots.

python -m report topology-means TABLE writes the record that stands for NAS-Bench-201's table,
which is not kept here: the mean accuracy of the cells of each topology.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.runs import environment, write_json
from dag import Dag, box_rule, depth_histogram, effective_depth_width
from report.cells import NASBENCH201, read_cell
from report.records import first_file, of_kind
from report.sections import Sources

MEANS = "fig5/nasbench201_topologies.csv"
_OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
Cells = Mapping[str, Sequence[tuple[str, Sequence[float]]]]


@dataclass(frozen=True)
class Topology:
    """Cells of one DAG: its code, their number, the mean of each accuracy."""

    code: str
    cells: int
    means: tuple[float, ...]

    def as_list(self, eigenvalues: Mapping[str, float]) -> list[Any]:
        """What the page knows of it: code, shape, paths, eigenvalue, cells, means."""
        dag = Dag.parse(self.code)
        shape = [_rounded(v, 10) for v in effective_depth_width(dag)]
        paths = sum(depth_histogram(dag).values())
        means = [_rounded(mean, 4) for mean in self.means]
        return [self.code, *shape, paths, eigenvalues.get(self.code), self.cells, means]


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `topology-means` to `python -m report`."""
    means = commands.add_parser("topology-means", help="mean accuracy of a table's topologies")
    means.add_argument("table", type=Path, help="accuracy table of NAS-Bench-201, CSV, may be .gz")
    means.add_argument("--out", type=Path, default=Path("runs/report") / MEANS)
    means.set_defaults(run=_write_means)


def _write_means(options: argparse.Namespace) -> list[Path]:
    names, cells = read_cells(options.table, "/test@200")
    rows = [(t.code, t.cells, *(f"{m:.4f}" for m in t.means)) for t in by_topology(cells)]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("code", "cells", *names), *rows])
    record = options.out.with_suffix(".json")
    write_json(record, {"topologies": len(rows), "environment": environment("cpu")})
    return [options.out, record]


def read_cells(table: Path, contains: str) -> tuple[list[str], Cells]:
    """Accuracy columns of a table, and code -> (architecture, accuracies) of its cells.

    Args:
        table: CSV with a column "arch", gzipped or not.
        contains: part of the names of the accuracy columns that are wanted.

    Raises:
        ValueError: there is no such column, or an architecture cannot be read.
    """
    opened = gzip.open if table.suffix == ".gz" else open
    with opened(table, "rt", newline="") as handle:
        reader = csv.DictReader(handle)
        found = reader.fieldnames or ()
        names = [name for name in found if contains in name]
        if "arch" not in found or not names:
            raise ValueError(f"{table}: found columns {', '.join(found)}, expected arch and "
                             f"accuracies named ...{contains}")  # fmt: skip
        cells = defaultdict(list)
        for row in reader:
            code = read_cell(row["arch"], NASBENCH201).code
            cells[code].append((row["arch"], [float(row[name]) for name in names]))
    return names, cells


def by_topology(cells: Cells) -> list[Topology]:
    """Means over the cells of each code, in the codes' order; nan where a cell has no accuracy."""
    return [
        Topology(code, len(rows), tuple(np.mean([values for _, values in rows], axis=0)))
        for code, rows in sorted(cells.items())
    ]


def planes(sources: Sources, table: Path | None = None) -> list[dict]:
    """Data of the planes that there are records of: NAS-Bench-201, all topologies.

    Args:
        sources: the records.
        table: NAS-Bench-201's accuracy table, if it is at hand: adds each cell's own accuracy.
    """
    eigenvalues = _eigenvalues(sources)
    made = [
        _nasbench201(sources, table, eigenvalues),
        _all_topologies(sources, eigenvalues),
    ]
    return [plane for plane in made if plane is not None]


def _eigenvalues(sources: Sources) -> dict[str, float]:
    """Code -> smallest eigenvalue of the exact NNGP kernel on digits."""
    return {row["code"]: _rounded(float(row["lambda_min"]), 8) for row in _codes(sources)}


def _codes(sources: Sources) -> list[dict[str, str]]:
    """Rows of topologies.csv; none without a record."""
    runs = [r for r in of_kind(sources.records, "topologies") if r.dataset == "digits"]
    if not runs:
        return []
    with (runs[0].folder / "topologies.csv").open() as file:
        return list(csv.DictReader(file))


def _nasbench201(
    sources: Sources, table: Path | None, eigenvalues: Mapping[str, float]
) -> dict | None:
    if table is not None:
        names, cells = read_cells(table, "/test@200")
        note = "Accuracies of the table at hand, 200 epochs."
        return _plane("nasbench201", "NAS-Bench-201", note, names, by_topology(cells),
                      eigenvalues, cells)  # fmt: skip
    file = first_file(sources.roots, MEANS, f"report/{MEANS}")
    if file is None:
        return None
    names, topologies = _read_means(file)
    note = (
        "A dot is one wiring: all cells that differ only in the kind of convolution or of skip. "
        "Accuracies are means over its cells, 200 epochs."
    )
    return _plane("nasbench201", "NAS-Bench-201", note, names, topologies, eigenvalues)


def _read_means(file: Path) -> tuple[list[str], list[Topology]]:
    with file.open(newline="") as handle:
        header, *rows = csv.reader(handle)
    topologies = [Topology(code, int(n), tuple(map(float, means))) for code, n, *means in rows]
    return header[2:], topologies


def _all_topologies(sources: Sources, eigenvalues: Mapping[str, float]) -> dict | None:
    columns = {"test accuracy": "test_accuracy", "training accuracy": "train_accuracy"}
    topologies = [
        Topology(row["code"], 1, tuple(float(row[c]) for c in columns.values()))
        for row in _codes(sources)
    ]
    if not topologies:
        return None
    note = (
        f"MLPs on digits, one for each code of three layers that has a path: {len(topologies)} of "
        "729."
    )
    title = "The 729 topologies of three layers"
    return _plane("topologies", title, note, list(columns), topologies, eigenvalues)


def _plane(
    key: str,
    title: str,
    note: str,
    names: Sequence[str],
    topologies: Sequence[Topology],
    eigenvalues: Mapping[str, float],
    cells: Cells | None = None,
) -> dict:
    rows = [topology.as_list(eigenvalues) for topology in topologies]
    whole = box_rule(np.array([r[1] for r in rows]), np.array([r[2] for r in rows]), 1.0)
    return {
        "key": key,
        "title": title,
        "note": note,
        "accuracies": list(names),
        "topologies": rows,
        "cells": None if cells is None else _packed(cells),
        "nasbench": key != "topologies",
        "range": {"depth": whole.depth, "width": whole.width},
    }


def _packed(cells: Cells) -> dict[str, list]:
    """Code -> [cell's number, accuracies ...]; the number has one digit of base 5 per edge."""
    return {
        code: [[cell_number(arch), *(_rounded(v, 2) for v in values)] for arch, values in rows]
        for code, rows in cells.items()
    }


def cell_number(arch: str) -> int:
    """An architecture's operators as digits of base 5, in the order of its string."""
    number = 0
    for part in (p for row in arch.split("+") for p in row.strip("|").split("|")):
        number = number * len(_OPERATORS) + _OPERATORS.index(part.split("~")[0])
    return number


def _rounded(value: float, digits: int) -> float | None:
    """None for nan, which JSON does not know."""
    return None if np.isnan(value) else round(float(value), digits)
