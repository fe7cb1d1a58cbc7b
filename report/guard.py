"""Sections that one bad record cannot end: it is left out and listed, the rest comes out."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from report.sections import Image, Maker, Section, Sources

FAILURES = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError,
            RuntimeError)  # fmt: skip
T = TypeVar("T")


@dataclass
class Left:
    """What is not shown: folder or name -> why."""

    reasons: dict[str, list[str]] = field(default_factory=dict)

    def add(self, where: Path | str, why: str) -> None:
        """Keeps a reason, each once."""
        known = self.reasons.setdefault(str(where), [])
        if why not in known:
            known.append(why)


def section(maker: Maker, sources: Sources, left: Left) -> Section:
    """The section of all records that it can be made with, alone and together."""
    good, made = list(sources.records), None
    try:
        return maker(sources)
    except FAILURES:
        for record in sources.records:
            try:
                maker(sources.only([record]))
            except FAILURES as error:
                left.add(record.folder, _said(error))
                good.remove(record)
    while made is None:
        try:
            made = maker(sources.only(good))
        except FAILURES as error:  # each alone is fine: leave out from the last on
            if not good:
                raise
            left.add(good[-1].folder, f"not with the others: {_said(error)}")
            good.pop()
    return made


def drawn(image: Image, draw: Callable[[Image], T], left: Left) -> T | None:
    """What `draw` makes of an image; None, with a reason for each of its records, if it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a record's odd numbers, such as a 0 on a log scale
            return draw(image)
    except FAILURES as error:
        for where in [record.folder for record in image.records] or [image.key]:
            left.add(where, f"figure {image.key}: {_said(error)}")
    return None


def note_unseen(
    sources: Sources, sections: Iterable[Section], reasons: dict[str, str], left: Left
) -> None:
    """Adds what could not be read, and the records that no section shows."""
    seen = {record.folder for made in sections for record in made.records}
    for folder, why in sources.unread:
        left.add(folder, why)
    for record in sources.records:
        if record.folder not in seen and str(record.folder) not in left.reasons:
            what = f"no section shows a record of kind {record.kind!r} like it"
            left.add(record.folder, reasons.get(record.kind, what))


def as_lines(left: Left) -> list[str]:
    """'FOLDER: why; why' for each, in order."""
    return [f"{where}: {'; '.join(why)}" for where, why in sorted(left.reasons.items())]


def _said(error: BaseException) -> str:
    """An error in words; a key that is missing says no more than its name."""
    text = " ".join(str(error).split())[:200]
    return f"no {text}" if isinstance(error, KeyError) else text or type(error).__name__
