"""Genotypes of the DARTS space trained from scratch, for Table 1 and TE-NAS' table."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from report.records import Record, of_kind
from report.tables import ABSENT, Cell, Number, general, mean_std

IMAGENET = "imagenet-1k"
COLUMNS = ("cell found by", "trained on", "top-1 error (%)", "top-5 error (%)",
           "parameters (M)", "GPU days of the search", "n")  # fmt: skip
NOTE = (
    "Here: runs of this project, below the published row of their kind; n trainings, the standard "
    "deviation over them. A run whose images or epochs are not the published ones is a trial."
)


@dataclass(frozen=True)
class Trained:
    """Trainings of one genotype that differ by nothing but the seed.

    Args:
        method: what found it, as Table 1 names it; empty if unknown.
        searched_on: images of the search; empty if its record is not there.
        runs: one record for each training.
    """

    method: str
    searched_on: str
    runs: tuple[Record, ...]

    @property
    def images(self) -> str:
        """Images of the training."""
        return self.runs[0].dataset

    @property
    def of_tenas(self) -> bool:
        """Whether TE-NAS found it, with or without the exempt rule."""
        return self.method.startswith("TE-NAS")

    def row(self) -> tuple[Cell, ...]:
        """Its row of a table."""
        errors = [_errors(self.runs, key) for key in ("top1_error", "top5_error")]
        size = general(fmean(run.result["parameters"] for run in self.runs) / 1e6)
        where = f", searched on {self.searched_on}" if self.searched_on else ""
        method = f"{self.method or 'a genotype'}, here{where}"
        epochs = self.runs[0].result["epochs"]
        protocol = [f"{epochs} epoch{'s' * (epochs > 1)}", self.runs[0].network]
        what = ", ".join([self.images, *filter(None, protocol)])
        return (method, what, *errors, size, ABSENT, len(self.runs))


def trained_genotypes(records: Iterable[Record]) -> list[Trained]:
    """Trainings of DARTS genotypes, the seeds of one kind together; the most seeds first."""
    records = list(records)
    found: dict[str, list[Record]] = {}
    for run in of_kind(records, "retrain"):
        if run.space == "darts":
            found.setdefault(_but_for_the_seed(run), []).append(run)
    trained = [
        Trained(runs[0].result["method"], _searched_on(runs[0], records), tuple(runs))
        for runs in found.values()
    ]
    return sorted(trained, key=lambda t: -len(t.runs))


def _but_for_the_seed(run: Record) -> str:
    keys = ("method", "dataset", "network", "genotype", "epochs")
    settings = {key: value for key, value in run.config.items() if key != "seed"}
    return json.dumps([*(run.result[key] for key in keys), settings], sort_keys=True, default=str)


def beside(
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


def _searched_on(run: Record, records: Iterable[Record]) -> str:
    """Images of the search that found the run's genotype."""
    for record in of_kind(records, "tenas"):
        if any(s.get("genotype") == run.result["genotype"] for s in record.result["searches"]):
            return record.dataset
    return ""
