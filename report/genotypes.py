"""Genotypes of the DARTS space trained from scratch: Table 1 and TE-NAS' rows, row above row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

import yaml

from report.records import Record, of_kind
from report.tables import ABSENT, Cell, Number, Table, mean_std

IMAGENET = "imagenet-1k"
_COLUMNS = ("cell found by", "trained on", "top-1 error (%)", "top-5 error (%)",
            "parameters (M)", "GPU days of the search", "n")  # fmt: skip
_NOTE = (
    "Here: runs of this project, below the published row of their kind; n trainings, the standard "
    "deviation over them. A run whose images or epochs are not the published ones is a trial."
)


@dataclass(frozen=True)
class Trained:
    """Trainings of what one method found, by one protocol.

    Args:
        method: as Table 1 names it; empty if unknown.
        searched_on: images of the search; empty if its record is not there.
        images: images of the training.
        protocol: epochs and size of the network.
        runs: one record for each training.
    """

    method: str
    searched_on: str
    images: str
    protocol: str
    runs: tuple[Record, ...]

    @property
    def of_tenas(self) -> bool:
        """Whether TE-NAS found it, with or without the exempt rule."""
        return self.method.startswith("TE-NAS")

    def row(self) -> tuple[Cell, ...]:
        """Its row of a table."""
        errors = [
            _mean([run.result["test"][key] for run in self.runs])
            for key in ("top1_error", "top5_error")
        ]
        size = Number(fmean(run.result["parameters"] for run in self.runs) / 1e6, spec=".3g")
        where = f", searched on {self.searched_on}" if self.searched_on else ""
        method = f"{self.method or 'a genotype'}, here{where}"
        what = f"{self.images}, {self.protocol}"
        return (method, what, *errors, size, ABSENT, len(self.runs))


def trained_genotypes(records: Iterable[Record]) -> list[Trained]:
    """Trainings of DARTS genotypes, seeds of one kind together."""
    records = list(records)
    found: dict[tuple[str, str, str, str], list[Record]] = {}
    for run in of_kind(records, "retrain"):
        if run.result.get("space") == "darts":
            key = (run.result["method"], _searched_on(run, records), run.dataset, _protocol(run))
            found.setdefault(key, []).append(run)
    return [Trained(*key, tuple(runs)) for key, runs in found.items()]


def table1(published: Mapping[str, Mapping], trained: Iterable[Trained]) -> Table:
    """Table 1: cells on ImageNet."""
    rows = []
    rest = [t for t in trained if t.images == IMAGENET]
    for name, row in published.items():
        method = name.removeprefix("NAS-")
        own = [t for t in rest if t.method == method]
        rest = [t for t in rest if t not in own]
        rows += _rows(name, "ImageNet, 250 epochs", row, own, "needs ImageNet")
    rows += [t.row() for t in rest]
    return Table("table1", "Cells of the DARTS space on ImageNet", _COLUMNS, tuple(rows), _NOTE)


# Row of published.yaml -> the images of training and search.
_TENAS = {
    "CIFAR-10": ("cifar10", "cifar10"),
    "ImageNet, searched on CIFAR-10": (IMAGENET, "cifar10"),
    "ImageNet, searched on ImageNet": (IMAGENET, IMAGENET),
}


def tenas_darts(published: Mapping[str, Mapping], trained: Iterable[Trained]) -> Table:
    """What TE-NAS published of its DARTS cells, and what cells of TE-NAS reached here."""
    rows = []
    rest = list(trained)
    for name, row in published.items():
        images, searched_on = _TENAS[name]
        own = [t for t in rest if t.of_tenas and t.images == images]
        own = [t for t in own if t.searched_on in (searched_on, "")]
        rest = [t for t in rest if t not in own]
        word = "needs ImageNet" if images == IMAGENET else "not trained here"
        rows += _rows("TE-NAS", name, row, own, word)
    rows += [t.row() for t in rest]
    return Table("tenas_darts", "TE-NAS' cells of the DARTS space", _COLUMNS, tuple(rows), _NOTE)


def _rows(
    method: str, what: str, published: Mapping, own: list[Trained], word: str
) -> list[tuple[Cell, ...]]:
    errors = mean_std(published["top1"], "g"), mean_std(published.get("top5"), "g")
    cost = Number(published["params_m"], spec="g"), Number(published["gpu_days"], spec="g")
    missing = (f"{method}, here", word, *[ABSENT] * 5)
    here = [t.row() for t in own] or [missing]
    return [(f"{method}, published", what, *errors, *cost, ABSENT), *here]


def _mean(values: list[float]) -> Number:
    return Number(fmean(values), stdev(values) if len(values) > 1 else None)


def _protocol(run: Record) -> str:
    """Epochs, and the network's size where the run's config lies beside its result."""
    file = run.folder / "config.yaml"
    config = yaml.safe_load(file.read_text()) if file.is_file() else {}
    size = config.get("network", {})
    shape = [f"C {size['channels']}, {size['layers']} layers"] if size else []
    epochs = run.result["epochs"]
    return ", ".join([f"{epochs} epoch{'s' * (epochs > 1)}", *shape])


def _searched_on(run: Record, records: list[Record]) -> str:
    """Images of the search that found the run's genotype."""
    for record in of_kind(records, "tenas"):
        for search in record.result["searches"]:
            if search.get("genotype") == run.result["genotype"]:
                return record.dataset
    return ""
