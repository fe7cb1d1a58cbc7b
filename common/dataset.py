"""What a data set is: images and labels in three splits on one device, known by their digest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from common.errors import UserError

Arrays = tuple[np.ndarray, np.ndarray]  # images uint8 [n, c, h, w], labels int64 [n]


class DataError(UserError):
    """A dataset that cannot be used; the message names the files and how to get them."""


@dataclass(frozen=True)
class Split:
    """Images uint8 [n, c, h, w] and labels int64 [n], on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A dataset with its three splits.

    Args:
        name: as in the catalogue, or of a .npz file.
        train: images to train on.
        validation: images to select models on.
        test: images to report on, once.
        num_classes: number of labels.
        mean: float32 [c], per channel over `train`, in units of the uint8 range 0 .. 255.
        std: likewise.
        digest: 16 hex digits of what was read, the same however it was split.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    num_classes: int
    mean: Tensor
    std: Tensor
    digest: str = ""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return tuple(self.train.images.shape[1:])

    @property
    def header(self) -> dict[str, str]:
        """How records name what was read."""
        return {"name": self.name, "digest": self.digest}

    def draw(self, size: int, generator: torch.Generator) -> Tensor:
        """Different training images, uint8 [size, c, h, w]; all of them if there are fewer."""
        chosen = torch.randperm(len(self.train), generator=generator)[:size]
        return self.train.images[chosen.to(self.train.images.device)]

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 [..., c, h, w] -> float32 with mean 0 and std 1 per channel over `train`."""
        scale = (1 / self.std).view(-1, 1, 1)
        return torch.addcmul(-self.mean.view(-1, 1, 1) * scale, images.float(), scale)


def digest_of(parts: Sequence[bytes | np.ndarray]) -> str:
    """16 hex digits that change with any byte, or with an array's shape."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape}".encode())
            part = np.ascontiguousarray(part).data
        digest.update(part)
    return digest.hexdigest()


def check_data(ok: bool, name: str, found: object, expected: str) -> None:
    """Raises a DataError naming the data set unless `ok`."""
    if not ok:
        raise DataError(f"{name}: found {found}, expected {expected}")


def check_parts(name: str, parts: Sequence[Arrays], sample: bool = False) -> None:
    """Raises a DataError unless images, those to train on first, can be trained on and measured.

    In a sample of a larger set other parts may show classes that the first lacks.
    """
    images, labels = parts[0]
    check_data(len(labels) >= 3, name, f"{len(labels)} training image(s)", "at least 3")
    for x, y in parts[1:]:
        check_data(len(y) > 0, name, "no image to test or to validate on", "one or more")
        shapes = f"training images of {images.shape[1:]} and others of {x.shape[1:]}"
        check_data(x.shape[1:] == images.shape[1:], name, shapes, "one (channels, height, width)")
    known = np.unique(labels)
    found = f"one class ({known[0]}) in the training images"
    check_data(len(known) > 1, name, found, "two or more")
    foreign = sorted({int(label) for _, y in parts for label in np.unique(y)} - {*known.tolist()})
    found = f"class {foreign[0]} in the test images alone" if foreign else ""
    check_data(sample or not foreign, name, found, "training images of every class")
    one_colour = images.min() == images.max()
    check_data(not one_colour, name, "training images of one colour", "something to see")


def make_dataset(
    name: str, splits: Sequence[Arrays], digest: str, device: str | torch.device
) -> Dataset:
    """The dataset of three splits, on a device."""
    pixels = splits[0][0]
    mean, std = (
        torch.tensor(of(axis=(0, 2, 3)), dtype=torch.float32, device=device)
        for of in (pixels.mean, pixels.std)
    )
    on_device = [
        Split(torch.from_numpy(x).contiguous().to(device), torch.from_numpy(y).to(device))
        for x, y in splits
    ]
    num_classes = int(max(y.max() for _, y in splits)) + 1
    return Dataset(name, *on_device, num_classes, mean, std.clamp_min(1e-6), digest)


def epoch_order(seed: int, epoch: int, n: int) -> Tensor:
    """A permutation of n images, int64 [n] on the CPU; a resumed run draws it again."""
    # Seeds may be time stamps: their product wraps around where torch's 64 bits end.
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**64)
    return torch.randperm(n, generator=generator)
