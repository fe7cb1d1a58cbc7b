"""Cells trained from scratch: Table 1, TE-NAS' cells of the DARTS space, and single trainings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from report.records import Record, by_n
from report.sections import NEEDS_IMAGENET, Parts, Sources, headed
from report.tables import ABSENT, Cell, Number, Table, general, mean_std
from spaces.published import BOXES

IMAGENET = "imagenet-1k"
_COLUMNS = ("cell found by", "trained on", "top-1 error (%)", "top-5 error (%)",
            "parameters (M)", "GPU days of the search", "n")  # fmt: skip
_NOTE = (
    "Here: runs of this project, below the published row of their kind; n trainings, the standard "
    "deviation over them. A run whose images or epochs are not the published ones is a trial."
)
_WOT_SEARCHES = {
    "method": "result.method", "images": "dataset", "network": "network",
    "fraction": "result.fraction:g", "highest score": "result.best?.score?:.2f",
    "seconds": "result.seconds_per_repeat.total:.3g",
    "evaluations saved": "result.evaluations_saved:%", "n": "result.n",
}  # fmt: skip
_IMAGES = {  # row of published.yaml -> the images of training and search
    "CIFAR-10": ("cifar10", "cifar10"),
    "ImageNet, searched on CIFAR-10": (IMAGENET, "cifar10"),
    "ImageNet, searched on ImageNet": (IMAGENET, IMAGENET),
}
_TENAS_SEARCHES = {
    "images": "run.dataset", "filter": "run.result.filter", "seed": "seed",
    "evaluations": "evaluations", "exempt": "exempt",
    "process seconds": lambda row: general(row["ntk_seconds"] + row["regions_seconds"]),
    "depth, normal": "shapes.0.0:.2f", "width, normal": "shapes.0.1:.2f",
    "depth, reduction": "shapes.1.0:.2f", "width, reduction": "shapes.1.1:.2f",
    "in WOT's box": lambda row: _yes_or_no(row["in_box"]),
    "in the published box":
        lambda row: _yes_or_no(BOXES["darts"].keeps(*shape) for shape in row["shapes"]),
}  # fmt: skip
_TRAININGS = {
    "record": "name", "images": "dataset", "epochs": "result.epochs",
    "top-1 error (%)": "result.test.top1_error?:.2f",
    "top-5 error (%)": "result.test.top5_error?:.2f", "parameters": "result.parameters?",
    "hours": lambda run: general(run.result["seconds"] / 3600), "seed": "result.seed",
    "n": lambda run: 1,
}  # fmt: skip
_FINALISTS = {"place by score": "place", "validation accuracy (%)": "validation_top1:.2f",
              "test error (%)": "test_error:.2f", "architecture": "arch"}  # fmt: skip


@headed(
    "table1",
    "Table 1: DARTS space on ImageNet",
    "bash scripts/tenas_darts.sh imagenet-1k",
    "bash scripts/table1.sh imagenet-1k GENOTYPE",
    absent=NEEDS_IMAGENET,
)
def table1(sources: Sources) -> Parts:
    """Trainings on ImageNet below the published row of their method; WOT's searches."""
    yield sources.cite("paper", "Test error after 250 epochs; searches on a GTX 1080Ti")
    rest = [t for t in _trained(sources) if t.images == IMAGENET]
    yield from (run for t in rest for run in t.runs)
    rows = []
    for name, row in sources.published["table1"].items():
        own = [t for t in rest if t.method == name.removeprefix("NAS-")]
        rest = [t for t in rest if t not in own]
        rows += _beside(name, "ImageNet, 250 epochs", row, own, NEEDS_IMAGENET)
    rows += [t.row() for t in rest]
    yield Table("table1", "Cells of the DARTS space on ImageNet", _COLUMNS, tuple(rows), _NOTE)
    if searches := by_n(run for run in sources.of_kind("wot") if run.space == "darts"):
        caption = "WOT's searches of the DARTS space"
        yield Table.of("table1_searches", caption, searches, _WOT_SEARCHES)
        yield from searches


@headed(
    "tenas_darts",
    "TE-NAS: cells of the DARTS space",
    "bash scripts/tenas_darts.sh cifar10",
    "bash scripts/table1.sh cifar10 GENOTYPE",
)
def tenas_darts(sources: Sources) -> Parts:
    """Trainings of cells that TE-NAS found, and the searches that found some."""
    yield sources.cite("tenas", "Test errors of the cells found")
    searches = [run for run in sources.of_kind("tenas") if run.space == "darts"]
    yield from searches
    rest = [t for t in _trained(sources) if t.method.startswith("TE-NAS")]
    yield from (run for t in rest for run in t.runs)
    rows = []
    for name, row in sources.published["tenas"]["darts"].items():
        images, searched_on = _IMAGES[name]
        own = [t for t in rest if t.images == images and t.searched_on in (searched_on, "")]
        rest = [t for t in rest if t not in own]
        word = NEEDS_IMAGENET if images == IMAGENET else "not trained here"
        rows += _beside("TE-NAS", name, row, own, word)
    rows += [t.row() for t in rest]
    yield Table("tenas_darts", "TE-NAS' cells of the DARTS space", _COLUMNS, tuple(rows), _NOTE)
    if found := [{"run": run, **search} for run in searches for search in run.result["searches"]]:
        yield Table.of("tenas_darts_searches", "Searches made here", found, _TENAS_SEARCHES)


def _yes_or_no(cells: Iterable[bool]) -> str:
    """Of the normal and the reduction cell."""
    return ", ".join("yes" if inside else "no" for inside in cells)


@headed(
    "retrain",
    "Chosen cells, trained from scratch",
    "python -m retrain --config configs/retrain/NAME.yaml --genotype CHOICE",
)
def retrain(sources: Sources) -> Parts:
    """A row for each training; the finalists of each search by queries."""
    if runs := sources.of_kind("retrain"):
        yield Table.of("retrain", "Test errors of single trainings", runs, _TRAININGS)
        yield from runs
    for run in sources.of_kind("queries"):
        result = run.result
        finalists = [{"place": i, **row} for i, row in enumerate(result["finalists"], start=1)]
        caption = f"{run.name}: finalists of {result['method']}, trained on {run.dataset}"
        note = (
            f"After {result['epochs']} epochs each; that of place {result['chosen']} by score has "
            "the highest validation accuracy, and is chosen."
        )
        yield Table.of(f"{run.key}_finalists", caption, finalists, _FINALISTS, note)
        yield run


@dataclass(frozen=True)
class Trained:
    """Trainings of one genotype that differ by nothing but the seed.

    Args:
        runs: one record for each training.
        searched_on: images of the search; empty if its record is not there.
    """

    runs: Sequence[Record]
    searched_on: str

    @property
    def method(self) -> str:
        """What found it, as Table 1 names it; empty if unknown."""
        return self.runs[0].result["method"]

    @property
    def images(self) -> str:
        """Images of the training."""
        return self.runs[0].dataset

    def row(self) -> tuple[Cell, ...]:
        """Its row of a table."""
        run = self.runs[0]
        where = f", searched on {self.searched_on}" if self.searched_on else ""
        epochs = f"{run.result['epochs']} epoch{'s' * (run.result['epochs'] > 1)}"
        return (
            f"{self.method or 'a genotype'}, here{where}",
            ", ".join(filter(None, [self.images, epochs, run.network])),
            *(_errors(self.runs, key) for key in ("top1_error", "top5_error")),
            general(fmean(run.result["parameters"] for run in self.runs) / 1e6),
            ABSENT,
            len(self.runs),
        )


def _trained(sources: Sources) -> list[Trained]:
    """Trainings of DARTS genotypes, the seeds of one kind together; the most seeds first."""
    found: dict[str, list[Record]] = {}
    searched_on: dict[str, str] = {}  # genotype -> images of the first search that found it
    for search in sources.of_kind("tenas"):
        for entry in search.result["searches"]:
            searched_on.setdefault(str(entry.get("genotype")), search.dataset)
    for run in sources.of_kind("retrain"):
        if run.space == "darts":
            made = [run.result[key] for key in ("method", "genotype", "epochs")]
            found.setdefault(f"{run.alike('seed')}{made}", []).append(run)
    trained = [
        Trained(runs, searched_on.get(str(runs[0].result["genotype"]), ""))
        for runs in found.values()
    ]
    return sorted(trained, key=lambda t: -len(t.runs))


def _beside(
    method: str, what: str, published: Mapping, own: Sequence[Trained], word: str
) -> list[tuple[Cell, ...]]:
    """A published row, and below it those measured here, or a word why there are none."""
    errors = mean_std(published["top1"], "g"), mean_std(published.get("top5"), "g")
    cost = Number(published["params_m"], spec="g"), Number(published["gpu_days"], spec="g")
    missing = (f"{method}, here", word, *[ABSENT] * 5)
    here = [t.row() for t in own] or [missing]
    return [(f"{method}, published", what, *errors, *cost, ABSENT), *here]


def _errors(runs: Sequence[Record], key: str) -> Cell:
    """Mean and deviation; empty where it was not measured (fewer than six classes)."""
    values = [run.result["test"].get(key) for run in runs]
    if None in values:
        return ABSENT
    return Number(fmean(values), stdev(values) if len(values) > 1 else None)
