"""What RESULTS.md and report.html say of one figure, table or question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from matplotlib.figure import Figure

from report.records import Record
from report.tables import Table

PUBLISHED = Path(__file__).with_name("published.yaml")
NOT_RUN = "not run yet"
DATASETS = ("cifar10", "cifar100", "ImageNet16-120")  # of NAS-Bench-201


@dataclass(frozen=True)
class Image:
    """A figure: the file that a run left, or drawn by `draw` where there is none."""

    key: str
    caption: str
    draw: Callable[[], Figure] | None = None
    file: Path | None = None  # .png; a .pdf may lie beside it


@dataclass(frozen=True)
class Section:
    """One figure or table, published beside measured.

    Args:
        key: of its tables and its place on the page.
        title: such as "Table 2: searches on NAS-Bench-201".
        published: what was published and where, one paragraph; empty for what is new here.
        commands: what runs it.
        status: why nothing is measured here, in a few words; empty if something is.
        tables: its tables.
        images: its figures.
        records: the runs that it shows.
        environments: of numbers that are no run's: name -> environment.
    """

    key: str
    title: str
    published: str
    commands: tuple[str, ...]
    status: str = ""
    tables: tuple[Table, ...] = ()
    images: tuple[Image, ...] = ()
    records: tuple[Record, ...] = ()
    environments: Mapping[str, Mapping] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The status; "measured", or "measured in part".

        In part: a row says why it is empty, or a run saw a part of its data set.
        """
        cells = (cell for table in self.tables for row in table.rows for cell in row)
        missing = any(isinstance(c, str) and c.startswith((NOT_RUN, "needs ")) for c in cells)
        missing |= any(run.dataset != run.whole_dataset for run in self.records)
        return self.status or ("measured in part" if missing else "measured")


@dataclass(frozen=True)
class Sources:
    """Where sections read: the records, the folders they lie in, and published.yaml.

    Of several records of one kind a table with one row for it shows the first: both the folders
    and the records begin with those named last, so that what was run here comes before results/.
    """

    roots: tuple[Path, ...]
    records: Sequence[Record]
    published: Mapping[str, Any]

    def cite(self, which: str, claim: str) -> str:
        """A claim with its source."""
        return f"{claim} ({self.published['sources'][which]})"


def run_image(run: Record, name: str, caption: str, draw: Callable[[], Figure]) -> Image:
    """The figure NAME.png of a run's folder."""
    file = run.folder / f"{name}.png"
    return Image(f"{run.key}_{name}", caption, draw, file if file.is_file() else None)


def read_published() -> dict[str, Any]:
    """The content of published.yaml."""
    return yaml.safe_load(PUBLISHED.read_text())


def provenance(environment: Mapping) -> str:
    """Date, hardware, versions, commit and command of a run, on one line."""
    if not environment:
        return "no environment was recorded"
    versions = ", ".join(f"{k} {v}" for k, v in environment.get("versions", {}).items())
    device = environment.get("device", "")
    cpu = f"{environment.get('cpu', '')}, {environment.get('cores', '?')} cores"
    hardware = cpu if device in ("cpu", "auto", "") else f"{device}; {cpu}"
    parts = [
        str(environment.get("date", "no date")),
        hardware,
        f"Python {environment.get('python', '?')}, {versions}",
        f"commit {environment.get('commit', '?')}",
        f"`{environment.get('command', '?')}`",
    ]
    return "; ".join(parts)
