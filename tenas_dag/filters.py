"""Which removals of a round are exempt: neither evaluated nor made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dag import exempt_rule

if TYPE_CHECKING:  # configs name a filter before there is a round
    from tenas_dag.rounds import Left, Removal

# What is left, the removals that compete in each group, and how many may be exempt -> exempt ones
Exempt = Callable[["Left", Sequence[Sequence["Removal"]], Sequence[int]], tuple["Removal", ...]]


class Exemption(NamedTuple):
    """A filter: the method's name in tables, and what it exempts."""

    method: str
    exempt: Exempt


def _none(_left: Left, _groups: Sequence, _counts: Sequence[int]) -> tuple[Removal, ...]:
    return ()


def _exempt(
    left: Left, groups: Sequence[Sequence[Removal]], counts: Sequence[int]
) -> tuple[Removal, ...]:
    """The exempt rule (paper, Sec. 5.4), group by group."""
    exempt: list[Removal] = []
    for group, count in zip(groups, counts):
        points = [r.apply(left)[r.cell].expected_depth_width() for r in group]
        exempt += [group[i] for i in exempt_rule(points, count)]
    return tuple(exempt)


FILTERS = {"none": Exemption("TE-NAS", _none), "exempt": Exemption("TE-NAS + DAG", _exempt)}
