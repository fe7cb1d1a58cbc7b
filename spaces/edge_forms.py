"""Other forms of a NAS-Bench-201 cell, in Python or JSON.

Pairs per node, as the benchmark's code prints a genotype:
    [(('nor_conv_3x3', 0),), (('none', 0), ('skip_connect', 1)), (...)]
or a dictionary of edges, whose keys are pairs (source, target) or text such as 0->1 or 1<-0:
    {(0, 1): 'nor_conv_3x3', (0, 2): 'none', ...}
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from spaces.errors import SpaceError
from spaces.literals import literal, parse_expression

Edge = tuple[int, int]
_EXPECTED = (
    "expected |nor_conv_3x3~0|+..., pairs per node [(('nor_conv_3x3', 0),), ...], or edges "
    "{(0, 1): 'nor_conv_3x3', ...}"
)


def read_edges(text: str, edges: Sequence[Edge]) -> dict[Edge, str]:
    """The operator on each of `edges`, (source, target), in a text of either form.

    Raises:
        SpaceError: the text has another form, or an edge is foreign, missing or there twice.
    """
    try:
        value = literal(parse_expression(text.strip()))
    except SyntaxError as error:
        raise SpaceError(f"cell {text[:60]!r}: {error.msg}; {_EXPECTED}") from error
    if not isinstance(value, (list, dict)):
        raise SpaceError(f"cell {text[:60]!r}: {_EXPECTED}")
    named: dict[Edge, str] = {}
    for edge, name in _of_pairs(value) if isinstance(value, list) else _of_dict(value):
        source, target = edge
        if edge not in edges or edge in named:
            there = "found twice" if edge in named else "no edge of a cell"
            known = ", ".join(f"{s} -> {t}" for s, t in edges)
            raise SpaceError(f"cell: edge {source} -> {target}: {there}, expected {known}")
        named[edge] = name
    for source, target in edges:
        if (source, target) not in named:
            raise SpaceError(f"cell: edge {source} -> {target}: found nothing, expected an "
                             f"operator ('none' where there is none)")  # fmt: skip
    return named


def _of_pairs(nodes: list[Any]) -> Iterator[tuple[Edge, str]]:
    for target, pairs in enumerate(nodes, start=1):
        for pair in pairs if isinstance(pairs, list) else [pairs]:
            if not (isinstance(pair, list) and len(pair) == 2 and type(pair[1]) is int):
                raise SpaceError(
                    f"cell: node {target}: found {pair!r}, expected pairs ('nor_conv_3x3', 0) "
                    f"of an operator and its source"
                )
            yield (pair[1], target), pair[0]


def _of_dict(operators: dict[Any, Any]) -> Iterator[tuple[Edge, str]]:
    for key, name in operators.items():
        numbers = re.fullmatch(r"\D*(\d)(\D+)(\d)\D*", str(key))
        if not numbers:
            raise SpaceError(f"cell: found key {key!r}, expected an edge: (0, 1) or '0->1'")
        source, target = int(numbers[1]), int(numbers[3])
        yield ((target, source) if "<" in numbers[2] else (source, target)), name
