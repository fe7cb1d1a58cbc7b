"""The rounds of a search: what is evaluated, what is exempt, and what is left afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dag import exempt_count
from tenas_dag.candidates import Candidates
from tenas_dag.filters import Exempt
from tenas_dag.ranking import Change, Ranking, first_of_each_group, pruning_order, ranks

Left = tuple[Candidates, ...]  # one entry per cell type of the space
EDGES_PER_NODE = 2  # that DARTS keeps


class Removal(NamedTuple):
    """A candidate: an operator of an edge of a cell, or the whole edge if operator is ""."""

    cell: int
    edge: int
    operator: str

    def apply(self, left: Left) -> Left:
        """The candidates without it."""
        own = left[self.cell]
        own = (
            own.without(self.edge, self.operator) if self.operator else own.without_edge(self.edge)
        )
        return (*left[: self.cell], own, *left[self.cell + 1 :])


@dataclass(frozen=True)
class Round:
    """One round of pruning.

    Args:
        left: what is left at its start.
        groups: per edge (or of one node, in the stage of edges) the removals that compete.
        quota: removals made in each group.
        exempt: removals that are neither evaluated nor made.
    """

    left: Left
    groups: tuple[tuple[Removal, ...], ...]
    quota: tuple[int, ...]
    exempt: tuple[Removal, ...]

    @property
    def evaluated(self) -> list[Removal]:
        """Removals to evaluate, in the order of cells, edges and operators."""
        return [r for group in self.groups for r in group if r not in self.exempt]

    def prune(
        self, changes: Mapping[Removal, Change], rank_by: str, rank: Ranking = ranks
    ) -> tuple[Left, list[Removal]]:
        """What is left after the round, and what was removed, first in rank first."""
        group_of = {r: g for g, group in enumerate(self.groups) for r in group}
        order = pruning_order({r: changes[r] for r in self.evaluated}, rank_by, rank)
        removed = first_of_each_group(order, group_of, dict(enumerate(self.quota)))
        left = self.left
        for removal in removed:
            left = removal.apply(left)
        return left, removed


def next_round(left: Left, prune_number: int, exempt: Exempt) -> Round | None:
    """The next round, or None once the search is over.

    First operators go, `prune_number` on each edge and never the last one; then, in cells that
    concatenate (DARTS), edges, until two enter each node. Edges of one node are one round: its
    ranks are its own, and what earlier nodes lost is gone from all networks.
    """
    groups = _operator_groups(left)
    if groups:
        quota = tuple(min(prune_number, len(group) - 1) for group in groups)
        counts = [exempt_count(len(group), prune_number) for group in groups]
    else:
        groups = _edge_groups(left)[:1]
        quota = tuple(len(group) - EDGES_PER_NODE for group in groups)
        counts = [1] * len(groups)
    if not groups:
        return None
    return Round(left, groups, quota, exempt(left, groups, counts))


def _operator_groups(left: Left) -> tuple[tuple[Removal, ...], ...]:
    """Per edge its operators, in the order of the space's table, however `left` lists them."""
    return tuple(
        tuple(Removal(cell, edge, n) for n in candidates.topology.operators if n in names)
        for cell, candidates in enumerate(left)
        for edge, names in enumerate(candidates.left)
        if len(names) > 1
    )


def _edge_groups(left: Left) -> tuple[tuple[Removal, ...], ...]:
    groups = []
    for cell, candidates in enumerate(left):
        for node in candidates.topology.concat:
            edges = [
                edge
                for edge, (_, target) in enumerate(candidates.topology.edges)
                if target == node and candidates.left[edge]
            ]
            if len(edges) > EDGES_PER_NODE:
                groups.append(tuple(Removal(cell, edge, "") for edge in edges))
    return tuple(groups)
