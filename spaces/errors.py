"""The error of this room, and the check of a name against those known."""

import difflib
from collections.abc import Iterable

_LISTED = 20  # of more names the nearest says enough


class SpaceError(ValueError):
    """A cell, genotype or table that cannot be read: what was found and what was expected."""


def check_name(name: str, known: Iterable[str], where: str) -> None:
    """Raises a SpaceError that names `where`, and the nearest valid name, for a foreign name."""
    known = list(known)
    if isinstance(name, str) and name in known:
        return
    near = difflib.get_close_matches(str(name), known, 1, cutoff=0)
    listed = ", ".join(known) if len(known) <= _LISTED else f"{len(known)} names"
    raise SpaceError(
        f"{where}: found {name!r}, expected one of {listed}; the nearest is {near[0]!r}"
    )
