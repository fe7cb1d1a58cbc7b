"""NAS-Bench-201 cells: strings <-> cells <-> DAGs (Dong & Yang, ICLR 2020)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from dag import Dag, Edge, EdgeOp
from spaces.edge_forms import read_edges
from spaces.errors import SpaceError, check_name
from spaces.operators import OPERATOR_TABLE

OPERATORS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # (source, target), the string's order
NUM_NODES = 4
_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"  # the benchmark's own
WRITTEN = re.compile(re.escape(_FORM).replace(r"\{\}", f"({'|'.join(OPERATORS)})"))
EXAMPLE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


@dataclass(frozen=True)
class Cell:
    """A cell of four nodes with one operator on each of its six edges.

    Args:
        operators: names from OPERATORS, in the order of EDGES.

    Raises:
        SpaceError: not six operators, or an unknown name.
    """

    operators: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operators) != len(EDGES):
            raise SpaceError(f"a cell has {len(EDGES)} operators, found {len(self.operators)}")
        for (source, target), name in zip(EDGES, self.operators):
            if name not in OPERATORS:  # the words cost more than the check
                check_name(name, OPERATORS, f"NAS-Bench-201 edge {source} -> {target}")

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Reads the benchmark's string, such as EXAMPLE, or one of the forms of `edge_forms`.

        Raises:
            SpaceError: names the edge and what was found there.
        """
        if not isinstance(text, str):
            raise SpaceError(f"a cell is a string such as {EXAMPLE}, found {text!r}")
        if match := WRITTEN.fullmatch(text):
            return cls(match.groups())
        if not text.lstrip().startswith("|"):
            named = read_edges(text, EDGES)
            return cls(tuple(named[edge] for edge in EDGES))
        groups = text.strip().split("+")
        if len(groups) != NUM_NODES - 1:
            raise SpaceError(
                f"cell {text!r}: found {len(groups)} groups joined by '+', expected "
                f"{NUM_NODES - 1} as in {EXAMPLE}"
            )
        names: list[str] = []
        for target, group in enumerate(groups, start=1):
            names += _parse_group(text, group, target)
        return cls(tuple(names))

    def __str__(self) -> str:
        """The benchmark's string."""
        return _FORM.format(*self.operators)

    @property
    def index(self) -> int:
        """Position in `all_cells`."""
        number = 0
        for name in self.operators:
            number = number * len(OPERATORS) + OPERATORS.index(name)
        return number

    def to_dag(self) -> Dag:
        """The cell's DAG: convolution is linear, skip and pooling are skip, none is zero."""
        return _dag(*(OPERATOR_TABLE[name].edge_op for name in self.operators))


@cache  # 15,625 cells have 729 of them
def _dag(*kinds: EdgeOp) -> Dag:
    return Dag(NUM_NODES, tuple(Edge(*edge, kind) for edge, kind in zip(EDGES, kinds)))


def _parse_group(text: str, group: str, target: int) -> list[str]:
    """Operator names of the edges into node `target`, written |name~0|name~1|..."""
    parts = group.strip().split("|")
    if len(parts) != target + 2 or parts[0] or parts[-1]:
        raise SpaceError(
            f"cell {text!r}: node {target}: found {group!r}, expected {target} "
            f"operator{'s' if target > 1 else ''} between bars as in {EXAMPLE}"
        )
    names = []
    for source, part in enumerate(parts[1:-1]):
        name, _, found = (word.strip() for word in part.partition("~"))
        if found != str(source):
            raise SpaceError(
                f"cell {text!r}: edge {source} -> {target}: found {part!r}, expected an operator "
                f"and its source node, '{name}~{source}'"
            )
        names.append(name)
    return names


def all_cells() -> Iterator[Cell]:
    """All 15,625 cells, the last edge's operator changing fastest."""
    return (Cell(names) for names in itertools.product(OPERATORS, repeat=len(EDGES)))
