"""Entry: python -m mlp_code.theory: kernels of DAGs, and training predicted from them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from common.config import free, identity, require, require_seeds, run_entry
from common.data import load_dataset, require_dataset
from common.dataset import Dataset
from common.devices import Device, choose_device, describe
from common.errors import TrainingDivergedError
from common.files import read_metrics
from common.progress import progress
from common.ranges import Amount, Positive, Range, check
from common.runs import Run, RunSettings
from dag import FIGURE_3, Dag, eigenvalues, eq12_bound, nngp, ntk, predict_training
from mlp_code.config import checked_dags
from mlp_code.metrics import encode_targets, make_loss
from mlp_code.model import DagMlp, MlpShape

PROG = "python -m mlp_code.theory"


@dataclass(frozen=True)
class TheoryConfig:
    """A comparison of kernels with trained networks.

    Args:
        dags: name: code.
        dataset: one that `python -m common.prepare` lists, or PATH.npz.
        kernel_samples: training images whose kernels are compared.
        samples: training images that networks are trained on, by full-batch gradient descent.
        width: units per node of the trained networks.
        steps: steps of gradient descent.
        lr: learning rate; 0 takes samples / (the largest eigenvalue of the DAGs' NTKs).
        targets: one_hot (0 and 1) or signed (-1 and 1).
        seeds: one network per DAG and seed.
        device: cpu, cuda, or auto: cuda where there is one.
        run: where results go, runs/theory/<name>/.
    """

    dags: dict[str, str | int] = field(default_factory=FIGURE_3.copy)
    dataset: str = "digits"
    kernel_samples: Annotated[int, Range(least=2)] = 512
    samples: Annotated[int, Range(least=2)] = 128
    width: Positive = 4096
    steps: Positive = 60
    lr: Amount = 0.0
    targets: Literal["one_hot", "signed"] = "one_hot"
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    device: Device = free("auto")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dags", checked_dags(self.dags))
        require_dataset("dataset", self.dataset)
        require_seeds("seeds", self.seeds)
        check(self)


def compare(config: TheoryConfig) -> dict:
    """Spectra of the kernels, and losses predicted beside those measured, each curve only once.

    Raises:
        DataError, RunError, ConfigError: before any work.
        TrainingDivergedError: the loss of a network is no longer finite.
    """
    device = choose_device(config.device)
    data = load_dataset(config.dataset, device)
    check_samples(data, config.samples)
    most, n = len(data.train), config.kernel_samples
    require(n <= most, "kernel_samples", n, f"at most {most}, the training images")
    with Run(config.run, "theory", identity(config), describe(device), data.header) as run:
        if run.finished:
            return run.result
        result, network = _compare(config, run, data), {"width": config.width}
        return run.finish(result, network=network, n=len(config.seeds))


def _compare(config: TheoryConfig, run: Run, data: Dataset) -> dict:
    dags = {name: Dag.parse(code) for name, code in config.dags.items()}
    x = inputs(data, max(config.samples, config.kernel_samples))
    samples, kernel_samples = x[: config.samples], x[: config.kernel_samples]
    tangents = {name: ntk(dag, samples.cpu().numpy()) for name, dag in dags.items()}
    largest = max(float(np.linalg.eigvalsh(kernel)[-1]) for kernel in tangents.values())
    lr = config.lr or config.samples / largest
    y = encode_targets(data.train.labels[: config.samples], data.num_classes, config.targets)
    curves = _measure_all(config, run, samples, data, lr)
    rows = {}
    for name, dag in dags.items():
        own = [curves[name, seed] for seed in config.seeds]
        training = _against_prediction(config, tangents[name], y, own, name, lr)
        spectrum = spectra(dag, kernel_samples)
        rows[name] = {"code": config.dags[name], **spectrum, "training": training}
    keys = ("kernel_samples", "samples", "width", "steps", "targets", "seeds")
    return {key: getattr(config, key) for key in keys} | {
        "lr": lr,
        "seconds": round(sum(curve["seconds"] for curve in curves.values()), 1),
        "largest_cosine": largest_cosine(kernel_samples),
        "dags": rows,
    }


def check_samples(data: Dataset, n: int, key: str = "samples") -> None:
    """Raises a ConfigError unless the first n training images are there, of two classes or more."""
    most = len(data.train)
    require(n <= most, key, n, f"at most {most}, the training images")
    classes = data.train.labels[:n].unique().tolist()
    found = f"{n}, images of class {classes[0]} alone"
    require(len(classes) > 1, key, found, "enough for two classes")


def inputs(data: Dataset, n: int) -> Tensor:
    """The first n training images, normalized, as float32 [n, d_in].

    Raises:
        ConfigError: one of them is all zeros then, so that it has no direction and no kernel.
    """
    x = data.normalize(data.train.images[:n]).flatten(1)
    empty = (x.abs().amax(1) < 1e-5).nonzero().flatten().tolist()  # rounding, no direction
    found = f"training image {empty[0]} equal to the mean" if empty else ""
    require(not empty, "dataset", found, "images of which none is all zeros after normalization")
    return x


def spectra(dag: Dag, x: Tensor) -> dict:
    """Eigenvalues of the kernels on samples scaled to |x|^2 = d_in, largest first.

    On that scale half of the exact NNGP kernel has the units of the paper form, whose diagonal
    is the number of paths.
    """
    samples = x.cpu().double().numpy()
    samples *= (samples.shape[1] / (samples**2).sum(1, keepdims=True)) ** 0.5
    stem = nngp(Dag.parse("1"), samples, "paper")
    kernels = {
        "exact": eigenvalues(dag, samples) / 2,
        "paper": eigenvalues(dag, samples, "paper"),
        "ntk": eigenvalues(dag, samples, tangent=True),
    }
    return {"eq12_bound": eq12_bound(dag, stem)} | {
        form: {
            "smallest_eigenvalue": float(values[0]),
            "condition_number": float(values[-1] / values[0]) if values[0] > 0 else None,
            "eigenvalues": [float(f"{value:.6g}") for value in values[::-1]],
        }
        for form, values in kernels.items()
    }


def largest_cosine(x: Tensor) -> float:
    """Between two of the images after the stem: all that Eq. 12 knows of them."""
    kernel = nngp(Dag.parse("1"), x.cpu().double().numpy(), "paper")
    return float(kernel[~np.eye(len(kernel), dtype=bool)].max())


def _measure_all(
    config: TheoryConfig, run: Run, x: Tensor, data: Dataset, lr: float
) -> dict[tuple[str, int], dict]:
    """Measured curve of each DAG and seed, by (name, seed)."""
    curves = {(r["dag"], r["seed"]): r for r in read_metrics(run.folder)}
    missing = [(n, s) for n in config.dags for s in config.seeds if (n, s) not in curves]
    shape = MlpShape(x.shape[1], config.width, data.num_classes, False, False, "ntk")
    with progress(len(curves) + len(missing), len(curves), "networks") as bar:
        for name, seed in missing:
            network = DagMlp(config.dags[name], shape, torch.Generator().manual_seed(seed))
            curve = descend(network.to(x.device), x, data.train.labels[: len(x)], config, lr)
            _require_finite(curve["losses"], f"loss of {name}, seed {seed},", lr)
            curves[name, seed] = {"dag": name, "seed": seed} | curve
            run.log(curves[name, seed])
            bar.update()
    return curves


def descend(network: DagMlp, x: Tensor, labels: Tensor, config: TheoryConfig, lr: float) -> dict:
    """Full-batch gradient descent: the loss before each step and after the last, f_0, seconds."""
    started, loss_of = time.perf_counter(), make_loss("mse", config.targets)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr, fused=True)
    losses, start = [], None
    for _ in range(config.steps + 1):
        outputs = network(x)
        start = outputs.detach() if start is None else start
        loss = loss_of(outputs[None], labels[None]).mean()
        losses.append(loss.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = {"losses": torch.stack(losses).tolist(), "initial_outputs": start.tolist()}
    return found | {"seconds": round(time.perf_counter() - started, 3)}


def _against_prediction(
    config: TheoryConfig, tangent: np.ndarray, y: Tensor, curves: list[dict], name: str, lr: float
) -> dict:
    """Predicted and measured loss per seed; the prediction starts from the seed's own f_0.

    The loss is 1/(2n) ||y - f||^2, so gradient descent on it has the rate lr / n.
    """
    n, targets = config.samples, y.cpu().double().numpy()
    measured = np.array([curve["losses"] for curve in curves])
    starts = [np.array(curve["initial_outputs"]) for curve in curves]
    trainings = [predict_training(tangent, targets, lr / n, config.steps, f) for f in starts]
    predicted = np.array([training.losses / n for training in trainings])
    for losses in predicted:
        _require_finite(losses, f"predicted loss of {name}", lr)
    errors = np.abs(predicted - measured) / measured
    return {
        "measured": measured.tolist(),
        "predicted": predicted.tolist(),
        "mean_relative_error": float(errors.mean()),
        "largest_relative_error": float(errors.max()),
    }


def _require_finite(losses: Sequence[float], what: str, lr: float) -> None:
    if not np.isfinite(losses).all():
        raise TrainingDivergedError(
            f"{what} is not finite after {np.isfinite(losses).argmin()} steps: lower lr (now "
            f"{lr:g}), or set it to 0, which takes one that the kernels allow"
        )


def print_table(result: dict) -> None:
    """Smallest eigenvalues and errors of prediction, one line per DAG."""
    print(f"\n{'':<9}{'smallest eigenvalue of':^34}{'':<10}{'relative error of loss':>24}")
    print(
        f"{'DAG':<9}{'exact':>11}{'paper':>11}{'NTK':>11}{'Eq. 12':>11}{'mean':>13}{'largest':>10}"
    )
    for name, row in result["dags"].items():
        values = [row[form]["smallest_eigenvalue"] for form in ("exact", "paper", "ntk")]
        shown = "".join(f"{value:>11.3g}" for value in [*values, row["eq12_bound"]])
        training = row["training"]
        errors = (training["mean_relative_error"], training["largest_relative_error"])
        print(f"{name[:8]:<9}{shown}{errors[0]:>12.2%}{errors[1]:>10.2%}")
    print(
        f"{result['dataset']['name']}: kernels of {result['kernel_samples']} images; "
        f"{result['steps']} steps on {result['samples']} images,\n"
        f"width {result['width']}, {len(result['seeds'])} seeds, {result['seconds']:.0f} s"
    )


if __name__ == "__main__":
    run_entry(PROG, TheoryConfig, "theory", compare, print_table)
