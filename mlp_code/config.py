"""Settings of an MLP experiment."""

from dataclasses import dataclass, field
from typing import Literal

from common.config import ConfigError, free, later, require, require_seeds
from common.data import require_dataset
from common.devices import Device
from common.ranges import Amount, Natural, Positive, Range, Share, check
from common.runs import RunSettings
from dag import FIGURE_3
from mlp_code.model import live_dag
from mlp_code.precision import Precision


@dataclass(frozen=True)
class SgdConfig:
    """Stochastic gradient descent.

    Args:
        lr: learning rate, or auto: for each DAG half of what the tangent kernel of a sample of
            images says to be stable; the result has the number.
        lr_scaling: none, or paths: lr times (27 / sum over paths of (d + 3)^3)^(1/2), d linear
            operations on a path (ICLR 2024, arXiv 2402.17440).
        momentum: momentum.
        weight_decay: L2 penalty on all parameters.
        warmup_epochs: epochs over which lr rises linearly from lr / warmup_epochs.
        milestones: epochs after which lr is multiplied by gamma.
        gamma: factor at each milestone.
    """

    lr: float | Literal["auto"] = 1e-5
    lr_scaling: Literal["none", "paths"] = later("none")
    momentum: Share = 0.0
    weight_decay: Amount = 0.0
    warmup_epochs: Natural = 0
    milestones: list[int] = field(default_factory=list)
    gamma: Amount = 0.1

    def __post_init__(self) -> None:
        check(self, "optimizer.")
        auto, scaled = self.lr == "auto", self.lr_scaling != "none"
        ok = auto or self.lr in Range(above=0)
        require(ok, "optimizer.lr", self.lr, "a number > 0, or auto")
        require(not (auto and scaled), "optimizer.lr_scaling", self.lr_scaling, "none with lr auto")
        several = (auto or scaled) and self.weight_decay
        expected = "0 where each DAG has a learning rate of its own"
        require(not several, "optimizer.weight_decay", self.weight_decay, expected)
        ok = all(epoch >= 1 for epoch in self.milestones)
        require(ok, "optimizer.milestones", self.milestones, "epochs >= 1")

    def factor_at(self, epoch: int) -> float:
        """Factor of the learning rate during `epoch`, counted from 1."""
        warmup = min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        return warmup * self.gamma ** sum(epoch > m for m in self.milestones)


def checked_dags(dags: dict[str, str | int]) -> dict[str, str]:
    """The codes as text, each of which can be trained.

    Raises:
        ConfigError: none is given, or one cannot be trained.
    """
    require(bool(dags), "dags", dags, "at least one name: code")
    # A one-digit code such as `mine: 2` is an integer in every version of YAML.
    codes = {name: str(code) for name, code in dags.items()}
    for name, code in codes.items():
        require(bool(name.strip()), "dags", dags, "a name before each code")
        try:
            live_dag(code)
        except ValueError as error:
            raise ConfigError(f"dags.{name}: {error}") from error
    return codes


@dataclass(frozen=True)
class MlpConfig:
    """An experiment with MLPs; the defaults are the paper's protocol for Fig. 4.

    Args:
        dags: name: code. Row j of a code has one digit for each earlier node: 0 zero, 1 skip,
            2 linear + ReLU.
        dataset: one that `python -m common.prepare` lists, or PATH.npz.
        split_seed: seed of the 90/10 split into training and validation images.
        width: units per node.
        epochs: passes over the training images.
        batch_size: images per step; 0 takes the whole training set (gradient descent).
        seeds: one network per DAG and seed; the seed decides weights and order of images.
        loss: cross_entropy, or mse: sum over classes of (output - target)^2 / 2, mean over images.
        targets: of mse: one_hot (0 and 1), or signed (-1 and 1).
        bias: whether linear layers have a bias.
        batch_norm: BatchNorm between each edge's linear layer and its ReLU.
        parameterization: standard, or ntk (weights N(0, 1), scaled in the forward pass).
        init: kaiming (variance 2 / fan_in), or in_degree: that divided by the number of edges
            into the node that a layer reads (ICLR 2024, arXiv 2402.17440).
        optimizer: stochastic gradient descent.
        precision: float32, bfloat16 (products of the training steps, by autocast), or auto: the
            faster in a quick probe at the start.
        evaluate_every: epochs between evaluations on validation and test images.
        batched: always (all networks are one of batched products), never (one after the other in
            each step), or auto: on CUDA, and for several networks of width <= 128, where it
            measured faster (benchmarks/batched.py).
        device: cpu, cuda, or auto: cuda where there is one.
        checkpoint_every: epochs between checkpoints.
        tensorboard: write TensorBoard records into the run's folder too.
        run: where results go, runs/mlp/<name>/.
    """

    dags: dict[str, str | int] = field(default_factory=FIGURE_3.copy)
    dataset: str = "digits"
    split_seed: Natural = 0
    width: Positive = 1024
    epochs: Positive = 10
    batch_size: Natural = 128
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    targets: Literal["one_hot", "signed"] = "one_hot"
    bias: bool = True
    batch_norm: bool = False
    parameterization: Literal["standard", "ntk"] = "standard"
    init: Literal["kaiming", "in_degree"] = later("kaiming")
    optimizer: SgdConfig = field(default_factory=SgdConfig)
    precision: Precision = later("float32")
    evaluate_every: Positive = 1
    batched: Literal["auto", "always", "never"] = free("auto")
    device: Device = free("auto")
    checkpoint_every: Positive = free(1)
    tensorboard: bool = free(False)
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dags", checked_dags(self.dags))
        require_dataset("dataset", self.dataset)
        check(self)
        require(self.batch_size != 1 or not self.batch_norm, "batch_size", 1, "2 or more")
        require_seeds("seeds", self.seeds)
        kernel = self.init == "kaiming" and not self.batch_norm
        expected = "a number: the kernel knows neither batch_norm nor init in_degree"
        require(kernel or self.optimizer.lr != "auto", "optimizer.lr", "auto", expected)
        fits = self.init == "kaiming" or self.parameterization == "standard"
        require(fits, "init", self.init, "kaiming with parameterization ntk")

    @property
    def labels(self) -> list[tuple[str, int]]:
        """(DAG name, seed) of each network, in order."""
        return [(name, seed) for name in self.dags for seed in self.seeds]
