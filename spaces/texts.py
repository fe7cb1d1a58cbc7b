"""What a text names: a cell or genotype in any form that people have, or a published one."""

import re

from spaces.darts import CALL, Genotype
from spaces.nasbench201 import Cell
from spaces.published import GENOTYPES

CELL = re.compile(r"\||[\[(]\s*[\[(]|\{\W*\d")  # how a cell begins: bar, pairs, edges


def read_architecture(text: str) -> Cell | Genotype | None:
    """The cell or genotype that a text is; None if it does not look like one.

    Args:
        text: a name of GENOTYPES, a text with Genotype(...) in it, the JSON of one, or a cell
            (`Cell.parse`).

    Raises:
        SpaceError: it looks like one, but cannot be read.
    """
    text = text.lstrip("\ufeff").strip()
    text = GENOTYPES.get(text, text)
    if CELL.match(text):
        return Cell.parse(text)
    if CALL.search(text):
        return Genotype.parse(text)
    return Genotype.from_json(text) if text.startswith("{") else None
