"""The operators that a search has left on each edge of a supernet's cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dag import DepthWidth, EdgeOp, EdgeShares, expected_depth_width
from spaces import darts, nasbench201
from spaces.darts import CellGenotype
from spaces.errors import SpaceError, check_name
from spaces.nasbench201 import Cell
from spaces.operators import OPERATOR_TABLE


@dataclass(frozen=True)
class CellTopology:
    """Edges and operators of a supernet's cell.

    Args:
        name: the space.
        operators: candidate names, in the order of the published tables.
        edges: (source, target) pairs.
        num_inputs: the first nodes are inputs.
        concat: nodes that the output concatenates; none if the last node is the output.
    """

    name: str
    operators: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    num_inputs: int = 1
    concat: tuple[int, ...] = ()

    @property
    def num_nodes(self) -> int:
        """Number of nodes, without a concatenating output."""
        return self.edges[-1][1] + 1

    def targets(self, source: int) -> tuple[int, ...]:
        """Nodes that an edge from `source` enters."""
        return tuple(t for s, t in self.edges if s == source)


NAS_BENCH_201 = CellTopology("nas-bench-201", nasbench201.OPERATORS, nasbench201.EDGES)
DARTS = CellTopology(
    "darts",
    darts.OPERATORS,
    tuple((source, target) for target in range(2, 6) for source in range(target)),
    num_inputs=2,
    concat=(2, 3, 4, 5),
)


@dataclass(frozen=True)
class Candidates:
    """What is left on each edge of one cell; a pruned operator costs nothing.

    Args:
        topology: the cell's edges and operators.
        left: operator names per edge, in the order of `topology.edges`; an edge may be empty.

    Raises:
        SpaceError: another number of edges, an unknown operator or one that stands twice.
    """

    topology: CellTopology
    left: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        edges = self.topology.edges
        if len(self.left) != len(edges):
            raise SpaceError(f"found {len(self.left)} edges, expected {len(edges)}")
        for (source, target), names in zip(edges, self.left):
            for name in names:
                check_name(name, self.topology.operators, f"edge {source} -> {target}")
            if len(set(names)) < len(names):
                raise SpaceError(f"edge {source} -> {target}: an operator stands twice: {names}")

    @classmethod
    def full(cls, topology: CellTopology, with_none: bool = False) -> Candidates:
        """All operators on every edge; `none` is left out before the first round of TE-NAS."""
        names = tuple(n for n in topology.operators if with_none or n != "none")
        return cls(topology, (names,) * len(topology.edges))

    @classmethod
    def of_cell(cls, cell: Cell) -> Candidates:
        """One operator on each edge: a NAS-Bench-201 cell as a supernet."""
        return cls(NAS_BENCH_201, tuple((name,) for name in cell.operators))

    def without(self, edge: int, operator: str) -> Candidates:
        """The same without `operator` on edge number `edge`.

        Raises:
            SpaceError: the operator is not left there.
        """
        check_name(operator, self.left[edge], f"edge number {edge}")
        return self._with_edge(edge, [n for n in self.left[edge] if n != operator])

    def without_edge(self, edge: int) -> Candidates:
        """The same with nothing left on edge number `edge`."""
        return self._with_edge(edge, ())

    def _with_edge(self, edge: int, names: Sequence[str]) -> Candidates:
        return replace(self, left=(*self.left[:edge], tuple(names), *self.left[edge + 1 :]))

    def shares(self) -> list[EdgeShares]:
        """Shares of skip and linear on each edge, and the skips to a concatenating output."""
        shares = [
            EdgeShares.of(*edge, [OPERATOR_TABLE[name].edge_op for name in names])
            for edge, names in zip(self.topology.edges, self.left)
        ]
        output = self.topology.num_nodes
        return shares + [EdgeShares.of(n, output, [EdgeOp.SKIP]) for n in self.topology.concat]

    def expected_depth_width(self) -> DepthWidth:
        """Expected effective depth and width of the supernet's cell."""
        topology = self.topology
        nodes = topology.num_nodes + bool(topology.concat)
        return expected_depth_width(self.shares(), nodes, topology.num_inputs)

    def to_cell(self) -> Cell:
        """The NAS-Bench-201 cell, once one operator is left on each edge.

        Raises:
            SpaceError: another space, or an edge with more or fewer operators.
        """
        if self.topology != NAS_BENCH_201 or any(len(names) != 1 for names in self.left):
            raise SpaceError(f"no single {NAS_BENCH_201.name} cell: {self}")
        return Cell(tuple(names[0] for names in self.left))

    def to_cell_genotype(self) -> CellGenotype:
        """The DARTS cell, once two edges with one operator each enter every node.

        Raises:
            SpaceError: more or fewer operators or edges are left.
        """
        kept = [(e, names) for e, names in zip(self.topology.edges, self.left) if names]
        targets = [target for (_, target), _ in kept]
        if targets != [n for n in self.topology.concat for _ in range(2)] or any(
            len(names) != 1 for _, names in kept
        ):
            raise SpaceError(f"no single {DARTS.name} cell: {self}")
        edges = tuple((names[0], source) for (source, _), names in kept)
        return CellGenotype(edges, self.topology.concat)

    def __str__(self) -> str:
        """Edges with their operators."""
        return "; ".join(
            f"{s}->{t}: {' '.join(n)}" for (s, t), n in zip(self.topology.edges, self.left)
        )
