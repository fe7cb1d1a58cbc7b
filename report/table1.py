"""Table 1: cells of the DARTS space on ImageNet; and WOT's searches of that space."""

from __future__ import annotations

from report.genotypes import COLUMNS, IMAGENET, NOTE, beside, trained_genotypes
from report.records import Record, by_n
from report.sections import NEEDS_IMAGENET, Section, Sources
from report.tables import ABSENT, Cell, Number, Table, general, percent

_SEARCHES = ("method", "images", "network", "fraction", "highest score", "seconds",
             "evaluations saved", "n")  # fmt: skip


def section(sources: Sources) -> Section:
    """Trainings on ImageNet below the published row of their method."""
    rest = [t for t in trained_genotypes(sources.records) if t.images == IMAGENET]
    trained = tuple(run for t in rest for run in t.runs)
    searches = by_n(run for run in sources.of_kind("wot") if run.space == "darts")
    rows = []
    for name, row in sources.published["table1"].items():
        own = [t for t in rest if t.method == name.removeprefix("NAS-")]
        rest = [t for t in rest if t not in own]
        rows += beside(name, "ImageNet, 250 epochs", row, own, NEEDS_IMAGENET)
    rows += [t.row() for t in rest]
    tables = [Table("table1", "Cells of the DARTS space on ImageNet", COLUMNS, tuple(rows), NOTE)]
    if searches:
        found = tuple(_search(run) for run in searches)
        caption = "WOT's searches of the DARTS space"
        tables.append(Table("table1_searches", caption, _SEARCHES, found))
    return Section(
        "table1",
        "Table 1: DARTS space on ImageNet",
        sources.cite("paper", "Test error after 250 epochs; searches on a GTX 1080Ti"),
        ("bash scripts/tenas_darts.sh imagenet-1k", "bash scripts/table1.sh imagenet-1k GENOTYPE"),
        tables=tuple(tables),
        records=(*trained, *searches),
        absent=NEEDS_IMAGENET,
    )


def _search(run: Record) -> tuple[Cell, ...]:
    result = run.result
    fraction = ABSENT if result["fraction"] is None else Number(result["fraction"], spec="g")
    score = Number(result["best"]["score"]) if "best" in result else ABSENT
    seconds = general(result["seconds_per_repeat"]["total"])
    saved = percent(result["evaluations_saved"])
    where = run.dataset, run.network
    return (result["method"], *where, fraction, score, seconds, saved, result["n"])
