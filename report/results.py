"""RESULTS.md, and every table and figure as files, from the records of finished runs."""

from collections.abc import Sequence
from functools import partial
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
from report.sections import NEEDS_IMAGENET, Image, Section, Sources, headed
from report.style import save_figure
from report.tables import in_markdown

COMMITTED = Path("results")
FILE = "RESULTS.md"
SECTIONS = (
    headed("fig3", "Fig. 3: the three DAGs", "bash scripts/fig3.sh", absent="")(fig3.section),
    headed("fig4_mnist", "Fig. 4: convergence on MNIST", "bash scripts/fig4.sh mnist")(
        partial(mlp.fig4, dataset="mnist")),
    headed("fig4_cifar10", "Fig. 4: convergence on CIFAR-10", "bash scripts/fig4.sh cifar10")(
        partial(mlp.fig4, dataset="cifar10")),
    headed("fig5", "Fig. 5: accuracy over effective depth and width",
           "bash scripts/fig5.sh nasbench201")(fig5.section),
    headed("table1", "Table 1: DARTS space on ImageNet", "bash scripts/tenas_darts.sh imagenet-1k",
           "bash scripts/table1.sh imagenet-1k GENOTYPE", absent=NEEDS_IMAGENET)(trained.table1),
    headed("table2", "Table 2: searches on NAS-Bench-201", "bash scripts/table2.sh cifar10",
           "python -m tenas_dag --config configs/tenas/nasbench201.yaml")(searches.table2),
    headed("table3", "Table 3: how much of the box to keep", "bash scripts/table3.sh cifar10")(
        searches.table3),
    headed("tenas_indicators", "TE-NAS: do kappa and regions predict accuracy?",
           "bash scripts/tenas_indicators.sh cifar10")(tenas.indicators),
    headed("tenas_preference", "TE-NAS: which operators survive",
           "bash scripts/tenas_indicators.sh")(tenas.preference),
    headed("tenas_darts", "TE-NAS: cells of the DARTS space", "bash scripts/tenas_darts.sh cifar10",
           "bash scripts/table1.sh cifar10 GENOTYPE")(trained.tenas_darts),
    headed("tenas_rounds", "TE-NAS: what is left by round",
           "python -m tenas_dag --config configs/tenas/NAME.yaml")(tenas.rounds),
    headed("theory", "Exact kernels: what they say, and whether training follows",
           "bash scripts/theory.sh digits")(theory.section),
    headed("topologies", "Every topology of three layers", "bash scripts/topologies.sh digits")(
        topologies.section),
    headed("learning_rate", "The learning rate that belongs to a DAG",
           "bash scripts/learning_rate.sh digits")(learning_rate.section),
    headed("nasbench_topologies", "Kernels of NAS-Bench-201's topologies",
           "python -m wot_dag.topologies --dataset FILE.npz")(topologies.nasbench),
    headed("wot_correlation", "WOT: does the score predict accuracy?",
           "python -m wot_dag.correlate --config configs/wot/nasbench201.yaml")(
        wot_correlation.section),
    scores.section,
    headed("models", "Depth and width of torchvision's classifiers", "bash scripts/models.sh")(
        models.section),
    headed("retrain", "Chosen cells, trained from scratch",
           "python -m retrain --config configs/retrain/NAME.yaml --genotype CHOICE")(
        trained.retrain),
    headed("mlp", "Other DAGs, other images", "bash scripts/fig4.sh digits",
           "bash scripts/fig4.sh configs/mlp/my_dag.yaml")(mlp.others),
    headed("speed", "Speed against a plain implementation", "bash scripts/benchmark.sh")(
        speed.section),
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
