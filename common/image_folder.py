"""Folders of images such as ImageNet-1k: a sample in memory, or all, read while training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from common.dataset import Arrays, DataError, check_data, digest_of
from common.pictures import read_picture

if TYPE_CHECKING:
    from torchvision.datasets import ImageFolder

NAME, SIZE = "imagenet-1k", 224
# Per channel of ImageNet's training images, in units of 0 .. 255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class FolderImages(Dataset):
    """Images of files with labels, read when asked for; transforms may draw from torch."""

    def __init__(self, files: Sequence[tuple[str, int]], transform: Callable) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        """The image at a position; the seed beside it decides what the transform draws."""
        position, seed = key
        path, label = self.files[position]
        image = read_picture(path)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.transform(image), label


def list_files(
    root: Path, name: str, holdout: int, seed: int
) -> tuple[dict[str, list[tuple[str, int]]], int]:
    """Path and label of the images of root/name, by split, and how many classes they have.

    val/ tests, `holdout` images of train/ validate, drawn by the seed.

    Raises:
        DataError: the folders are absent, their classes differ, or too few images are there.
    """
    train, test = (_images(root / name, part) for part in ("train", "val"))
    found = f"one class ({train.classes[0]})"
    check_data(len(train.classes) > 1, str(root / name), found, "two or more")
    foreign = sorted(set(train.classes) ^ set(test.classes))
    found = f"{len(train.classes)} classes in train/ and {len(test.classes)} in val/"
    expected = f"the same; {foreign[0]} is in one only" if foreign else ""
    check_data(not foreign, str(root / name), found, expected)
    n = len(train.samples)
    expected = f"more: holdout = {holdout} leaves none to train on"
    check_data(holdout < n, str(root / name), f"{n} images in train/", expected)
    order = np.random.default_rng(seed).permutation(n).tolist()
    kept, apart = (
        [train.samples[i] for i in sorted(p)] for p in (order[holdout:], order[:holdout])
    )
    files = {"train": kept, "validation": apart, "test": test.samples}
    return files, len(train.classes)


def digest(root: Path) -> str:
    """16 hex digits of the names, sizes and times of all files of a folder of images."""
    rows = []
    for part in ("train", "val"):
        for file in sorted(path for path in (root / part).rglob("*") if path.is_file()):
            state = file.stat()
            rows.append(f"{file.relative_to(root)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest_of(rows)


def _images(root: Path, part: str) -> ImageFolder:
    """Images and classes of root/train or root/val, which has one folder of images per class."""
    from torchvision.datasets import ImageFolder

    if not any(path.is_dir() for path in (root / part).glob("*")):
        raise DataError(
            f"{root.name} is not in {root.parent}: expected {root / part}/CLASS/*.JPEG, one folder "
            f"for each class; see bash scripts/prepare_data.sh"
        )
    try:
        return ImageFolder(root / part)
    except FileNotFoundError as error:  # a class without images
        raise DataError(str(error).splitlines()[0]) from error


def load_sample(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """Random images as uint8 [n, 3, 224, 224], resized to 256 and cropped in the middle.

    Training images are drawn from root/imagenet-1k/train, validation and test images from disjoint
    parts of its val/; a search looks at a mini-batch and needs no more.

    Raises:
        DataError: the folders are absent, or an image cannot be read faithfully.
    """
    train, held = (_images(root / NAME, part).samples for part in ("train", "val"))
    check_data(len(held) > 1, f"{root / NAME}/val", "one image", "two: to validate and to test")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(train))[:1024]
    validation, test = np.split(rng.permutation(len(held)), [len(held) // 2])
    return _read(train, chosen), _read(held, validation[:256]), _read(held, test[:256])


def _read(files: list[tuple[str, int]], chosen: np.ndarray) -> Arrays:
    images = FolderImages(files, middle(SIZE))
    pixels, labels = zip(*(images[int(index), 0] for index in chosen))
    return torch.stack(pixels).numpy(), np.array(labels, dtype=np.int64)


def middle(size: int) -> Callable:
    """The middle of the resized image, 224 of 256: from a PIL image to uint8 [3, size, size]."""
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize(size * 8 // 7), v2.CenterCrop(size), v2.PILToTensor()])
