"""Settings of a training from scratch."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from common.config import free, require
from common.data import require_dataset
from common.devices import Device
from common.image_folder import NAME as IMAGENET
from common.ranges import Amount, Natural, Positive, Range, Share, check
from common.runs import RunSettings


@dataclass(frozen=True)
class NetworkSettings:
    """What surrounds the cells; the defaults are NAS-Bench-201's CIFAR network.

    Args:
        channels: C of the first cells.
        layers: cells per stage (nas-bench-201), or in all (darts).
        stem: of darts: cifar, or imagenet, which divides the image size by 8.
        auxiliary: weight of the auxiliary head's loss; 0 builds none (darts only).
        drop_path: probability of dropping a path in the last epoch, from 0 linearly (darts only).
    """

    channels: Positive = 16
    layers: Positive = 5
    stem: Literal["cifar", "imagenet"] = "cifar"
    auxiliary: Amount = 0.0
    drop_path: Share = 0.0

    def __post_init__(self) -> None:
        check(self, "network.")


@dataclass(frozen=True)
class AugmentSettings:
    """What happens to training images.

    Args:
        flip: mirror every other image.
        crop_padding: black pixels around an image before a random crop of its size; 0 crops
            nothing (sets in memory).
        cutout: side of a square set to the mean; 0 cuts nothing (sets in memory).
        crop_scale: smallest share of the area that a random resized crop takes (image folders).
        color_jitter: change of brightness, contrast and saturation, of hue half as much (image
            folders).
    """

    flip: bool = True
    crop_padding: Natural = 4
    cutout: Natural = 0
    crop_scale: Annotated[float, Range(least=1e-6, most=1)] = 0.08
    color_jitter: Annotated[float, Range(least=0, most=1)] = 0.0

    def __post_init__(self) -> None:
        check(self, "augment.")


@dataclass(frozen=True)
class SgdSettings:
    """Stochastic gradient descent with a cosine.

    Args:
        lr: learning rate at the start of the cosine, which ends at 0.
        momentum: momentum.
        nesterov: Nesterov's momentum.
        weight_decay: L2 penalty on all parameters.
        warmup_epochs: epochs before the cosine, over which lr rises linearly.
        per_step: change lr in every step; else in every epoch.
        clip: largest norm of the gradient; 0 clips nothing.
    """

    lr: Annotated[float, Range(above=0)] = 0.1
    momentum: Share = 0.9
    nesterov: bool = True
    weight_decay: Amount = 5e-4
    warmup_epochs: Natural = 0
    per_step: bool = False
    clip: Amount = 0.0

    def __post_init__(self) -> None:
        check(self, "optimizer.")
        ok = self.momentum > 0 or not self.nesterov
        require(ok, "optimizer.nesterov", self.nesterov, "false where momentum is 0")


@dataclass(frozen=True)
class RetrainConfig:
    """A training from scratch; the defaults are NAS-Bench-201's protocol on CIFAR-10.

    Args:
        genotype: what to train: a file with a genotype, a search's result.json, a string
            |nor_conv_3x3~0|+..., Genotype(...), or DARTS_V2.
        search: which of several searches in a result.json: the seed (TE-NAS), the repeat from 1
            on (WOT; without it the highest score).
        space: nas-bench-201 or darts.
        network: what surrounds the cells.
        dataset: one that `python -m common.prepare` lists, PATH.npz, or PATH/, a folder of images
            with train/ and val/, which are read while training like those of imagenet-1k.
        image_size: side of the images of a folder.
        validation: keep validation images apart; else train on them too (with weights: last).
        holdout: images of a folder's train/ that validate.
        weights: which are tested in the end: best on validation images, or last.
        epochs: passes over the training images.
        batch_size: images per step, over all processes.
        micro_batch: most images that one process takes at once; more are done in parts, whose
            gradients add up (BatchNorm sees a part). 0: no limit.
        label_smoothing: of the cross-entropy.
        optimizer: stochastic gradient descent.
        augment: what happens to training images.
        seed: of weights, order, augmentation and of the split.
        precision: bfloat16 (autocast), float32, or auto: bfloat16 on CUDA.
        sync_batch_norm: BatchNorm over the images of all processes (CUDA only).
        channels_last: memory layout of the network on CUDA.
        compile: let torch.compile make faster kernels.
        loader_workers: processes, per training process, that read a folder of images.
        checkpoint_steps: steps between checkpoints within an epoch; 0: at its end only.
        device: cpu, cuda, or auto: cuda where there is one.
        run: where results go, runs/retrain/<name>/.
    """

    genotype: str = free("")  # what it reads as is kept instead
    search: int | None = free(None)
    space: Literal["nas-bench-201", "darts"] = "nas-bench-201"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    dataset: str = "cifar10"
    image_size: Annotated[int, Range(least=32)] = 224
    validation: bool = True
    holdout: Positive = 10_000
    weights: Literal["best", "last"] = "best"
    epochs: Positive = 200
    batch_size: Annotated[int, Range(least=2)] = 256
    micro_batch: Natural = 0
    label_smoothing: Share = 0.0
    optimizer: SgdSettings = field(default_factory=SgdSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    seed: Natural = 0
    precision: Literal["auto", "float32", "bfloat16"] = free("auto")  # what it comes to is kept
    sync_batch_norm: bool = False
    channels_last: bool = free(True)
    compile: bool = free(False)
    loader_workers: Natural = free(4)
    checkpoint_steps: Natural = free(0)
    device: Device = free("auto")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        require_dataset("dataset", self.dataset, folder=True)
        require(self.micro_batch != 1, "micro_batch", 1, "0, or 2 or more")
        ok = self.optimizer.warmup_epochs < self.epochs
        warmup = self.optimizer.warmup_epochs
        require(ok, "optimizer.warmup_epochs", warmup, f"fewer than epochs ({self.epochs})")
        ok = self.validation or self.weights == "last"
        require(ok, "weights", self.weights, "last: without validation images none is best")
        extras = self.network.auxiliary or self.network.drop_path or self.network.stem != "cifar"
        ok = self.space == "darts" or not extras
        expected = "darts for an auxiliary head, drop-path or an imagenet stem"
        require(ok, "space", self.space, expected)

    @property
    def from_folder(self) -> bool:
        """Whether images are read from a folder while training."""
        return self.dataset == IMAGENET or self.dataset.endswith("/")
