"""Table 1: cells of the DARTS space on ImageNet; and WOT's searches of that space."""

from report.genotypes import COLUMNS, IMAGENET, NOTE, beside, trained_genotypes
from report.records import Record, by_n
from report.sections import NEEDS_IMAGENET, Parts, Sources, headed
from report.tables import ABSENT, Cell, Number, Table, general, percent

_SEARCHES = ("method", "images", "network", "fraction", "highest score", "seconds",
             "evaluations saved", "n")  # fmt: skip


@headed(
    "table1",
    "Table 1: DARTS space on ImageNet",
    "bash scripts/tenas_darts.sh imagenet-1k",
    "bash scripts/table1.sh imagenet-1k GENOTYPE",
    absent=NEEDS_IMAGENET,
)
def section(sources: Sources) -> Parts:
    """Trainings on ImageNet below the published row of their method."""
    yield sources.cite("paper", "Test error after 250 epochs; searches on a GTX 1080Ti")
    rest = [t for t in trained_genotypes(sources.records) if t.images == IMAGENET]
    yield from (run for t in rest for run in t.runs)
    rows = []
    for name, row in sources.published["table1"].items():
        own = [t for t in rest if t.method == name.removeprefix("NAS-")]
        rest = [t for t in rest if t not in own]
        rows += beside(name, "ImageNet, 250 epochs", row, own, NEEDS_IMAGENET)
    rows += [t.row() for t in rest]
    yield Table("table1", "Cells of the DARTS space on ImageNet", COLUMNS, tuple(rows), NOTE)
    searches = by_n(run for run in sources.of_kind("wot") if run.space == "darts")
    yield from searches
    if searches:
        rows = tuple(map(_search, searches))
        yield Table("table1_searches", "WOT's searches of the DARTS space", _SEARCHES, rows)


def _search(run: Record) -> tuple[Cell, ...]:
    result = run.result
    fraction = ABSENT if result["fraction"] is None else Number(result["fraction"], spec="g")
    score = Number(result["best"]["score"]) if "best" in result else ABSENT
    seconds = general(result["seconds_per_repeat"]["total"])
    saved = percent(result["evaluations_saved"])
    where = run.dataset, run.network
    return (result["method"], *where, fraction, score, seconds, saved, result["n"])
