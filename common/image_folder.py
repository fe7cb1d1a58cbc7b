"""Folders of images such as ImageNet-1k: a sample in memory, or all, read while training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
        """The image at a position; the seed beside it decides what the transform draws.

        Raises:
            DataError: the file cannot be read faithfully.
        """
        position, seed = key
        path, label = self.files[position]
        image = read_picture(path)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.transform(image), label


class FolderFiles(NamedTuple):
    """Path and label of every image, by split; names of the classes; a digest of it all."""

    train: list[tuple[str, int]]
    validation: list[tuple[str, int]]
    test: list[tuple[str, int]]
    classes: list[str]
    digest: str


def list_files(root: Path, name: str, holdout: int, seed: int) -> FolderFiles:
    """Files of root/name: val/ tests, `holdout` images of train/ validate.

    Args:
        root: the folder that holds `name`, or the image folder itself with an empty name.
        name: such as imagenet-1k.
        holdout: images of train/ to keep apart; 0 trains on all.
        seed: of what is kept apart.

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
    return FolderFiles(kept, apart, test.samples, train.classes, digest(root / name))


def digest(root: Path) -> str:
    """16 hex digits of the names, sizes and times of all files of a folder of images."""
    rows = []
    for part in ("train", "val"):
        for file in sorted(path for path in (root / part).rglob("*") if path.is_file()):
            state = file.stat()
            rows.append(f"{file.relative_to(root)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest_of(rows)


def _images(root: Path, part: str, **words: Callable) -> ImageFolder:
    """Images and classes of root/train or root/val, which has one folder of images per class.

    Raises:
        DataError: the folder is absent, or a class has no image.
    """
    from torchvision.datasets import ImageFolder

    if not any(path.is_dir() for path in (root / part).glob("*")):
        raise DataError(
            f"{root.name} is not in {root.parent}: expected {root / part}/CLASS/*.JPEG, one folder "
            f"for each class; see bash scripts/prepare_data.sh"
        )
    try:
        return ImageFolder(root / part, **words)
    except FileNotFoundError as error:  # a class without images
        raise DataError(str(error).splitlines()[0]) from error


def load_sample(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """Random images as uint8 [n, 3, 224, 224], resized to 256 and cropped in the middle.

    Training images are drawn from root/imagenet-1k/train, validation and test images from disjoint
    parts of its val/; a search looks at a mini-batch and needs no more.

    Raises:
        DataError: the folders are absent, or an image cannot be read faithfully.
    """
    from torchvision.transforms.v2 import CenterCrop, Compose, Resize

    crop = Compose([Resize(SIZE * 8 // 7), CenterCrop(SIZE)])
    rng = np.random.default_rng(seed)
    words = {"transform": crop, "loader": read_picture}
    train, held = (_images(root / NAME, part, **words) for part in ("train", "val"))
    check_data(len(held) > 1, f"{root / NAME}/val", "one image", "two: to validate and to test")
    chosen = rng.permutation(len(train))[:1024]
    validation, test = np.split(rng.permutation(len(held)), [len(held) // 2])
    return _read(train, chosen), _read(held, validation[:256]), _read(held, test[:256])


def _read(images: ImageFolder, chosen: np.ndarray) -> Arrays:
    pairs = [images[int(index)] for index in chosen]
    pixels = np.stack([np.asarray(image, dtype=np.uint8).transpose(2, 0, 1) for image, _ in pairs])
    return pixels, np.array([label for _, label in pairs], dtype=np.int64)
