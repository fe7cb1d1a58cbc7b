"""RESULTS.md, and every table and figure as files, from the records of finished runs.

python -m report results [--out FOLDER] [--records FOLDER ...]
python -m report show KEY [FOLDER ...]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from report import (
    fig3,
    fig5,
    guard,
    learning_rate,
    mlp,
    models,
    scores,
    searches,
    speed,
    tenas,
    theory,
    topologies,
    trained,
    wot_correlation,
)
from report.guard import Left
from report.provenance import Environments, provenance_lines
from report.records import find_named, find_records
from report.sections import Image, Section, Sources, read_published
from report.style import save_figure
from report.tables import in_markdown

COMMITTED, RUNS = Path("results"), Path("runs")
FILE = "RESULTS.md"
SECTIONS = (
    fig3.section, mlp.mnist, mlp.cifar10, fig5.section, trained.table1, searches.table2,
    searches.table3, tenas.indicators, tenas.preference, trained.tenas_darts,
    tenas.rounds, theory.section, topologies.section, learning_rate.section,
    topologies.nasbench, wot_correlation.section, scores.section, models.section,
    trained.retrain, mlp.others, speed.section,
)  # fmt: skip
NOT_SHOWN = {  # kind of record -> why it has no section of its own
    "wot_scores": "scores of architectures, which searches and correlations read",
}


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `results` and `show` to `python -m report`."""
    results = commands.add_parser("results", help="RESULTS.md, tables and figures of all records")
    add_sources(results)
    results.set_defaults(run=_results)
    show = commands.add_parser("show", help="print the tables of a figure, table or question")
    show.add_argument("key", metavar="KEY", help="such as table2; all for every one with a run")
    show.add_argument("folders", nargs="*", type=Path, metavar="FOLDER",
                      help="runs to show; all in results and runs by default")  # fmt: skip
    show.add_argument("--out", type=Path, default=RUNS / "report", help="folder of its files")
    show.set_defaults(run=_show)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Adds --records and --out."""
    parser.add_argument("--records", type=Path, nargs="+", default=[COMMITTED], metavar="FOLDER",
                        help="where records lie, such as results runs; "
                        "those of the last folder stand first")  # fmt: skip
    parser.add_argument("--out", type=Path, default=RUNS / "report", help="folder to write to")


def _results(options: argparse.Namespace) -> list[Path]:
    write_results(read_sources(options.records), options.out)
    return [options.out / FILE, options.out / "figures"]


def write_results(sources: Sources, out: Path) -> set[str]:
    """RESULTS.md, figures/ and, but for results/ itself, tables/; the keys of the figures drawn."""
    left, committed = Left(), out == COMMITTED
    sections = all_sections(sources, left)
    figures = write_figures(sections, out / "figures", left, pdf=not committed)
    if not committed:
        for table in (table for section in sections for table in section.tables):
            table.write(out / "tables")
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(results_markdown(sections, out, figures, left))
    return figures


def _show(options: argparse.Namespace) -> list[Path]:
    there = [folder for folder in (COMMITTED, RUNS) if folder.is_dir()]
    left = Left()
    if options.folders:
        find_named(options.folders)
    sections = all_sections(read_sources(options.folders or there or [COMMITTED]), left)
    keys = [section.key for section in sections]
    if options.key not in (*keys, "all"):
        raise ValueError(f"found KEY {options.key!r}, expected all, {', '.join(keys)}")
    chosen = [s for s in sections if s.key == options.key or (options.key == "all" and s.records)]
    tables = [table for section in chosen for table in section.tables]
    for section in chosen:
        if section.status:
            print(f"{section.title}: {section.status}")
    for table in tables:
        print(table.shown())
    figures = write_figures(chosen, options.out / "figures", left)
    for line in guard.as_lines(left) if options.folders else ():
        print(f"Not shown: {line}")
    files = [file for table in tables for file in table.write(options.out / "tables")]
    return [*files, *(options.out / "figures" / f"{key}.png" for key in sorted(figures))]


def read_sources(roots: Sequence[Path]) -> Sources:
    """The records below the roots, and the published numbers.

    Raises:
        FileNotFoundError: none of the roots is a folder.
    """
    if not any(root.is_dir() for root in roots):
        names = ", ".join(str(root) for root in roots)
        raise FileNotFoundError(f"found no folder {names}, expected folders of runs")
    records, unread = find_records(roots)
    return Sources(records, read_published(), unread)


def all_sections(sources: Sources, left: Left) -> list[Section]:
    """Every figure, table and question; what they do not show is told to `left`."""
    sections = [guard.section(maker, sources, left) for maker in SECTIONS]
    guard.note_unseen(sources, sections, NOT_SHOWN, left)
    return sections


def write_figures(
    sections: Sequence[Section], folder: Path, left: Left, pdf: bool = True
) -> set[str]:
    """KEY.png, and KEY.pdf, of each figure that can be drawn; their keys."""
    kinds = ("png", "pdf") if pdf else ("png",)

    def save(image: Image) -> list[Path]:
        return save_figure(image.draw(), folder / image.key, kinds)

    images = [image for section in sections for image in section.images]
    return {image.key for image in images if guard.drawn(image, save, left)}


def results_markdown(sections: Sequence[Section], base: Path, figures: set[str], left: Left) -> str:
    """RESULTS.md as a file of the folder `base`, which holds figures/."""
    lines = [
        "# Results",
        "",
        "Written by `python -m report results` from the records of runs that were made; nothing "
        "is typed in. Published numbers stand in `report/published.yaml` with their sources. "
        "n is the number of seeds, searches, cells or networks behind a number; mean (std). "
        "Letters name the environments at the end.",
        "",
        *(f"- [{s.title}](#{anchor(s.title)}): {s.word}" for s in sections),
    ]
    environments = Environments()
    for section in sections:
        lines += ["", *_section_lines(section, base, figures, environments)]
    lines += ["", "## Environments", "", *environments.lines()]
    if left.reasons:
        shown = [f"- {in_markdown(line)}" for line in guard.as_lines(left)]
        lines += ["", "## Not shown", "", *shown]
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    """The anchor that Markdown readers give a heading."""
    kept = (c for c in title.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")


def _section_lines(
    section: Section, base: Path, figures: set[str], environments: Environments
) -> list[str]:
    lines = [f"## {section.title}", ""]
    if section.published:
        lines += [f"Published: {section.published}.", ""]
    if section.status:
        lines += [f"Measured here: {section.status}.", ""]
    for image in section.images:
        caption = in_markdown(image.caption)
        lines += [f"![{caption}](figures/{image.key}.png)", ""] if image.key in figures else []
    for table in section.tables:
        lines += [table.shown()]
    lines.append("Run it: " + "; ".join(f"`{command}`" for command in section.commands))
    lines += ["", *provenance_lines(section, base, environments)] if section.records else []
    return lines
