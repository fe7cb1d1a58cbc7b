"""The catalogue of datasets: the one place that names them. A set lives as uint8 on the device."""

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import torch

from common import image_folder, imagenet16, npz
from common.config import require
from common.dataset import Arrays, DataError, Dataset, check_parts, digest_of, make_dataset
from common.files import BROKEN, first_line

# Of (data root, seed): training and test images, which are split by seed, or all three splits.
Loader = Callable[[Path, int], Sequence[Arrays]]


@dataclass(frozen=True)
class Entry:
    """A data set of the catalogue.

    Args:
        load: its images.
        place: file or folder below the data root that shows it is there; empty if it ships with
            a package.
        size: of the download.
        page: where a person gets it; empty if it is downloaded.
        files: what to fetch from the page.
        digest: of the files below the data root, where `load` draws a sample of them.
    """

    load: Loader
    place: str = ""
    size: str = ""
    page: str = ""
    files: str = ""
    digest: Callable[[Path], str] | None = None


def data_root() -> Path:
    """$DATA_ROOT, by default data/ in the working directory."""
    return Path(os.environ.get("DATA_ROOT", "data")).expanduser()


def load_dataset(name: str, device: str | torch.device = "cpu", seed: int = 0) -> Dataset:
    """Loads a dataset of the catalogue, or a path that ends in .npz.

    Splits: digits stratified 1,000 / 297 / 500, always the same; CIFAR first 45,000 train and
    last 5,000 validation; ImageNet16-120 halves its validation file; imagenet-1k is a sample of
    1,024 / 256 / 256 images of 224x224; the others 90/10 of the training images by `seed`.

    Args:
        name: of the catalogue, or PATH.npz with arrays x_train, y_train, x_test, y_test (images
            uint8 [n, h, w], [n, h, w, c] or [n, c, h, w]). A file mine.npz is named mine, but
            mnist.npz by its whole name: it need not hold what the catalogue calls mnist.
        device: where the images shall live.
        seed: of the split.

    Raises:
        DataError: unknown name, files that are absent or do not fit.
    """
    if name not in CATALOGUE and not name.endswith(".npz"):
        raise DataError(f"dataset: found {name!r}, expected one of {known_names()}")
    entry = CATALOGUE.get(name) or Entry(lambda _root, _seed: npz.load(Path(name).expanduser()))
    parts = entry.load(data_root(), seed)
    check_parts(name, parts, sample=entry.digest is not None)
    read = [array for part in parts for array in part]
    digest = entry.digest(data_root()) if entry.digest else digest_of(read)
    if len(parts) == 2:
        (x, y), test = parts
        parts = *((x[part], y[part]) for part in holdout_indices(len(y), seed)), test
    if name not in CATALOGUE:
        name = Path(name).name if Path(name).stem in CATALOGUE else Path(name).stem
    return make_dataset(name, parts, digest, device)


def known_names() -> str:
    """What `load_dataset` takes, in words."""
    return f"{', '.join(CATALOGUE)}, or PATH.npz"


def require_dataset(key: str, name: str, folder: bool = False) -> None:
    """Raises a ConfigError naming `key` unless `load_dataset` knows the name, or it is PATH/."""
    ok = name in CATALOGUE or name.endswith((".npz", "/") if folder else ".npz")
    expected = f"one of {known_names()}" + ", or PATH/ of an image folder" * folder
    require(ok, key, name, expected)


def holdout_indices(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of n images to train on (90 %) and to validate on (10 %), by seed."""
    order = np.random.default_rng(seed).permutation(n)
    return order[: n * 9 // 10], order[n * 9 // 10 :]


@cache
def _digits() -> tuple[Arrays, Arrays, Arrays]:
    """1,797 handwritten digits of 8x8 that ship inside scikit-learn; values 0 .. 16."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    everything = np.arange(len(labels))
    rest, test = train_test_split(everything, test_size=500, stratify=labels, random_state=0)
    train, validation = train_test_split(rest, test_size=297, stratify=labels[rest], random_state=0)
    return tuple((images[part], labels[part]) for part in (train, validation, test))


def _load_imagenet16(root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """ImageNet16-120; even images of the validation file validate, odd ones test."""
    x, y = imagenet16.load(root / "ImageNet16", "validation")
    halves = ((x[part::2], y[part::2]) for part in (0, 1))
    return imagenet16.load(root / "ImageNet16", "train"), *halves


def _torchvision(name: str, place: str, size: str, files: str) -> Entry:
    """One of torchvision's sets, read or downloaded; of CIFAR's training images 5,000 validate."""

    def load(root: Path, _seed: int) -> Sequence[Arrays]:
        from torchvision import datasets

        make = getattr(datasets, name.upper())
        parts = ("train", "test") if name == "svhn" else (True, False)
        if name == "mnist":
            _require_whole(root / place)
        try:
            train, test = (_arrays(make(root, part, download=True)) for part in parts)
        except (*BROKEN, AssertionError) as error:
            raise _told(name, root, first_line(error)) from error
        if not name.startswith("cifar"):
            return train, test
        return *(tuple(array[part] for array in train) for part in np.s_[:45000, 45000:]), test

    return Entry(load, place, size, files=files)


def _require_whole(folder: Path) -> None:
    """Raises a DataError unless MNIST's files are as long as their heads say: 00 00 08 n, sizes."""
    for file in sorted(folder.glob("*-ubyte")):
        with file.open("rb") as handle:
            dimensions = (handle.read(4) + bytes(4))[3]
            sizes = np.frombuffer(handle.read(4 * dimensions).ljust(4 * dimensions, b"\xff"), ">u4")
        if file.stat().st_size != 4 + 4 * dimensions + prod(sizes.tolist()):
            raise DataError(
                f"{file} is cut off: delete it, and bash scripts/prepare_data.sh mnist fetches it"
            )


def _arrays(images: object) -> Arrays:
    labels = images.targets if hasattr(images, "targets") else images.labels
    return npz.channels_first(np.asarray(images.data)), np.asarray(labels, np.int64)


def _told(name: str, root: Path, reason: str) -> DataError:
    """Why a set of torchvision's is neither read nor downloaded."""
    entry, place = CATALOGUE[name], root / CATALOGUE[name].place
    if place.is_file() or any(place.glob("*")):  # torchvision makes an empty folder first
        return DataError(
            f"{name}: {place} is damaged or not whole ({reason}): delete it, and "
            f"bash scripts/prepare_data.sh {name} fetches it anew"
        )
    return DataError(
        f"{name} is not in {root} and could not be downloaded ({reason}): put {entry.files} into "
        f"{root}/ (or set DATA_ROOT), or fetch it: bash scripts/prepare_data.sh {name}"
    )


CATALOGUE: dict[str, Entry] = {
    "digits": Entry(lambda _root, _seed: deepcopy(_digits())),
    "mnist": _torchvision("mnist", "MNIST/raw", "12 MB", "MNIST/raw/*-ubyte"),
    "cifar10": _torchvision("cifar10", "cifar-10-batches-py", "170 MB", "cifar-10-batches-py/"),
    "cifar100": _torchvision("cifar100", "cifar-100-python", "169 MB", "cifar-100-python/"),
    "svhn": _torchvision("svhn", "train_32x32.mat", "250 MB", "train_32x32.mat, test_32x32.mat"),
    "ImageNet16-120": Entry(
        _load_imagenet16,
        "ImageNet16",
        "about 1 GB",
        "https://drive.google.com/drive/folders/1T3UIyZXUhMmIuJLOBMIYKAsJknAtrrO4",
        "train_data_batch_1 .. train_data_batch_10, val_data",
    ),
    image_folder.NAME: Entry(
        image_folder.load_sample,
        image_folder.NAME,
        "about 150 GB",
        "https://image-net.org/download.php",
        "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, unpacked to "
        "train/CLASS/*.JPEG and val/CLASS/*.JPEG",
        lambda root: image_folder.digest(root / image_folder.NAME),
    ),
}
