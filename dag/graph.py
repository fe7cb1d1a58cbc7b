"""Directed acyclic graphs of an architecture, and their text codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from operator import itemgetter
from typing import NamedTuple

# Sequential, parallel and mixed connections (paper, Fig. 3).
FIGURE_3 = {"DAG#1": "2_02_002", "DAG#2": "1_01_222", "DAG#3": "2_21_112"}


class EdgeOp(IntEnum):
    """Operation on an edge; its value is the digit in a code (paper, Sec. 3.1)."""

    ZERO = 0
    SKIP = 1
    LINEAR = 2


class Edge(NamedTuple):
    """An operation from node `source` to node `target`, source < target."""

    source: int
    target: int
    op: EdgeOp


class DagCodeError(ValueError):
    """A DAG code that cannot be read; the message points at the character."""


@dataclass(frozen=True)
class Dag:
    """A DAG whose nodes sum their incoming edges.

    Nodes 0 .. num_inputs - 1 are inputs, node num_nodes - 1 is the output. Zero edges are
    dropped and the rest is sorted, so equal graphs compare and hash equal. Two edges may
    join the same pair of nodes.

    Args:
        num_nodes: number of nodes, inputs and output included.
        edges: (source, target, op) triples, in any order.
        num_inputs: number of input nodes.

    Raises:
        ValueError: an edge leaves the graph, does not go forward, or enters an input.
    """

    num_nodes: int
    edges: tuple[Edge, ...]
    num_inputs: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.num_inputs < self.num_nodes:
            raise ValueError(
                f"a Dag needs 1 <= num_inputs < num_nodes, found {self.num_inputs} inputs and "
                f"{self.num_nodes} nodes"
            )
        edges = [e if type(e) is Edge else Edge(e[0], e[1], EdgeOp(e[2])) for e in self.edges]
        for source, target, _ in edges:
            if not 0 <= source < target < self.num_nodes or target < self.num_inputs:
                raise ValueError(
                    f"edge {source} -> {target} does not fit: expected source < target, and "
                    f"target in {self.num_inputs} .. {self.num_nodes - 1}"
                )
        kept = sorted((e for e in edges if e[2]), key=itemgetter(1, 0, 2))
        object.__setattr__(self, "edges", tuple(kept))

    @classmethod
    def parse(cls, code: str) -> Dag:
        """Reads a code such as "2_02_002": row j (from 1) has digit i for the edge i -> j.

        Raises:
            DagCodeError: a ValueError that names the row, what was found and what was expected.
        """
        if not isinstance(code, str):
            raise DagCodeError(
                f"bad DAG code {code!r}: found {type(code).__name__}, expected a string such as "
                f"'2_02_002' (write it in quotes)"
            )
        if not code:
            raise DagCodeError("bad DAG code '': found no rows, expected a code such as '2_02_002'")
        rows = code.split("_")
        edges = []
        start = 0
        for target, row in enumerate(rows, start=1):
            _check_row(code, row, target, start)
            edges += [Edge(source, target, _DIGITS[digit]) for source, digit in enumerate(row)]
            start += len(row) + 1
        return cls(len(rows) + 1, tuple(edges))

    @property
    def code(self) -> str:
        """The code that `parse` reads.

        Raises:
            ValueError: the graph has several inputs or parallel edges, which no code can say.
        """
        pairs = {(source, target): op for source, target, op in self.edges}
        if self.num_inputs > 1 or len(pairs) < len(self.edges):
            raise ValueError("a DAG with several inputs or parallel edges has no code")
        rows = (
            "".join(str(int(pairs.get((source, target), 0))) for source in range(target))
            for target in range(1, self.num_nodes)
        )
        return "_".join(rows)

    def __str__(self) -> str:
        """The code, or the list of edges of a graph that has none."""
        try:
            return self.code
        except ValueError:
            edges = " ".join(f"{s}-{t}:{op.name.lower()}" for s, t, op in self.edges)
            return f"{self.num_nodes} nodes, {self.num_inputs} inputs: {edges}"

    @property
    def output(self) -> int:
        """Index of the output node."""
        return self.num_nodes - 1

    @property
    def has_path(self) -> bool:
        """Whether any input reaches the output."""
        return bool(self.live().edges)

    def live(self) -> Dag:
        """The same nodes with only those edges that lie on a path from an input to the output."""
        reached = [node < self.num_inputs for node in range(self.num_nodes)]
        for edge in self.edges:
            reached[edge.target] |= reached[edge.source]
        needed = [node == self.output for node in range(self.num_nodes)]
        for edge in reversed(self.edges):
            needed[edge.source] |= needed[edge.target]
        live = (e for e in self.edges if reached[e.source] and needed[e.target])
        return Dag(self.num_nodes, tuple(live), self.num_inputs)


_DIGITS = {str(int(op)): op for op in EdgeOp}


def _check_row(code: str, row: str, number: int, start: int) -> None:
    def bad(position: int, found: str, expected: str) -> DagCodeError:
        pointer = f"\n    {code}\n    {' ' * position}^"
        return DagCodeError(
            f"bad DAG code {code!r}: row {number}: found {found}, expected {expected}{pointer}"
        )

    foreign = next((char for char in row if char not in _DIGITS), None)
    if foreign is not None:
        expected = "a digit 0 (zero), 1 (skip) or 2 (linear)"
        raise bad(start + row.index(foreign), repr(foreign), expected)
    if len(row) != number:
        plural = "" if number == 1 else "s"
        expected = f"{number} digit{plural}, one for each earlier node"
        found = f"{len(row)} digits {row!r}" if row else "an empty row"
        raise bad(start + min(len(row), number), found, expected)


def all_codes(num_layers: int) -> Iterator[str]:
    """All 3^(H(H+1)/2) codes of H = `num_layers` nodes after the input, in counting order.

    Raises:
        ValueError: num_layers < 1.
    """
    if num_layers < 1:
        raise ValueError(f"all_codes needs at least 1 layer, found {num_layers}")
    bounds = [j * (j - 1) // 2 for j in range(1, num_layers + 2)]
    for digits in itertools.product("012", repeat=bounds[-1]):
        yield "_".join("".join(digits[a:b]) for a, b in itertools.pairwise(bounds))
