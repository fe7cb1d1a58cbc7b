"""What RESULTS.md and report.html say of one figure, table or question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from matplotlib.figure import Figure

from report.records import Record, find_records
from report.tables import Table

PUBLISHED = Path(__file__).with_name("published.yaml")
NOT_RUN = "not run yet"
NEEDS_IMAGENET = "needs ImageNet"
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")  # of NAS-Bench-201


@dataclass(frozen=True)
class Image:
    """A figure, drawn when it is wanted."""

    key: str  # its file name
    caption: str
    draw: Callable[[], Figure]
    records: tuple[Record, ...] = ()  # the runs in it

    @classmethod
    def of(cls, run: Record, what: str, caption: str, draw: Callable[[Record], Figure]) -> Image:
        """The figure `what` of one run."""
        return cls(f"{run.key}_{what}", caption, partial(draw, run), (run,))


@dataclass(frozen=True)
class Section:
    """One figure, table or question, published beside measured."""

    key: str  # of its place on the page
    title: str
    published: str  # what and where, one paragraph; empty for what is new here
    commands: tuple[str, ...]  # what runs it
    tables: tuple[Table, ...] = ()
    images: tuple[Image, ...] = ()
    records: tuple[Record, ...] = ()  # the runs that it shows
    absent: str = NOT_RUN  # what to say where it shows no run; empty for what needs none

    @property
    def status(self) -> str:
        """Why nothing is measured here, in a few words; empty if something is."""
        return "" if self.records else self.absent

    @property
    def word(self) -> str:
        """The status; "measured", or "measured in part".

        In part: a row says why it is empty, or a run saw a part of its data set.
        """
        cells = (cell for table in self.tables for row in table.rows for cell in row)
        missing = any(isinstance(c, str) and c.startswith((NOT_RUN, "needs ")) for c in cells)
        missing |= any(_known_images(run)["in_part"] for run in self.records)
        return self.status or ("measured in part" if missing else "measured")


@dataclass(frozen=True)
class Sources:
    """Where sections read: records, those of the folder named last first; published.yaml."""

    records: Sequence[Record]
    published: Mapping[str, Any]
    left: Sequence[tuple[Path, Exception]] = ()  # folders whose record is not here, and why

    @classmethod
    def read(cls, roots: Sequence[Path], some: bool = False) -> Sources:
        """What lies below the roots.

        Raises:
            FileNotFoundError: none of the roots is a folder.
            ValueError: they hold no record, and `some` are asked for.
        """
        names = ", ".join(map(str, roots))
        if not any(root.is_dir() for root in roots):
            raise FileNotFoundError(f"found no folder {names}, expected folders of runs")
        records, left = find_records(roots)
        if some and not records:
            why = "".join(f"; {folder}: {reason}" for folder, reason in left[:3])
            raise ValueError(f"found no record in {names}, expected finished runs{why}")
        return cls(records, read_published(), left)

    def of_kind(self, *kinds: str) -> list[Record]:
        """Records of some kinds."""
        return [record for record in self.records if record.kind in kinds]

    def only(self, records: Sequence[Record]) -> Sources:
        """The same with these records."""
        return replace(self, records=records)

    def cite(self, which: str, claim: str) -> str:
        """A claim with its source."""
        return f"{claim} ({self.published['sources'][which]})"


Parts = Iterator[str | Table | Image | Record]
Maker = Callable[[Sources], Section]


def headed(
    key: str, title: str, *commands: str, absent: str = NOT_RUN
) -> Callable[[Callable[[Sources], Parts]], Maker]:
    """Makes a section of a function, which yields its parts; the arguments are those of `Section`.

    The parts, those of one kind in their order: what was published, as text; tables; figures;
    the records shown.
    """

    def decorate(parts: Callable[[Sources], Parts]) -> Maker:
        def make(sources: Sources) -> Section:
            found = list(parts(sources))
            text, *others = (
                tuple(part for part in found if isinstance(part, kind))
                for kind in (str, Table, Image, Record)
            )
            return Section(key, title, "".join(text), commands, *others, absent)

        return make

    return decorate


@cache
def read_published() -> Mapping[str, Any]:
    """The content of published.yaml."""
    return yaml.safe_load(PUBLISHED.read_text())


def whole_dataset(run: Record) -> str:
    """Name of the data set that a run's images are a part of, or all of in another form."""
    return _known_images(run)["of"]


def _known_images(run: Record) -> Mapping[str, Any]:
    """What published.yaml knows of the images, by their digest; else they are what they are."""
    digest = (run.result["dataset"] or {}).get("digest")
    return read_published()["images"].get(digest, {"of": run.dataset, "in_part": False})
