"""Cells of accuracy tables, read as DAGs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dag import Dag, EdgeOp

NASBENCH201 = {  # the paper's reading of the table's operators
    "none": EdgeOp.ZERO,
    "skip_connect": EdgeOp.SKIP,
    "avg_pool_3x3": EdgeOp.SKIP,
    "nor_conv_1x1": EdgeOp.LINEAR,
    "nor_conv_3x3": EdgeOp.LINEAR,
}


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
