"""Names of candidate operators, and what each is in a DAG."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from dag import EdgeOp

# Convolutions of any kind are one linear operation, skip and pooling hand values on.
EDGE_OPS = {
    "none": EdgeOp.ZERO,
    **dict.fromkeys(
        ("skip_connect", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5", "max_pool_7x7"),
        EdgeOp.SKIP,
    ),
    **dict.fromkeys(
        (
            "nor_conv_1x1",
            "nor_conv_3x3",
            "conv_1x1",
            "conv_3x3",
            "conv_3x1_1x3",
            "conv_7x1_1x7",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "sep_conv_7x7",
            "dil_conv_3x3",
            "dil_conv_5x5",
            "dil_sep_conv_3x3",
        ),
        EdgeOp.LINEAR,
    ),
}


class SpaceError(ValueError):
    """A cell, genotype or table that cannot be read: what was found and what was expected."""


def check_name(name: str, known: Iterable[str], where: str) -> None:
    """Raises a SpaceError that names `where`, and the nearest valid name, for a foreign name."""
    known = list(known)
    if isinstance(name, str) and name in known:
        return
    near = difflib.get_close_matches(str(name), known, 1, cutoff=0)
    raise SpaceError(
        f"{where}: found {name!r}, expected one of {', '.join(known)}; the nearest is {near[0]!r}"
    )
