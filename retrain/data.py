"""The images of a training: a set in memory on the device, or a folder read by workers."""

import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from common.config import require
from common.data import data_root, load_dataset, name_of
from common.dataset import DataError, Dataset, Split, epoch_order
from common.image_folder import MEAN, STD, FolderImages, digest, list_files, middle
from common.workers import Workers
from retrain.augment import crop_and_flip, cut_out, draw
from retrain.config import RetrainConfig
from retrain.schedule import generator_of, seed_of

Batch = tuple[Tensor, Tensor]  # float32 [n, c, h, w] with mean 0 and std 1, labels [n]


class Steps:
    """Which images the steps of an epoch see.

    A rest of two images or more is a step too, in whatever number of processes: where it gives
    less than two to each, which BatchNorm needs, all do the whole of it alike.
    """

    def __init__(self, config: RetrainConfig, n: int, workers: Workers) -> None:
        self.seed, self.size, self.workers, self.n = config.seed, config.batch_size, workers, n
        whole, rest = divmod(n, self.size)
        self.count = whole + (rest >= 2)
        require(self.count > 0, "batch_size", self.size, f"fewer, for {n} training images")

    def of(self, epoch: int, first: int) -> Iterator[tuple[int, Tensor]]:
        """(step, positions of the images of all processes)."""
        order = epoch_order(self.seed, epoch, self.n)
        for step in range(first, self.count):
            yield step, order[step * self.size : (step + 1) * self.size]

    def share(self, n: int) -> slice:
        """This process' part of the n images of a step."""
        return slice(n) if n < 2 * self.workers.size else self.workers.share(n)


def load_images(config: RetrainConfig, workers: Workers, device: torch.device) -> "Images":
    """The data set of a config; a DataError or ConfigError where it is absent or does not fit."""
    if not config.from_folder:
        return MemorySet(config, load_dataset(config.dataset, device, config.seed), workers)
    place = Path(config.dataset).expanduser()
    root, name = (place, "") if config.dataset.endswith("/") else (data_root(), config.dataset)
    return FolderSet(config, root, name, workers, device)


class MemorySet:
    """A set whose images all lie on the device, where they are augmented too."""

    def __init__(self, config: RetrainConfig, data: Dataset, workers: Workers) -> None:
        self.config, self.data, self.workers = config, data, workers
        self.train, held = data.train, len(data.validation)
        if not config.validation:
            more, held = data.validation, 0
            images = torch.cat([self.train.images, more.images])
            self.train = Split(images, torch.cat([self.train.labels, more.labels]))
        self.classes, self.image_shape = data.num_classes, data.image_shape
        self.header = data.header
        self.sizes = {"train": len(self.train), "validation": held, "test": len(data.test)}
        self.steps = Steps(config, len(self.train), workers)

    def train_batches(self, epoch: int, first: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """(step, images of all processes in it, x, y), from step `first` of an epoch on."""
        settings, device = self.config.augment, self.train.labels.device
        for step, chosen in self.steps.of(epoch, first):
            generator = generator_of("augment", self.config.seed, epoch, step)
            share = self.steps.share(len(chosen))
            draws = draw(settings, len(chosen), self.image_shape[1:], generator).part(share)
            positions = chosen[share].to(device)
            images = self.train.images.index_select(0, positions)
            x = self.data.normalize(crop_and_flip(images, settings.crop_padding, draws))
            y = self.train.labels.index_select(0, positions)
            yield step, len(chosen), cut_out(x, settings.cutout, draws), y

    def evaluation_batches(self, part: str) -> Iterator[Batch]:
        """This process' images of "validation" or "test"."""
        split: Split = getattr(self.data, part)
        share, size = self.workers.share(len(split)), _evaluation_batch(self.config, self.workers)
        for images, labels in zip(split.images[share].split(size), split.labels[share].split(size)):
            yield self.data.normalize(images), labels


def _evaluation_batch(config: RetrainConfig, workers: Workers) -> int:
    return max(1, min(config.batch_size // workers.size, 256))


class FolderSet:
    """A folder of images, read and cropped by processes beside the training."""

    def __init__(
        self, config: RetrainConfig, root: Path, name: str, workers: Workers, device: torch.device
    ) -> None:
        self.config, self.workers, self.device = config, workers, device
        holdout = config.holdout if config.validation else 0
        self.files, self.classes = list_files(root, name, holdout, config.seed)
        self.header = {"name": name_of(config.dataset), "digest": digest(root / name)}
        self.image_shape = (3, config.image_size, config.image_size)
        self.sizes = {part: len(files) for part, files in self.files.items()}
        self.steps = Steps(config, self.sizes["train"], workers)

    def train_batches(self, epoch: int, first: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
        """(step, images of all processes in it, x, y), from step `first` of an epoch on."""
        images = FolderImages(self.files["train"], training_transform(self.config))
        batches = self._read(images, self._keys(epoch, first))
        for (step, chosen), (x, y) in zip(self.steps.of(epoch, first), batches):
            yield step, len(chosen), x, y

    def _keys(self, epoch: int, first: int) -> Iterator[list[tuple[int, int]]]:
        """(position, seed of what is drawn) of this process' images, by step."""
        for step, chosen in self.steps.of(epoch, first):
            share = self.steps.share(len(chosen))
            rng = np.random.default_rng(seed_of("augment", self.config.seed, epoch, step))
            seeds = rng.integers(2**62, size=len(chosen))
            yield list(zip(chosen[share].tolist(), seeds[share].tolist()))

    def evaluation_batches(self, part: str) -> Iterator[Batch]:
        """This process' images of "validation" or "test"."""
        images = FolderImages(self.files[part], middle(self.config.image_size))
        share = range(len(images))[self.workers.share(len(images))]
        size = _evaluation_batch(self.config, self.workers)
        keys = [[(i, 0) for i in share[at : at + size]] for at in range(0, len(share), size)]
        yield from self._read(images, keys)

    def _read(self, images: FolderImages, keys: Iterable) -> Iterator[Batch]:
        """Batches on the device, normalized; a worker's error is told in its own words."""
        loader = DataLoader(
            images,
            batch_sampler=keys,
            num_workers=self.config.loader_workers,
            pin_memory=self.device.type == "cuda",
            worker_init_fn=_leave_signals,
        )
        mean, std = (torch.tensor(v, device=self.device).view(-1, 1, 1) for v in (MEAN, STD))
        try:
            for x, labels in loader:
                x = x.to(self.device, non_blocking=True).float()
                yield (x - mean) / std, labels.to(self.device, non_blocking=True)
        except DataError as error:
            raise DataError(str(error).strip().splitlines()[-1].split("DataError: ")[-1]) from error


Images = MemorySet | FolderSet  # what a training asks of its images


def _leave_signals(_worker: int) -> None:
    """Ctrl-C reaches the whole group of processes: the training answers it, not its readers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def training_transform(config: RetrainConfig) -> object:
    """Random resized crop, flip, colours: from a PIL image to uint8 [3, size, size]."""
    from torchvision.transforms import v2

    settings, strength = config.augment, config.augment.color_jitter
    steps = [v2.RandomResizedCrop(config.image_size, (settings.crop_scale, 1.0))]
    steps += [v2.RandomHorizontalFlip()] if settings.flip else []
    if strength:
        steps.append(v2.ColorJitter(strength, strength, strength, strength / 2))
    return v2.Compose([*steps, v2.PILToTensor()])
