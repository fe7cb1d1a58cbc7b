"""Entry: python -m mlp_code.topologies: every topology of H layers, trained batched."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

from torch import Tensor

from common.config import free, require, run_entry
from common.data import load_dataset
from common.dataset import Dataset
from common.files import read_metrics, write_columns
from common.ranges import Natural, Positive, Range, check
from common.statistics import mean_std
from dag import Dag, all_codes, depth_histogram, effective_depth_width, kernel_features
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.predictors import analyse
from mlp_code.theory import inputs
from mlp_code.training import train

PROG = "python -m mlp_code.topologies"
Layers = Annotated[int, Range(least=1, most=3)]  # 3, 27 or 729 codes


@dataclass(frozen=True)
class TopologiesConfig(MlpConfig):
    """All codes with a path from input to output, one training for each distinct network.

    Args:
        layers: nodes after the input, H; there are 3^(H(H+1)/2) codes, which are the dags.
        kernel_samples: training images whose kernels give the predictors.
        goal: training accuracy in % whose first reaching counts as convergence.
        bootstrap: samples behind each confidence interval.
    """

    dags: dict[str, str | int] = field(default_factory=dict)
    width: Positive = 64
    epochs: Positive = 40
    batch_size: Natural = 50
    optimizer: SgdConfig = field(default_factory=lambda: SgdConfig(lr=0.01))
    batched: Literal["auto", "always", "never"] = free("always")
    checkpoint_every: Positive = free(5)
    layers: Layers = 3
    kernel_samples: Annotated[int, Range(least=2)] = 128
    goal: Annotated[float, Range(above=0, most=100)] = 90.0
    bootstrap: Positive = 1000

    def __post_init__(self) -> None:
        check(self)
        require(not self.dags, "dags", self.dags, "none: all codes of so many layers are trained")
        codes = sorted(set(distinct_codes(self.layers).values()))
        object.__setattr__(self, "dags", {code: code for code in codes})
        super().__post_init__()

    def training(self) -> MlpConfig:
        """The training of all distinct networks: codes that differ in dead edges share one."""
        return MlpConfig(**{key.name: getattr(self, key.name) for key in fields(MlpConfig)})


def distinct_codes(layers: int) -> dict[str, str]:
    """Code -> code of the same network without dead edges, for all codes that have a path."""
    live = {code: Dag.parse(code).live() for code in all_codes(layers)}
    return {code: dag.code for code, dag in live.items() if dag.edges}


def study(config: TopologiesConfig) -> Path:
    """Trains, then writes topologies.csv into the run's folder and returns the folder.

    The result carries what the table says of predictors, under "topologies".
    """
    data = load_dataset(config.dataset, seed=config.split_seed)
    n, available = config.kernel_samples, len(data.train)
    require(n <= available, "kernel_samples", n, f"2 .. {available}, the training images")
    keys = ("goal", "kernel_samples", "bootstrap")
    settings = {key: getattr(config, key) for key in keys}

    def analysis(folder: Path) -> dict:
        rows = tabulate(config, data, read_metrics(folder))
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        write_columns(folder / "topologies.csv", columns)
        return {"topologies": {"codes": len(rows), **settings, **analyse(rows, config.bootstrap)}}

    train(config.training(), "topologies", settings, analysis)
    return config.run.folder("topologies")


def tabulate(config: TopologiesConfig, data: Dataset, records: list[dict]) -> list[dict]:
    """One row per code: predictors, then speed and accuracies as means over seeds.

    `steps_to_goal` is interpolated between epochs; a seed that never gets there counts as the
    training's whole length, and `reached` says what share of seeds got there.
    """
    codes = distinct_codes(config.layers)
    features = _features(inputs(data, config.kernel_samples), sorted(set(codes.values())))
    per_epoch = -(-len(data.train) // (config.batch_size or len(data.train)))
    curves: dict[str, dict[int, list[dict]]] = {}
    for record in records:
        curves.setdefault(record["dag"], {}).setdefault(record["seed"], []).append(record)
    measured = {
        code: _measured(list(seeds.values()), config.goal, per_epoch)
        for code, seeds in curves.items()
    }
    return [{"code": code, **features[live], **measured[live]} for code, live in codes.items()]


def _features(images: Tensor, codes: list[str]) -> dict[str, dict]:
    """Shape and kernel features per code."""
    x, dags = images.double().numpy(), [Dag.parse(code) for code in codes]
    kernels = zip(
        kernel_features(dags, x),
        kernel_features(dags, x, "paper"),
        kernel_features(dags, x, tangent=True),
    )
    found = {}
    for code, dag, (exact, paper, tangent) in zip(codes, dags, kernels):
        shape = effective_depth_width(dag)
        found[code] = {
            "network": code,
            "depth": shape.depth,
            "width": shape.width,
            "paths": sum(depth_histogram(dag).values()),
            "lambda_min": exact.smallest_eigenvalue,
            "lambda_min_paper": paper.smallest_eigenvalue,
            "lambda_min_ntk": tangent.smallest_eigenvalue,
            "lambda_min_normalized": exact.smallest_normalized_eigenvalue,
            "condition_number": exact.condition_number,
            "condition_number_ntk": tangent.condition_number,
            "mean_correlation": exact.mean_correlation,
        }
    return found


def _measured(seeds: list[list[dict]], goal: float, per_epoch: int) -> dict:
    steps = [steps_to_goal([r["train_accuracy"] for r in c], goal, per_epoch) for c in seeds]
    columns = {"steps_to_goal": [count for count, _ in steps]}
    for key in ("train_accuracy", "train_loss", "test_accuracy"):
        columns[key] = [curve[-1][key] for curve in seeds]
    row = {"reached": sum(reached for _, reached in steps) / len(steps)}
    for key, values in columns.items():
        found = mean_std(values)
        row |= {key: found["mean"], f"{key}_std": found["std"]}
    return row


def steps_to_goal(accuracies: list[float], goal: float, per_epoch: int) -> tuple[float, bool]:
    """Steps until an accuracy is reached, and whether it was.

    An epoch's running accuracy counts for the middle of the epoch, with lines between.
    """
    before = 0.0
    for epoch, accuracy in enumerate(accuracies):
        if accuracy >= goal:
            share = (goal - before) / (accuracy - before)
            return max(0.0, (epoch - 0.5 + share) * per_epoch), True
        before = accuracy
    return float(len(accuracies) * per_epoch), False


if __name__ == "__main__":
    run_entry(PROG, TopologiesConfig, "topologies", study, lambda _folder: None)
