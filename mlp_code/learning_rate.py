"""Entry: python -m mlp_code.learning_rate: which rate a DAG bears, and what predicts it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import torch

from common.config import free, identity, later, require, require_seeds, run_entry
from common.data import load_dataset, require_dataset
from common.dataset import Dataset
from common.devices import Device, choose_device, describe
from common.files import read_metrics
from common.progress import progress
from common.ranges import Natural, Positive, Range, Share, check
from common.runs import Run, RunSettings
from dag import FIGURE_3
from mlp_code.agreement import check_rates, summary
from mlp_code.descent import Descent, best_of, largest_stable
from mlp_code.model import DagMlp, MlpShape
from mlp_code.own_rate import CurveSettings, measure_curves, summarize_curves
from mlp_code.theory import check_samples, inputs
from mlp_code.topologies import Layers, distinct_codes

PROG = "python -m mlp_code.learning_rate"
_PART = 10  # networks of all seeds that are measured, and kept, together


@dataclass(frozen=True)
class LearningRateConfig:
    """Measured learning rates of DAGs, against three predictions.

    Networks have the NTK parameterization and no biases; both losses are means over images.

    Args:
        layers: nodes after the input, H, of the 3^(H(H+1)/2) codes.
        networks: how many of the distinct networks of these codes, drawn at random; 0 takes all.
            A run that was stopped may go on with another number.
        dataset: one that `python -m common.prepare` lists, or PATH.npz.
        samples: training images that are learned.
        width: units per node.
        wide: units per node of the DAGs of Fig. 3, which are measured too; 0 leaves them out.
        steps: of a training: gradient descent on 1/2 ||y - f||^2, and SGD on cross-entropy.
        batch_size: images per step of SGD.
        momentum: of both trainings; the predictions do not know it.
        batch_norm: BatchNorm between each edge's linear layer and its ReLU, likewise.
        seeds: one network per DAG and seed.
        rates: a rate at which every network trains, and one at which they diverge.
        halvings: of the logarithm of that span.
        tries: rates among which the best is sought: the largest stable one, and each next
            smaller by the square root of 2.
        curves: trainings of Fig. 3's DAGs, each at every rate of a list.
        device: cpu, cuda, or auto: cuda where there is one.
        run: where results go, runs/learning_rate/<name>/.
    """

    layers: Layers = 3
    networks: Natural = free(0)
    dataset: str = "digits"
    samples: Annotated[int, Range(least=2)] = 64
    width: Positive = 128
    wide: Natural = free(1024)
    steps: Positive = 60
    batch_size: Positive = 16
    momentum: Share = later(0.0)
    batch_norm: bool = later(False)
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    rates: tuple[float, float] = (0.03, 300.0)
    halvings: Positive = 7
    tries: Positive = 5
    curves: CurveSettings = field(default_factory=CurveSettings)
    device: Device = free("auto")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        require_dataset("dataset", self.dataset)
        require_seeds("seeds", self.seeds)
        fits = self.batch_size <= self.samples
        require(fits, "batch_size", self.batch_size, f"at most samples, {self.samples}")
        low, high = self.rates
        require(0 < low < high < float("inf"), "rates", list(self.rates), "two numbers, 0 < a < b")


def study(config: LearningRateConfig) -> dict:
    """Measures what is not in metrics.jsonl yet; returns the result.

    Raises:
        DataError, RunError, ConfigError: before any work, or when `rates` turn out not to hold
            what is looked for.
    """
    device = choose_device(config.device)
    data = load_dataset(config.dataset, device)
    check_samples(data, config.samples)
    check_samples(data, config.curves.images, "curves.images")
    with Run(config.run, "learning_rate", identity(config), describe(device), data.header) as run:
        if run.finished:
            return run.result
        network = {"width": config.width}
        for key in ("momentum", "batch_norm"):
            network |= {key: getattr(config, key)} if getattr(config, key) else {}
        return run.finish(_study(config, run, data), network=network, n=len(config.seeds))


def _study(config: LearningRateConfig, run: Run, data: Dataset) -> dict:
    x, y = inputs(data, config.samples), data.train.labels[: config.samples]
    batches = {"mse": 0, "cross_entropy": config.batch_size}  # gradient descent, and SGD
    descents = {
        loss: Descent(x, y, loss, config.steps, size, momentum=config.momentum)
        for loss, size in batches.items()
    }
    shape = MlpShape(x.shape[1], config.width, data.num_classes, False, config.batch_norm, "ntk")
    codes = chosen_codes(config)
    _measure(config, run, descents, shape, codes)
    measure_curves(config.curves, config.seeds, run, data)
    if config.wide:
        wide = replace(shape, width=config.wide)
        _measure(config, run, descents, wide, list(FIGURE_3.values()))
    samples, records = x.cpu().double().numpy(), read_metrics(run.folder)
    checked = _members(codes[:20], shape, config.seeds)
    result = summary(records, config.width, samples) | {
        "codes": len(distinct_codes(config.layers)),
        "check": check_rates(descents, checked, records, config.seeds),
        "curves": summarize_curves(config.curves, config.seeds, records),
    }
    if config.wide:
        found = summary(records, config.wide, samples)["networks"]
        result["wide"] = {"width": config.wide, "networks": found}
    return result


def chosen_codes(config: LearningRateConfig) -> list[str]:
    """Codes of the distinct networks in a random order, as many as the config says."""
    codes = sorted(set(distinct_codes(config.layers).values()))
    random.Random(0).shuffle(codes)
    return codes[: config.networks or None]


def _members(codes: Sequence[str], shape: MlpShape, seeds: Sequence[int]) -> list[DagMlp]:
    """All seeds of a code in a row."""
    return [DagMlp(c, shape, torch.Generator().manual_seed(s)) for c in codes for s in seeds]


def _measure(
    config: LearningRateConfig,
    run: Run,
    descents: dict[str, Descent],
    shape: MlpShape,
    codes: Sequence[str],
) -> None:
    """Logs the rates of each network and seed; the last seed's line ends a network."""
    records = [r for r in read_metrics(run.folder) if r.get("width") == shape.width]
    done = {r["code"] for r in records if r["seed"] == config.seeds[-1]}
    left = [code for code in codes if code not in done]
    factors, n = 2 ** (-0.5 * torch.arange(config.tries)), len(config.seeds)
    with progress(len(codes), len(codes) - len(left), "networks", f"width {shape.width}") as bar:
        for start in range(0, len(left), _PART):
            part = left[start : start + _PART]
            members = _members(part, shape, config.seeds)
            found = {}
            for loss, descent in descents.items():
                stable = largest_stable(descent, members, config.rates, config.halvings)
                tried = factors[:, None].to(stable.device) * stable
                found[loss] = stable, *best_of(descent, members, tried)
            for i in range(len(members)):
                record = {"width": shape.width, "code": part[i // n], "seed": config.seeds[i % n]}
                for loss, rates in found.items():
                    values = (float(rate[i]) for rate in rates)
                    record[loss] = dict(zip(("stable", "best", "best_loss"), values))
                run.log(record)
            run.position()  # on the disk, with the time that it took
            bar.update(len(part))


def print_table(result: dict) -> None:
    """One line per loss, rate and prediction."""
    print(f"\n{'loss':<14} {'rate':<7} {'prediction':<22} {'tau':>6} {'R^2':>6} {'slope':>6} worst")
    for loss, rates in result["agreement"].items():
        for rate, predictions in rates.items():
            for name, row in predictions.items():
                shown = f"{row['tau']:>6.3f} {row['r2']:>6.3f} {row['slope']:>6.2f}"
                print(f"{loss:<14} {rate:<7} {name:<22} {shown} x{row['worst_factor']:.2f}")
    print(f"{len(result['networks'])} networks, {result['n']} seeds, {result['dataset']['name']}")


if __name__ == "__main__":
    run_entry(PROG, LearningRateConfig, "learning_rate", study, print_table)
