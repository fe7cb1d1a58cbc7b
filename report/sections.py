"""What RESULTS.md and report.html say of one figure, table or question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
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
    """A figure, drawn by `draw` when it is wanted.

    Args:
        key: its file name.
        caption: one line.
        draw: makes it.
        records: the runs in it.
    """

    key: str
    caption: str
    draw: Callable[[], Figure]
    records: tuple[Record, ...] = ()

    @classmethod
    def of(cls, run: Record, what: str, caption: str, draw: Callable[[Record], Figure]) -> Image:
        """The figure `what` of one run."""
        return cls(f"{run.key}_{what}", caption, partial(draw, run), (run,))


@dataclass(frozen=True)
class Section:
    """One figure or table, published beside measured.

    Args:
        key: of its tables and its place on the page.
        title: such as "Table 2: searches on NAS-Bench-201".
        published: what was published and where, one paragraph; empty for what is new here.
        commands: what runs it.
        tables: its tables.
        images: its figures.
        records: the runs that it shows.
        absent: what to say where it shows no run; empty for what needs none.
    """

    key: str
    title: str
    published: str
    commands: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    images: tuple[Image, ...] = ()
    records: tuple[Record, ...] = ()
    absent: str = NOT_RUN

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
        missing |= any(run.dataset.endswith("_subset") for run in self.records)
        return self.status or ("measured in part" if missing else "measured")


@dataclass(frozen=True)
class Sources:
    """Where sections read: the records, those of the folder named last first, and published.yaml.

    Args:
        records: what could be read.
        published: the content of published.yaml.
        unread: folders that hold no readable record, and why.
    """

    records: Sequence[Record]
    published: Mapping[str, Any]
    unread: Sequence[tuple[Path, Exception]] = ()

    @classmethod
    def read(cls, roots: Sequence[Path]) -> Sources:
        """The records below the roots, and the published numbers.

        Raises:
            FileNotFoundError: none of the roots is a folder.
        """
        if not any(root.is_dir() for root in roots):
            names = ", ".join(map(str, roots))
            raise FileNotFoundError(f"found no folder {names}, expected folders of runs")
        records, unread = find_records(roots)
        return cls(records, read_published(), unread)

    @classmethod
    def named(cls, roots: Sequence[Path]) -> Sources:
        """The same of folders that someone named.

        Raises:
            FileNotFoundError: none of them is a folder.
            ValueError: they hold no record.
        """
        sources = cls.read(roots)
        if not sources.records:
            names = ", ".join(map(str, roots))
            why = "".join(f"; {folder}: {reason}" for folder, reason in sources.unread[:3])
            raise ValueError(f"found no record in {names}, expected finished runs{why}")
        return sources

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
    """Makes a section of the function below it, which yields its parts.

    The parts, those of one kind in their order: what was published, as text; tables; figures;
    the records shown. The arguments are those of `Section`.
    """

    def decorate(parts: Callable[[Sources], Parts]) -> Maker:
        @wraps(parts)
        def make(sources: Sources) -> Section:
            found = list(parts(sources))
            text, tables, images, records = (
                tuple(part for part in found if isinstance(part, kind))
                for kind in (str, Table, Image, Record)
            )
            return Section(key, title, "".join(text), commands, tables, images, records, absent)

        return make

    return decorate


def read_published() -> dict[str, Any]:
    """The content of published.yaml."""
    return yaml.safe_load(PUBLISHED.read_text())
