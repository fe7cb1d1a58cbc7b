"""Sections that one bad record cannot end: it is left out and listed, the rest comes out."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from report.sections import Image, Maker, Section, Sources

FAILURES = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError,
            RuntimeError)  # fmt: skip
T = TypeVar("T")


class Left:
    """What is not shown: folder or name -> why."""

    def __init__(self) -> None:
        self.reasons: dict[str, dict[str, None]] = defaultdict(dict)

    def add(self, where: Path | str, why: str | Exception, what: str = "") -> None:
        """Keeps a reason, each once; a missing key says no more than its name."""
        text = " ".join(str(why).split())[:200]
        if isinstance(why, Exception):
            text = f"no {text}" if isinstance(why, KeyError) else text or type(why).__name__
        self.reasons[str(where)][what + text] = None

    @contextmanager
    def noting(self, where: Path, what: str = "") -> Iterator[None]:
        """Keeps the reason why what is done within failed."""
        try:
            yield
        except FAILURES as error:
            self.add(where, error, what)

    def lines(self) -> list[str]:
        """'FOLDER: why; why' for each, in order."""
        return [f"{where}: {'; '.join(why)}" for where, why in sorted(self.reasons.items())]


def section(maker: Maker, sources: Sources, left: Left) -> Section:
    """The section of all records that it can be made with; the first stay where two do not fit."""
    try:
        return maker(sources)
    except FAILURES:
        good = []
    for record in sources.records:
        with left.noting(record.folder):
            maker(sources.only([*good, record]))
            good.append(record)
    return maker(sources.only(good))


def drawn(image: Image, draw: Callable[[Image], T], left: Left) -> T | None:
    """What `draw` makes of an image; None, with a reason for each of its records, if it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a record's odd numbers, such as a 0 on a log scale
            return draw(image)
    except FAILURES as error:
        for where in [record.folder for record in image.records] or [image.key]:
            left.add(where, error, f"figure {image.key}: ")
    return None


def note_unseen(
    sources: Sources, sections: Iterable[Section], reasons: Mapping[str, str], left: Left
) -> None:
    """Adds the folders whose record was left out, and the records that no section shows."""
    seen = {record.folder for made in sections for record in made.records}
    for folder, why in sources.left:
        left.add(folder, why)
    for record in sources.records:
        if record.folder not in seen and str(record.folder) not in left.reasons:
            what = f"no section shows a record of kind {record.kind!r} like it"
            left.add(record.folder, reasons.get(record.kind, what))
