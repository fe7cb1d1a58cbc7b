"""DARTS-like genotypes: text and JSON <-> genotypes <-> DAGs (Liu et al., ICLR 2019).

Each intermediate node has two incoming edges. Nodes 0 and 1 are the outputs of the two cells
before, so cells of NASNet, AmoebaNet, PNAS and ENAS fit as well.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dag import Dag, Edge, EdgeOp
from spaces.errors import SpaceError, check_name
from spaces.literals import literal, parse_expression
from spaces.operators import OPERATOR_TABLE

OPERATORS = (
    "none",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "avg_pool_3x3",
    "max_pool_3x3",
)
NUM_INPUTS = 2
Which = Literal["normal", "reduce"]
CALL = re.compile(r"\bGenotype\s*\(")
_LONGEST = 20_000  # characters of a genotype; the rest of a log is not searched for its end
FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")


@dataclass(frozen=True)
class CellGenotype:
    """One cell: edges 2i and 2i + 1 enter intermediate node i + 2.

    Args:
        edges: (operator, source node) pairs, two for each intermediate node.
        concat: the intermediate nodes whose channels the output concatenates.

    Raises:
        SpaceError: an odd number of edges, an unknown operator, a source that does not come
            before its node, or a concatenated node that does not exist.
    """

    edges: tuple[tuple[str, int], ...]
    concat: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.edges or len(self.edges) % 2:
            raise SpaceError(f"a cell has two edges per node, found {len(self.edges)} edges")
        for position, (name, source) in enumerate(self.edges):
            target = NUM_INPUTS + position // 2
            check_name(name, OPERATOR_TABLE, f"edge {source} -> {target}")
            if type(source) is not int or not 0 <= source < target:
                raise SpaceError(
                    f"{name!r} into node {target}: found source {source!r}, expected 0 .. "
                    f"{target - 1}"
                )
        nodes = range(NUM_INPUTS, NUM_INPUTS + self.num_nodes)
        foreign = [node for node in self.concat if type(node) is not int or node not in nodes]
        if foreign:
            raise SpaceError(f"concat: found node {foreign[0]!r}, expected {list(nodes)}")
        if not self.concat or len(set(self.concat)) < len(self.concat):
            raise SpaceError(f"concat: found {list(self.concat)}, expected distinct nodes")

    @property
    def num_nodes(self) -> int:
        """Number of intermediate nodes."""
        return len(self.edges) // 2

    def to_dag(self, parallel: Literal["both", "last"] = "both") -> Dag:
        """The cell's DAG: two inputs, intermediate nodes, and an output that skips join.

        Args:
            parallel: what two edges between the same nodes count; "last" lets the later one
                overwrite the earlier, as the published code does.
        """
        edges = [
            Edge(source, NUM_INPUTS + position // 2, OPERATOR_TABLE[name].edge_op)
            for position, (name, source) in enumerate(self.edges)
        ]
        if parallel == "last":
            edges = list({(e.source, e.target): e for e in edges}.values())
        output = NUM_INPUTS + self.num_nodes
        edges += [Edge(node, output, EdgeOp.SKIP) for node in self.concat]
        return Dag(output + 1, tuple(edges), NUM_INPUTS)

    @classmethod
    def random(cls, rng: np.random.Generator, num_nodes: int = 4) -> CellGenotype:
        """DARTS' rule: two distinct sources per node, an operator other than none for each."""
        edges = []
        for node in range(NUM_INPUTS, NUM_INPUTS + num_nodes):
            sources = sorted(rng.choice(node, 2, replace=False).tolist())
            edges += [(str(rng.choice(OPERATORS[1:])), source) for source in sources]
        return cls(tuple(edges), tuple(range(NUM_INPUTS, NUM_INPUTS + num_nodes)))


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell."""

    normal: CellGenotype
    reduce: CellGenotype

    @classmethod
    def parse(cls, text: str) -> Genotype:
        """Reads the one Genotype(normal=[('sep_conv_3x3', 0), ...], ...) in a text.

        It may stand in a log or a program: what is around it does not matter. It is parsed, never
        evaluated: only literals are understood, NumPy's integers and arrays too.

        Raises:
            SpaceError: the text is no such call, or a field is missing, unknown or wrong.
        """
        try:
            fields = _read_call(text)
        except ValueError as error:
            raise SpaceError(
                f"genotype {text[:60]!r}: {error}; expected Genotype(normal=[('sep_conv_3x3', 0), "
                f"...], normal_concat=[2, ...], reduce=[...], reduce_concat=[...])"
            ) from error
        return cls.from_dict(fields)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Genotype:
        """From the fields normal, normal_concat, reduce and reduce_concat.

        Raises:
            SpaceError: a field is missing, unknown or wrong; the message names it.
        """
        if not isinstance(fields, dict) or set(fields) != set(FIELDS):
            found = sorted(map(str, fields)) if isinstance(fields, dict) else fields
            raise SpaceError(f"genotype: found fields {found}, expected {list(FIELDS)}")
        cells = {}
        for which in ("normal", "reduce"):
            try:
                cells[which] = _read_cell(fields[which], fields[f"{which}_concat"])
            except SpaceError as error:
                raise SpaceError(f"{which} cell: {error}") from error
        return cls(**cells)

    def to_dict(self) -> dict[str, Any]:
        """The fields that `from_dict` reads, as lists that JSON can hold."""
        fields: dict[str, Any] = {}
        for which in ("normal", "reduce"):
            cell: CellGenotype = getattr(self, which)
            fields[which] = [list(edge) for edge in cell.edges]
            fields[f"{which}_concat"] = list(cell.concat)
        return fields

    @classmethod
    def from_json(cls, text: str) -> Genotype:
        """Reads the JSON object that `to_json` writes.

        Raises:
            SpaceError: no JSON, or a wrong field.
        """
        try:
            return cls.from_dict(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as error:
            raise SpaceError(f"genotype {text[:60]!r}: not JSON: {error}") from error

    def to_json(self) -> str:
        """A JSON object with the four fields."""
        return json.dumps(self.to_dict())

    def __str__(self) -> str:
        """The text form that `parse` reads."""
        fields = (
            f"{which}={list(cell.edges)}, {which}_concat={list(cell.concat)}"
            for which, cell in (("normal", self.normal), ("reduce", self.reduce))
        )
        return f"Genotype({', '.join(fields)})"

    def to_dag(self, which: Which, parallel: Literal["both", "last"] = "both") -> Dag:
        """The DAG of the "normal" or the "reduce" cell."""
        return getattr(self, which).to_dag(parallel)

    @classmethod
    def random(cls, rng: np.random.Generator, num_nodes: int = 4) -> Genotype:
        """Two independent random cells by DARTS' rule."""
        return cls(CellGenotype.random(rng, num_nodes), CellGenotype.random(rng, num_nodes))


def _read_call(text: str) -> dict[str | None, Any]:
    """Fields of the only call of Genotype in a text.

    Raises:
        ValueError: there is none, there are several, it is not closed, or its fields are no
            literals; the latter's place is told by line and column of the text.
    """
    starts = [match.start() for match in CALL.finditer(text)]
    if len(starts) != 1:
        raise ValueError(f"found {len(starts)} times 'Genotype(', expected it once")
    before = text[: starts[0]].split("\n")
    try:
        call = _first_call(text[starts[0] :][:_LONGEST])
        if call.args:
            raise ValueError("found fields without names")
        return {keyword.arg: literal(keyword.value) for keyword in call.keywords}
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        column += len(before[-1]) if line == 1 else 0
        where = f"line {len(before) - 1 + line}, column {column}"
        raise ValueError(f"{where}: {error.msg}") from error


def _first_call(text: str) -> Any:
    """The call that a text begins with; a SyntaxError if it has no end."""
    for end in (i for i, character in enumerate(text, 1) if character == ")"):
        with contextlib.suppress(SyntaxError):  # until its parentheses match
            return parse_expression(text[:end])
    return parse_expression(text)


def _pairs(edges: Sequence[Any]) -> list[Any]:
    """Edges in one list; some programs keep the two of each node together."""
    nested = [
        bool(e) and isinstance(e, (list, tuple)) and isinstance(e[0], (list, tuple)) for e in edges
    ]
    if not edges or not all(nested):
        return list(edges)
    for node, pair in enumerate(edges, start=NUM_INPUTS):
        if len(pair) != 2:
            raise SpaceError(f"node {node}: found {len(pair)} edges, expected two")
    return [edge for pair in edges for edge in pair]


def _read_cell(edges: Sequence[Any], concat: Sequence[Any]) -> CellGenotype:
    for name, value in (("edges", edges), ("concat", concat)):
        if not isinstance(value, (list, tuple)):
            raise SpaceError(f"{name}: found {value!r}, expected a list")
    edges = _pairs(edges)
    for number, edge in enumerate(edges):
        if not isinstance(edge, (list, tuple)) or len(edge) != 2:
            node = NUM_INPUTS + number // 2
            raise SpaceError(
                f"edge {number} (into node {node}): found {edge!r}, expected ('sep_conv_3x3', 0)"
            )
    return CellGenotype(tuple((name, source) for name, source in edges), tuple(concat))
