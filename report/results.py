"""RESULTS.md, and every table and figure as files, from the records of finished runs."""

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
from report.provenance import Environments
from report.sections import Image, Section, Sources
from report.style import save_figure
from report.tables import in_markdown

COMMITTED = Path("results")
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


def all_sections(sources: Sources, left: Left) -> list[Section]:
    """Every figure, table and question; what they do not show is told to `left`."""
    sections = [guard.section(maker, sources, left) for maker in SECTIONS]
    guard.note_unseen(sources, sections, NOT_SHOWN, left)
    return sections


def write_results(sources: Sources, out: Path) -> set[str]:
    """RESULTS.md, figures/ and, but for results/ itself, tables/; the keys of the figures drawn."""
    left, committed = Left(), out == COMMITTED
    sections = all_sections(sources, left)
    figures = write_figures(sections, out / "figures", left, pdf=not committed)
    for table in (t for section in sections for t in section.tables if not committed):
        table.write(out / "tables")
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE).write_text(results_markdown(sections, out, figures, left))
    return figures


def show(sources: Sources, key: str, out: Path) -> tuple[list[Path], Left]:
    """Prints a section's tables, or those of all that have a run; its files in `out`.

    Raises:
        ValueError: no section has this key.
    """
    left = Left()
    sections = all_sections(sources, left)
    keys = [section.key for section in sections]
    if key not in (*keys, "all"):
        raise ValueError(f"found KEY {key!r}, expected all, {', '.join(keys)}")
    chosen = [s for s in sections if s.key == key or (key == "all" and s.records)]
    tables = [table for section in chosen for table in section.tables]
    for section in chosen:
        if section.status:
            print(f"{section.title}: {section.status}")
    for table in tables:
        print(table.shown())
    figures = write_figures(chosen, out / "figures", left)
    files = [file for table in tables for file in table.write(out / "tables")]
    return [*files, *(out / "figures" / f"{key}.png" for key in sorted(figures))], left


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
        lines += ["", f"## {section.title}", ""]
        if section.published:
            lines += [f"Published: {section.published}.", ""]
        if section.status:
            lines += [f"Measured here: {section.status}.", ""]
        for image in section.images:
            if image.key in figures:
                lines += [f"![{in_markdown(image.caption)}](figures/{image.key}.png)", ""]
        lines += [table.shown() for table in section.tables]
        lines.append("Run it: " + "; ".join(f"`{command}`" for command in section.commands))
        runs = environments.runs(section.records, base)
        lines += ["", *runs] if runs else []
    lines += ["", "## Environments", "", *environments.lines()]
    if left.reasons:
        lines += ["", "## Not shown", "", *(f"- {in_markdown(line)}" for line in left.lines())]
    return "\n".join(lines) + "\n"


def anchor(title: str) -> str:
    """The anchor that Markdown readers give a heading."""
    kept = (c for c in title.lower() if c.isalnum() or c in " -_")
    return "".join(kept).replace(" ", "-")
