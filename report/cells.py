"""Tables of cells, read as accuracies of topologies: the means of cells with equal DAGs."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dag import Dag, EdgeOp

NASBENCH201 = {  # the paper's reading of the table's operators
    "none": EdgeOp.ZERO,
    "skip_connect": EdgeOp.SKIP,
    "avg_pool_3x3": EdgeOp.SKIP,
    "nor_conv_1x1": EdgeOp.LINEAR,
    "nor_conv_3x3": EdgeOp.LINEAR,
}


def read_topologies(
    table: Path, columns: Sequence[str], operators: Mapping[str, EdgeOp]
) -> dict[Dag, list[float]]:
    """Mean of each column over the cells that share a DAG.

    Args:
        table: CSV file, gzipped or not, with a column "arch" of strings |op~node|+|op~node|op~node|
            and the `columns`, numbers.
        columns: names of columns.
        operators: operation of each operator in "arch".

    Raises:
        ValueError: a column is missing, or an operator unknown.
    """
    opened = gzip.open if table.suffix == ".gz" else open
    groups: dict[Dag, list[list[float]]] = defaultdict(list)
    with opened(table, "rt", newline="") as handle:
        reader = csv.DictReader(handle)
        missing = [c for c in ("arch", *columns) if c not in (reader.fieldnames or ())]
        if missing:
            found = ", ".join(reader.fieldnames or ())
            raise ValueError(f"{table}: no column {missing[0]!r}, found {found}")
        for row in reader:
            groups[read_cell(row["arch"], operators)].append([float(row[c]) for c in columns])
    return {dag: list(np.mean(values, axis=0)) for dag, values in groups.items()}


def read_cell(arch: str, operators: Mapping[str, EdgeOp]) -> Dag:
    """The DAG of a string such as |conv~0|+|none~0|skip~1|; node j's edges are the j-th part."""
    rows = arch.split("+")
    edges = []
    for target, row in enumerate(rows, start=1):
        for name, source in re.findall(r"([^|~]+)~(\d+)", row):
            if name not in operators:
                raise ValueError(f"{arch!r}: operator {name!r}, expected {', '.join(operators)}")
            edges.append((int(source), target, operators[name]))
    return Dag(len(rows) + 1, tuple(edges))
