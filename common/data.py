"""The catalogue of datasets: the one place that names them. A set lives as uint8 on the device."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import torch

from common import image_folder, imagenet16, npz
from common.config import require
from common.dataset import Arrays, DataError, Dataset, check_parts, digest_of, make_dataset
from common.files import first_line

# Of (data root, seed): training and test images, which are split by seed, or all three splits.
Loader = Callable[[Path, int], Sequence[Arrays]]


@dataclass(frozen=True)
class Source:
    """Where data comes from and where it belongs.

    Args:
        place: file or folder below the data root that shows it is there; empty if it ships with
            a package.
        size: of the download.
        page: where a person gets it; empty if it is downloaded.
        files: what to fetch from the page.
    """

    place: str = ""
    size: str = ""
    page: str = ""
    files: str = ""


@dataclass(frozen=True)
class Entry:
    """A data set of the catalogue.

    Args:
        load: its images.
        source: where they come from.
        digest: of the files below the data root, where `load` draws a sample of them.
    """

    load: Loader
    source: Source = field(default_factory=Source)
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
            uint8 [n, h, w], [n, h, w, c] or [n, c, h, w]).
        device: where the images shall live.
        seed: of the split.

    Raises:
        DataError: unknown name, files that are absent or do not fit.
    """
    root = data_root()
    entry = CATALOGUE.get(name)
    if entry is not None:
        parts = entry.load(root, seed)
    elif name.endswith(".npz"):
        parts = npz.load(Path(name).expanduser())
    else:
        raise DataError(f"dataset: found {name!r}, expected one of {known_names()}")
    sampled = entry.digest if entry else None
    check_parts(name, parts, sample=sampled is not None)
    digest = sampled(root) if sampled else digest_of([array for part in parts for array in part])
    if len(parts) == 2:
        (x, y), test = parts
        parts = *((x[part], y[part]) for part in holdout_indices(len(y), seed)), test
    return make_dataset(Path(name).stem if entry is None else name, parts, digest, device)


def known_names() -> str:
    """What `load_dataset` takes, in words."""
    return f"{', '.join(CATALOGUE)}, or PATH.npz"


def check_dataset_name(name: str) -> bool:
    """Whether `load_dataset` knows the name; the files are not looked for."""
    return name in CATALOGUE or name.endswith(".npz")


def require_dataset(key: str, name: str) -> None:
    """Raises a ConfigError naming `key` unless `load_dataset` knows the name."""
    require(check_dataset_name(name), key, name, f"one of {known_names()}")


def holdout_indices(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of n images to train on (90 %) and to validate on (10 %), by seed."""
    order = np.random.default_rng(seed).permutation(n)
    return order[: n * 9 // 10], order[n * 9 // 10 :]


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


def _load_mnist(root: Path, _seed: int) -> tuple[Arrays, Arrays]:
    from torchvision.datasets import MNIST

    for file in sorted((root / "MNIST/raw").glob("*-ubyte")):
        if not _whole_idx(file):
            raise DataError(
                f"{file} is cut off: delete it, and bash scripts/prepare_data.sh mnist fetches it"
            )
    return _from_torchvision(
        "mnist", root, lambda part: MNIST(root, part == "train", download=True)
    )


def _whole_idx(file: Path) -> bool:
    """Whether a file of MNIST is as long as its own head says: 00 00 08 n, then n sizes."""
    with file.open("rb") as handle:
        dimensions = (handle.read(4) + bytes(4))[3]
        sizes = np.frombuffer(handle.read(4 * dimensions).ljust(4 * dimensions, b"\xff"), ">u4")
    return file.stat().st_size == 4 + 4 * dimensions + prod(sizes.tolist())


def _load_cifar(name: str) -> Loader:
    def load(root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
        from torchvision import datasets

        make = getattr(datasets, name.upper())
        (x, y), test = _from_torchvision(
            name, root, lambda part: make(root, part == "train", download=True)
        )
        return (x[:45000], y[:45000]), (x[45000:], y[45000:]), test

    return load


def _load_svhn(root: Path, _seed: int) -> tuple[Arrays, Arrays]:
    from torchvision.datasets import SVHN

    return _from_torchvision("svhn", root, lambda part: SVHN(root, part, download=True))


def _load_imagenet16(root: Path, _seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """ImageNet16-120; even images of the validation file validate, odd ones test."""
    folder = root / "ImageNet16"
    x, y = imagenet16.load(folder, "validation")
    halves = ((x[part::2], y[part::2]) for part in (0, 1))
    return imagenet16.load(folder, "train"), *halves


def _from_torchvision(
    name: str, root: Path, make: Callable[[str], object]
) -> tuple[Arrays, Arrays]:
    """Training and test arrays of a torchvision dataset, downloaded if absent."""
    source = CATALOGUE[name].source
    place = root / source.place
    try:
        sets = [make(part) for part in ("train", "test")]
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        reason = first_line(error)
        if place.is_file() or any(place.glob("*")):  # torchvision makes an empty folder first
            raise DataError(
                f"{name}: {place} is damaged or not whole ({reason}): delete it, and "
                f"bash scripts/prepare_data.sh {name} fetches it anew"
            ) from error
        raise DataError(
            f"{name} is not in {root} and could not be downloaded ({reason}): put "
            f"{source.files} into {root}/ (or set DATA_ROOT), or fetch it: "
            f"bash scripts/prepare_data.sh {name}"
        ) from error
    labels = (s.targets if hasattr(s, "targets") else s.labels for s in sets)
    return tuple(
        (npz.channels_first(np.asarray(s.data)), np.asarray(y, np.int64))
        for s, y in zip(sets, labels)
    )


CATALOGUE: dict[str, Entry] = {
    "digits": Entry(_load_digits),
    "mnist": Entry(_load_mnist, Source("MNIST/raw", "12 MB", files="MNIST/raw/*-ubyte")),
    "cifar10": Entry(
        _load_cifar("cifar10"),
        Source("cifar-10-batches-py", "170 MB", files="cifar-10-batches-py/"),
    ),
    "cifar100": Entry(
        _load_cifar("cifar100"), Source("cifar-100-python", "169 MB", files="cifar-100-python/")
    ),
    "svhn": Entry(
        _load_svhn, Source("train_32x32.mat", "250 MB", files="train_32x32.mat, test_32x32.mat")
    ),
    "ImageNet16-120": Entry(
        _load_imagenet16,
        Source(
            "ImageNet16",
            "about 1 GB",
            "https://drive.google.com/drive/folders/1T3UIyZXUhMmIuJLOBMIYKAsJknAtrrO4",
            f"{next(iter(imagenet16.FILES))} .. {list(imagenet16.FILES)[-2]}, "
            f"{list(imagenet16.FILES)[-1]}",
        ),
    ),
    image_folder.NAME: Entry(
        image_folder.load_sample,
        Source(
            image_folder.NAME,
            "about 150 GB",
            "https://image-net.org/download.php",
            "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, unpacked to "
            "train/CLASS/*.JPEG and val/CLASS/*.JPEG",
        ),
        lambda root: image_folder.digest(root / image_folder.NAME),
    ),
}
