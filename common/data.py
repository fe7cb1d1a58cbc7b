"""The catalogue of datasets; a whole set lives as uint8 on the device."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from common.config import require

Arrays = tuple[np.ndarray, np.ndarray]  # images uint8 [n, c, h, w], labels int64 [n]


class DataError(RuntimeError):
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
        name: as in the catalogue.
        train: images to train on.
        validation: images to select models on.
        test: images to report on, once.
        num_classes: number of labels.
        mean: float32 [c], per channel over `train`, in units of the uint8 range 0 .. 255.
        std: likewise.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    num_classes: int
    mean: Tensor
    std: Tensor

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return tuple(self.train.images.shape[1:])

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 [..., c, h, w] -> float32 with mean 0 and std 1 per channel over `train`."""
        scale = (1 / self.std).view(-1, 1, 1)
        return torch.addcmul(-self.mean.view(-1, 1, 1) * scale, images.float(), scale)


def data_root() -> Path:
    """$DATA_ROOT, by default data/ in the working directory."""
    return Path(os.environ.get("DATA_ROOT", "data"))


def load_dataset(name: str, device: str | torch.device = "cpu", seed: int = 0) -> Dataset:
    """Loads a dataset of the catalogue, or a path that ends in .npz.

    Splits: digits stratified 1,000 / 297 / 500, always the same; CIFAR first 45,000 train and
    last 5,000 validation; the others 90/10 of the training images by `seed`.

    Args:
        name: digits, mnist, cifar10, cifar100, svhn, ImageNet16-120, imagenet-1k (a sample of
            1,024 / 256 / 256 images of 224x224), or PATH.npz with arrays x_train, y_train,
            x_test, y_test (images uint8 [n, h, w], [n, h, w, c] or [n, c, h, w]).
        device: where the images shall live.
        seed: of the split.

    Raises:
        DataError: unknown name, files that are absent or do not fit.
    """
    if name.endswith(".npz"):
        train, test = _load_npz(Path(name))
        splits = (*_holdout(train, seed), test)
    elif name in CATALOGUE:
        splits = CATALOGUE[name](data_root(), seed)
    else:
        raise DataError(
            f"dataset: found {name!r}, expected one of {', '.join(CATALOGUE)}, or a path to a .npz"
        )
    return _dataset(name, splits, device)


def check_dataset_name(name: str) -> bool:
    """Whether `load_dataset` knows the name; the files are not looked for."""
    return name in CATALOGUE or name.endswith(".npz")


def require_dataset(key: str, name: str) -> None:
    """Raises a ConfigError naming `key` unless `load_dataset` knows the name."""
    require(check_dataset_name(name), key, name, f"one of {', '.join(CATALOGUE)}, or PATH.npz")


def _dataset(name: str, splits: tuple[Arrays, Arrays, Arrays], device: object) -> Dataset:
    images = splits[0][0]
    axes = (0, 2, 3)
    mean = torch.tensor(images.mean(axes), dtype=torch.float32, device=device)
    std = torch.tensor(images.std(axes), dtype=torch.float32, device=device)
    on_device = [
        Split(torch.from_numpy(x).contiguous().to(device), torch.from_numpy(y).to(device))
        for x, y in splits
    ]
    num_classes = int(max(y.max() for _, y in splits)) + 1
    return Dataset(name, *on_device, num_classes, mean, std.clamp_min(1e-6))


def holdout_indices(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of n images to train on (90 %) and to validate on (10 %), by seed."""
    order = np.random.default_rng(seed).permutation(n)
    return order[: n * 9 // 10], order[n * 9 // 10 :]


def _holdout(train: Arrays, seed: int) -> tuple[Arrays, Arrays]:
    parts = holdout_indices(len(train[1]), seed)
    return tuple((train[0][part], train[1][part]) for part in parts)


def _load_digits(_root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """1,797 handwritten digits of 8x8 that ship inside scikit-learn; values 0 .. 16."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=500, stratify=labels, random_state=0
    )
    train, validation = train_test_split(rest, test_size=297, stratify=labels[rest], random_state=0)
    return tuple((images[part], labels[part]) for part in (train, validation, test))


def _load_mnist(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    from torchvision.datasets import MNIST

    train, test = _from_torchvision(
        "mnist", root, lambda part: MNIST(root, part == "train", download=True), "MNIST/raw/*-ubyte"
    )
    return (*_holdout(train, seed), test)


def _load_cifar(name: str) -> Callable[[Path, int], tuple[Arrays, Arrays, Arrays]]:
    def load(root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
        from torchvision import datasets

        cls = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
        files = {"cifar10": "cifar-10-batches-py/", "cifar100": "cifar-100-python/"}[name]
        (x, y), test = _from_torchvision(
            name, root, lambda part: cls(root, part == "train", download=True), files
        )
        return (x[:45000], y[:45000]), (x[45000:], y[45000:]), test

    return load


def _load_svhn(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    from torchvision.datasets import SVHN

    train, test = _from_torchvision(
        "svhn",
        root,
        lambda part: SVHN(root, part, download=True),
        "train_32x32.mat, test_32x32.mat",
    )
    return (*_holdout(train, seed), test)


def _load_imagenet16(root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """ImageNet16-120; even images of the validation file validate, odd ones test."""
    from common import imagenet16

    folder = root / "ImageNet16"
    x, y = imagenet16.load(folder, "validation")
    halves = ((x[part::2], y[part::2]) for part in (0, 1))
    return imagenet16.load(folder, "train"), *halves


def _load_imagenet(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """A sample of ImageNet-1k: the whole set does not fit into memory."""
    from common import image_folder

    return image_folder.load_sample(root, seed)


def _from_torchvision(
    name: str, root: Path, make: Callable[[str], object], files: str
) -> tuple[Arrays, Arrays]:
    """Training and test arrays of a torchvision dataset, downloaded if absent."""
    try:
        sets = [make(part) for part in ("train", "test")]
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} is not in {root} and could not be downloaded ({_reason(error)}): put "
            f"{files} into {root}/ (or set DATA_ROOT), or fetch it: "
            f"bash scripts/prepare_data.sh {name}"
        ) from error
    return tuple((_nchw(_array(s.data)), _labels(s)) for s in sets)


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:80]


def _array(data: Tensor | np.ndarray) -> np.ndarray:
    return data.numpy() if isinstance(data, Tensor) else data


def _labels(dataset: object) -> np.ndarray:
    labels = dataset.targets if hasattr(dataset, "targets") else dataset.labels
    return np.asarray(labels).astype(np.int64)


def _nchw(images: np.ndarray) -> np.ndarray:
    """[n, h, w], [n, h, w, c] or [n, c, h, w] -> contiguous [n, c, h, w]."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images)


def _load_npz(path: Path) -> tuple[Arrays, Arrays]:
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, expected an .npz with x_train, y_train, x_test, y_test"
        )
    try:
        with path.open("rb") as handle, np.load(handle) as file:
            arrays = {key: file[key] for key in file.files}
    except (ValueError, TypeError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: not a readable .npz of plain arrays ({_reason(error)})"
        ) from error
    parts = tuple(_checked_arrays(path, arrays, part) for part in ("train", "test"))
    labels = np.unique(np.concatenate([y for _, y in parts]))
    if len(labels) <= labels[-1]:
        raise DataError(
            f"{path}: y_train, y_test: found {len(labels)} different labels up to {labels[-1]}, "
            f"expected all of 0 .. {labels[-1]}: number the classes from 0, without gaps"
        )
    return parts


def _checked_arrays(path: Path, arrays: dict[str, np.ndarray], part: str) -> Arrays:
    def check(ok: bool, key: str, found: object, expected: str) -> None:
        if not ok:
            raise DataError(f"{path}: {key}: found {found}, expected {expected}")

    for key in (f"x_{part}", f"y_{part}"):
        check(key in arrays, key, f"only {', '.join(arrays)}", "an array of this name")
    x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
    check(x.dtype == np.uint8, f"x_{part}", f"dtype {x.dtype}", "uint8 (0 .. 255)")
    check(
        x.ndim == 3 or (x.ndim == 4 and {x.shape[1], x.shape[3]} & {1, 3}),
        f"x_{part}",
        f"shape {x.shape}",
        "[n, h, w], [n, h, w, c] or [n, c, h, w] with c = 1 or 3",
    )
    integer = y.dtype.kind in "iu" and y.ndim == 1 and len(y) == len(x) and len(y) > 0
    check(integer, f"y_{part}", f"{y.dtype} {y.shape}", f"integers ({len(x)},), one per image")
    check(int(y.min()) >= 0, f"y_{part}", f"label {y.min()}", "labels from 0")
    return _nchw(x), y.astype(np.int64)


CATALOGUE: dict[str, Callable[[Path, int], tuple[Arrays, Arrays, Arrays]]] = {
    "digits": _load_digits,
    "mnist": _load_mnist,
    "cifar10": _load_cifar("cifar10"),
    "cifar100": _load_cifar("cifar100"),
    "svhn": _load_svhn,
    "ImageNet16-120": _load_imagenet16,
    "imagenet-1k": _load_imagenet,
}
