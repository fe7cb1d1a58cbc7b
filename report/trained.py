"""Cells trained from scratch: Table 1, TE-NAS' cells of the DARTS space, and single trainings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from report.records import Record, by_n
from report.sections import NEEDS_IMAGENET, Parts, Sources
from report.tables import ABSENT, Cell, Number, Table, general, mean_std, number
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


def table1(sources: Sources) -> Parts:
    """Trainings on ImageNet below the published row of their method; WOT's searches."""
    yield sources.cite("paper", "Test error after 250 epochs; searches on a GTX 1080Ti")
    found = [t for t in _trained(sources) if t.images == IMAGENET]
    yield from (run for t in found for run in t.runs)
    wanted = [
        (name, "ImageNet, 250 epochs", row, NEEDS_IMAGENET,
         [t for t in found if t.method == name.removeprefix("NAS-")])
        for name, row in sources.published["table1"].items()
    ]  # fmt: skip
    yield _beside("table1", "Cells of the DARTS space on ImageNet", wanted, found)
    if searches := by_n(run for run in sources.of_kind("wot") if run.space == "darts"):
        caption = "WOT's searches of the DARTS space"
        yield Table.of("table1_searches", caption, searches, _WOT_SEARCHES)
        yield from searches


def tenas_darts(sources: Sources) -> Parts:
    """Trainings of cells that TE-NAS found, and the searches that found some."""
    yield sources.cite("tenas", "Test errors of the cells found")
    searches = [run for run in sources.of_kind("tenas") if run.space == "darts"]
    yield from searches
    found = [t for t in _trained(sources) if t.method.startswith("TE-NAS")]
    yield from (run for t in found for run in t.runs)
    wanted = []
    for name, row in sources.published["tenas"]["darts"].items():
        images, searched_on = _IMAGES[name]
        own = [t for t in found if t.images == images and t.searched_on in (searched_on, "")]
        word = NEEDS_IMAGENET if images == IMAGENET else "not trained here"
        wanted.append(("TE-NAS", name, row, word, own))
    yield _beside("tenas_darts", "TE-NAS' cells of the DARTS space", wanted, found)
    if rows := [{"run": run, **search} for run in searches for search in run.result["searches"]]:
        yield Table.of("tenas_darts_searches", "Searches made here", rows, _TENAS_SEARCHES)


def _yes_or_no(cells: Iterable[bool]) -> str:
    """Of the normal and the reduction cell."""
    return ", ".join("yes" if inside else "no" for inside in cells)


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


class _Trained(NamedTuple):
    """Trainings of one genotype that differ by nothing but the seed."""

    method: str  # what found it, as Table 1 names it; empty if unknown
    images: str
    searched_on: str  # images of the searches that found it; empty if no record is there
    runs: Sequence[Record]

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


def _trained(sources: Sources) -> list[_Trained]:
    """Trainings of DARTS genotypes, the seeds of one kind together; the most seeds first."""
    searched_on = defaultdict(set)  # genotype -> images of all searches that found it
    for search in sources.of_kind("tenas"):
        for entry in search.result["searches"]:
            searched_on[str(entry.get("genotype"))].add(search.dataset)
    alike: dict[str, list[Record]] = {}
    for run in sources.of_kind("retrain"):
        if run.space == "darts":
            made = [run.result[key] for key in ("method", "genotype", "epochs")]
            alike.setdefault(f"{run.alike('seed')}{made}", []).append(run)
    found = []
    for runs in sorted(alike.values(), key=len, reverse=True):
        result = runs[0].result
        images = ", ".join(sorted(searched_on[str(result["genotype"])]))
        found.append(_Trained(result["method"], runs[0].dataset, images, runs))
    return found


def _beside(name: str, caption: str, wanted: Iterable[tuple], found: Iterable[_Trained]) -> Table:
    """Published rows, each with those measured here or a word why there are none; then others.

    Wanted: method, images, numbers, the word, and what was found; a finding counts once.
    """
    rows, rest = [], list(found)
    for method, what, published, word, own in wanted:
        here = [t for t in own if t in rest]
        rest = [t for t in rest if t not in here]
        errors = (mean_std(published.get(key), "g") for key in ("top1", "top5"))
        cost = (number(published[key], "g") for key in ("params_m", "gpu_days"))
        rows.append((f"{method}, published", what, *errors, *cost, ABSENT))
        rows += [t.row() for t in here] or [(f"{method}, here", word, *[ABSENT] * 5)]
    return Table(name, caption, _COLUMNS, (*rows, *(t.row() for t in rest)), _NOTE)


def _errors(runs: Sequence[Record], key: str) -> Cell:
    """Mean and deviation; empty where it was not measured (fewer than six classes)."""
    values = [run.result["test"].get(key) for run in runs]
    if None in values:
        return ABSENT
    return Number(fmean(values), stdev(values) if len(values) > 1 else None)
