"""Settings of WOT: what is scored, and how architectures are chosen by score."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from common.config import free, identity, later, require, require_seeds
from common.data import require_dataset
from common.devices import Device
from common.ranges import Natural, Positive, Range, check
from common.runs import RunSettings
from wot_dag.filters import FILTERS
from wot_dag.scores import AGGREGATE, SCORES, label_of, require_aggregate, require_score


@dataclass(frozen=True)
class ScoreSettings:
    """How an architecture is scored; the defaults are the paper's.

    Args:
        dataset: one that `python -m common.prepare` lists, or PATH.npz: source of the mini-batch,
            drawn from the training images by seed and standardized per channel.
        name: a score of wot_dag/scores/, such as wot or nngp, or aggregate; a wrong one lists all.
        aggregate: of aggregate: the scores whose ranks are summed, two or more.
        batch_size: N, images in the mini-batch.
        channels: C of the network.
        cells: cells per stage (nas-bench-201) or in all (darts).
        stem: of darts: cifar, or imagenet.
        seeds: each gives a mini-batch and initial weights; of n seeds, repeat r of a search takes
            the scores of seed r mod n.
        precision: float32, or bfloat16, which other CPUs than those with AMX emulate and lose by.
        device: cpu, cuda, or auto: cuda where there is one.
    """

    dataset: str = "cifar10"
    name: str = later("wot")
    aggregate: list[str] = later([])
    batch_size: Annotated[int, Range(least=2)] = 128
    channels: Positive = 16
    cells: Positive = 5
    stem: Literal["cifar", "imagenet"] = "cifar"
    seeds: list[int] = field(default_factory=lambda: [0])
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Device = free("auto")

    def __post_init__(self) -> None:
        require_score("score.name", self.name)
        require_aggregate("score.aggregate", self.name, self.aggregate)
        require_dataset("score.dataset", self.dataset)
        check(self, "score.")
        require_seeds("score.seeds", self.seeds)

    @property
    def label(self) -> str:
        """The score as tables name it."""
        return label_of(self.name, self.aggregate)

    @property
    def parts(self) -> list[ScoreSettings]:
        """Settings of each score of an aggregate; of another score itself."""
        if self.name != AGGREGATE:
            return [self]
        return [replace(self, name=name, aggregate=[]) for name in self.aggregate]


@dataclass(frozen=True)
class WotConfig:
    """What is searched, and how; the defaults are the paper's search of NAS-Bench-201.

    Args:
        space: nas-bench-201 or darts.
        genotypes: of darts: an NDS file, or a CSV of genotypes and accuracies, to draw from; random
            genotypes by DARTS' rule if empty.
        score: how an architecture is scored.
        scores: file of scores made before (CSV, may be .gz); scores are computed on demand, and
            kept in runs/wot_scores/, if empty.
        filter: such as box (the box rule), published (the published code's boxes) or kernel (what
            lies in the box of half the half-ranges and high in the correlation of its kernel).
        fraction: of the half-ranges of depth and width that the box keeps, above 0, at most 1.
        kernel_fraction: of the space that is high in the kernel's correlation, above 0, at most 1.
        samples: architectures drawn in a repeat, uniformly with replacement.
        repeats: independent searches.
        queries: the best of so many by score is chosen by its test accuracy after 12 epochs, as
            the table has it; without a table they are kept for `python -m retrain.queries`. 0
            takes the best by score.
        seed: of the draws; equal seeds draw the same architectures whatever the filter.
        table: accuracies of nas-bench-201 in which the chosen are looked up: nasbench201 (ships
            with the code), a file (CSV, may be .gz), or none if empty.
        run: where results go, runs/wot/<name>/.
    """

    space: Literal["nas-bench-201", "darts"] = "nas-bench-201"
    genotypes: str = ""
    score: ScoreSettings = field(default_factory=ScoreSettings)
    scores: str = ""
    filter: Literal[tuple(FILTERS)] = "none"
    fraction: float = 0.5
    kernel_fraction: float = later(0.1)
    samples: Positive = 100
    repeats: Positive = 500
    queries: int = later(0)
    seed: Natural = 0
    table: str = free("nasbench201")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        for key in ("fraction", "kernel_fraction"):
            found = getattr(self, key)
            require(0 < found <= 1, key, found, f"0 < {key} <= 1")
        ok = 0 <= self.queries <= self.samples
        require(ok, "queries", self.queries, f"0 .. {self.samples}, the samples")
        alone = self.score.name != AGGREGATE or not self.scores
        require(alone, "scores", self.scores, "none: a file holds one score, not an aggregate")
        darts = self.space == "darts"
        ok = not darts or self.table in ("", WotConfig.table)
        require(ok, "table", self.table, "none: there is one for nas-bench-201 only")
        plain = self.score.stem == "cifar"
        require(darts or plain, "score.stem", self.score.stem, "cifar: imagenet is for darts")
        require(darts or not self.genotypes, "genotypes", self.genotypes, "none but for darts")

    @property
    def method(self) -> str:
        """The search as tables name it."""
        asked = f", {self.queries} queries" if self.queries else ""
        return self.score.label + FILTERS[self.filter].suffix + asked

    @property
    def kept_fraction(self) -> float | None:
        """That of the filter; None if it has none."""
        key = FILTERS[self.filter].fraction
        return getattr(self, key) if key else None

    def network(self) -> dict:
        """What is built to score an architecture, for a record's header."""
        built = any(SCORES[part.name].builds for part in self.score.parts)
        sizes = {key: getattr(self.score, key) for key in ("channels", "cells") if built}
        sizes |= {} if built else {"built": "no network"}
        sizes["batch_size"] = self.score.batch_size
        return {"space": self.space, **sizes, "seeds": len(self.score.seeds)}

    def score_identity(self) -> dict:
        """The settings that decide a score, but for the data; `seeds` says which are needed."""
        settings = identity(self.score)
        del settings["seeds"], settings["dataset"]
        return {"space": self.space, **settings}
