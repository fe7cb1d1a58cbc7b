"""Settings of TE-NAS."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from common.config import free, require, require_seeds
from common.data import require_dataset
from common.devices import Device
from common.ranges import Positive, Range, check
from common.runs import RunSettings
from tenas_dag.candidates import DARTS, NAS_BENCH_201, Candidates
from tenas_dag.filters import FILTERS

# Operators per edge before the first round.
SPACES = {space.name: len(Candidates.full(space).left[0]) for space in (NAS_BENCH_201, DARTS)}


@dataclass(frozen=True)
class IndicatorSettings:
    """How kappa and R are measured; the defaults are TE-NAS' for NAS-Bench-201.

    Args:
        dataset: one that `python -m common.prepare` lists, or PATH.npz: source of all inputs,
            drawn from the training images and standardized per channel.
        batch_size: images of the NTK (14 for darts on CIFAR-10, 24 on ImageNet).
        channels: C of the NTK's network (1 for darts).
        stem: of darts: cifar, or imagenet, which divides the image size by 8.
        region_inputs: 3x3 inputs whose activation patterns are counted, in all: they pass the
            network in 3 batches of a third, each with BatchNorm statistics of its own.
        procedure: paper (Kaiming normal weights, fan-out for kappa and fan-in for R, drawn anew
            in each repetition, the same for all candidates of a round; no kappa ranks last), or
            published (what TE-NAS' code does instead; tenas_dag/README.md lists it).
        device: cpu, cuda, or auto: cuda where there is one.
    """

    dataset: str = "cifar10"
    batch_size: Annotated[int, Range(least=2)] = 72
    channels: Positive = 3
    stem: Literal["cifar", "imagenet"] = "cifar"
    region_inputs: Annotated[int, Range(least=6)] = 3000
    procedure: Literal["paper", "published"] = "paper"
    device: Device = free("auto")

    def __post_init__(self) -> None:
        require_dataset("indicators.dataset", self.dataset)
        check(self, "indicators.")
        ok = self.procedure == "paper" or self.stem == "cifar"
        require(ok, "indicators.stem", self.stem, "cifar: the published procedure shrinks images")


@dataclass(frozen=True)
class TenasConfig:
    """A search; the defaults are TE-NAS' for NAS-Bench-201.

    Args:
        space: nas-bench-201, or darts.
        filter: such as exempt: the operators nearest to the centroid of expected depth and width
            are neither evaluated nor pruned.
        prune_number: operators removed from each edge in a round (darts: 3 on CIFAR-10, 2 on
            ImageNet).
        repetitions: weights and batches over which an indicator's change is averaged.
        rank_by: both indicators, or kappa or regions alone.
        seeds: one search per seed; the seed decides weights and inputs.
        indicators: how kappa and R are measured.
        table: accuracies of nas-bench-201, looked up after the choice: the table that ships with
            the code (nasbench201), a CSV file, or empty for none. Darts has none.
        run: where results go, runs/tenas/<name>/.
    """

    space: Literal[tuple(SPACES)] = "nas-bench-201"
    filter: Literal[tuple(FILTERS)] = "exempt"
    prune_number: int = 1
    repetitions: Positive = 3
    rank_by: Literal["both", "kappa", "regions"] = "both"
    seeds: list[int] = field(default_factory=lambda: [0])
    indicators: IndicatorSettings = field(default_factory=IndicatorSettings)
    table: str = free("nasbench201")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        most = SPACES[self.space] - 1
        ok = 1 <= self.prune_number <= most
        require(ok, "prune_number", self.prune_number, f"1 .. {most} for {self.space}")
        require_seeds("seeds", self.seeds)
        ok = self.space == "nas-bench-201" or self.table in ("", TenasConfig.table)
        require(ok, "table", self.table, "none: there is one for nas-bench-201 only")
        ok = self.space == "darts" or self.indicators.stem == "cifar"
        require(ok, "indicators.stem", self.indicators.stem, "cifar: imagenet is for darts")
