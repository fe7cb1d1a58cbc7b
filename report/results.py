"""RESULTS.md, and every table and figure as files, from the records of finished runs.

python -m report results [--out FOLDER] [--records FOLDER ...]
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from report.beyond import beyond_sections
from report.paper import paper_sections
from report.records import find_records
from report.sections import Image, Section, Sources, provenance, read_published
from report.style import save_figure
from report.tenas_paper import tenas_sections

COMMITTED = Path("results")
FILE = "RESULTS.md"


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `results` to `python -m report`."""
    results = commands.add_parser("results", help="RESULTS.md, tables and figures of all records")
    add_sources(results)
    results.add_argument("--markdown-only", action="store_true", help="no tables and figures")
    results.set_defaults(run=_results)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Adds --records and --out."""
    parser.add_argument("--records", type=Path, nargs="+", default=[COMMITTED], metavar="FOLDER",
                        help="where records lie, such as results runs; "
                        "of two of one kind the table shows that of the last folder")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/report"), help="folder to write to")


def _results(options: argparse.Namespace) -> list[Path]:
    sections = all_sections(read_sources(options.records))
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.markdown_only:
        write_files(sections, options.out)
    more = [] if options.markdown_only else [options.out / "tables", options.out / "figures"]
    file = options.out / FILE
    file.write_text(results_markdown(sections, options.out))
    return [file, *more]


def read_sources(roots: Sequence[Path]) -> Sources:
    """The records below the roots, and the published numbers.

    Raises:
        FileNotFoundError: none of the roots is a folder.
        ValueError: a result.json cannot be read.
    """
    if not any(root.is_dir() for root in roots):
        names = ", ".join(str(root) for root in roots)
        raise FileNotFoundError(f"--records: found no folder {names}, expected folders of runs")
    return Sources(tuple(reversed(roots)), find_records(roots), read_published())


def all_sections(sources: Sources) -> list[Section]:
    """Every figure, table and question, the papers' first."""
    return [*paper_sections(sources), *tenas_sections(sources), *beyond_sections(sources)]


def write_files(sections: Sequence[Section], out: Path) -> list[Path]:
    """tables/KEY.csv, .md, .tex and figures/KEY.png, .pdf."""
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    tables = [f for s in sections for t in s.tables for f in t.write(out / "tables")]
    figures = [f for s in sections for image in s.images for f in save_image(image, folder)]
    return [*tables, *figures]


def save_image(image: Image, folder: Path) -> list[Path]:
    """Copies the PNG and PDF that a run left, or draws the image."""
    suffixes = (".png", ".pdf") if image.file else ()
    there = [f for suffix in suffixes if (f := image.file.with_suffix(suffix)).is_file()]
    if len(there) < 2 and image.draw is not None:
        return save_figure(image.draw(), folder / image.key)
    return [Path(shutil.copyfile(f, folder / f"{image.key}{f.suffix}")) for f in there]


def results_markdown(sections: Sequence[Section], base: Path) -> str:
    """RESULTS.md as a file of the folder `base`."""
    lines = [
        "# Results",
        "",
        "Written by `python -m report results` from the records of runs that were made; nothing "
        "is typed in. Published numbers stand in `report/published.yaml` with their sources. "
        "n is the number of seeds, searches, cells or networks behind a number; mean (std).",
        "",
        *(f"- [{s.title}](#{anchor(s.title)}): {s.word}" for s in sections),
    ]
    for section in sections:
        lines += ["", *_section_lines(section, base)]
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    """The anchor that Markdown readers give a heading."""
    kept = (c for c in title.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def _section_lines(section: Section, base: Path) -> list[str]:
    lines = [f"## {section.title}", ""]
    if section.published:
        lines += [f"Published: {section.published}.", ""]
    if section.status:
        lines += [f"Measured here: {section.status}.", ""]
    for image in section.images:
        link = image_link(image, base)
        lines += [f"![{image.caption}]({link})", ""] if link else []
    for table in section.tables:
        lines += [f"{table.caption}.", "", table.markdown()]
        lines += [table.note, ""] if table.note else []
    lines.append("Run it: " + "; ".join(f"`{command}`" for command in section.commands))
    lines += [""] if section.records or section.environments else []
    return [*lines, *provenance_lines(section, base)]


def image_link(image: Image, base: Path) -> str:
    """Path of the picture as seen from `base`, if it lies below: a run's, or the one drawn."""
    files = (image.file, base / "figures" / f"{image.key}.png")
    there = (f for f in files if f and f.is_relative_to(base) and f.is_file())
    return next((file.relative_to(base).as_posix() for file in there), "")


def provenance_lines(section: Section, base: Path) -> list[str]:
    """A line for each run: record, date, hardware, versions, commit, command."""
    lines = []
    for record in section.records:
        link = record.link(base)
        name = f"[{record.name}]({link})" if link else f"`{record.name}`"
        lines.append(f"- {name}: {provenance(record.environment)}")
    for name, environment in section.environments.items():
        lines.append(f"- {name}: {provenance(environment)}")
    return lines
