"""TE-NAS: cells of the DARTS space, trained, and how they were found."""

from collections.abc import Iterable, Iterator

from report.genotypes import COLUMNS, IMAGENET, NOTE, beside, trained_genotypes
from report.records import Record
from report.sections import NEEDS_IMAGENET, Parts, Sources, headed
from report.tables import Cell, Number, Table, general
from spaces.published import BOXES

# Row of published.yaml -> the images of training and search.
_IMAGES = {
    "CIFAR-10": ("cifar10", "cifar10"),
    "ImageNet, searched on CIFAR-10": (IMAGENET, "cifar10"),
    "ImageNet, searched on ImageNet": (IMAGENET, IMAGENET),
}
_SEARCHES = ("images", "filter", "seed", "evaluations", "exempt", "process seconds",
             "depth, normal", "width, normal", "depth, reduction", "width, reduction",
             "in WOT's box", "in the published box")  # fmt: skip


@headed(
    "tenas_darts",
    "TE-NAS: cells of the DARTS space",
    "bash scripts/tenas_darts.sh cifar10",
    "bash scripts/table1.sh cifar10 GENOTYPE",
)
def section(sources: Sources) -> Parts:
    """Trainings of cells that TE-NAS found, and the searches that found some."""
    yield sources.cite("tenas", "Test errors of the cells found")
    searches = [run for run in sources.of_kind("tenas") if run.space == "darts"]
    yield from searches
    rest = [t for t in trained_genotypes(sources.records) if t.of_tenas]
    yield from (run for t in rest for run in t.runs)
    rows = []
    for name, row in sources.published["tenas"]["darts"].items():
        images, searched_on = _IMAGES[name]
        own = [t for t in rest if t.images == images and t.searched_on in (searched_on, "")]
        rest = [t for t in rest if t not in own]
        word = NEEDS_IMAGENET if images == IMAGENET else "not trained here"
        rows += beside("TE-NAS", name, row, own, word)
    rows += [t.row() for t in rest]
    yield Table("tenas_darts", "TE-NAS' cells of the DARTS space", COLUMNS, tuple(rows), NOTE)
    if searches:
        found = tuple(_searches(searches))
        yield Table("tenas_darts_searches", "Searches made here", _SEARCHES, found)


def _searches(runs: Iterable[Record]) -> Iterator[tuple[Cell, ...]]:
    for run in runs:
        for search in run.result["searches"]:
            shapes = [Number(value) for shape in search["shapes"] for value in shape]
            seconds = general(search["ntk_seconds"] + search["regions_seconds"])
            counts = search["seed"], search["evaluations"], search["exempt"]
            fixed = [bool(BOXES["darts"].keeps(*shape)) for shape in search["shapes"]]
            boxes = (_yes_or_no(search["in_box"]), _yes_or_no(fixed))
            yield (run.dataset, run.result["filter"], *counts, seconds, *shapes, *boxes)


def _yes_or_no(cells: Iterable[bool]) -> str:
    """Of the normal and the reduction cell."""
    return ", ".join("yes" if inside else "no" for inside in cells)
