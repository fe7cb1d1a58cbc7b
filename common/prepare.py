"""Entry: python -m common.prepare [NAME ...]: fetches datasets and says what is there."""

from __future__ import annotations

import sys

from common.data import CATALOGUE, DataError, data_root, load_dataset

FOLDERS = {
    "digits": "",
    "mnist": "MNIST/raw",
    "cifar10": "cifar-10-batches-py",
    "cifar100": "cifar-100-python",
    "svhn": "train_32x32.mat",
}


def main(names: list[str]) -> None:
    """Loads each named set, which downloads it if absent; without names lists all."""
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown:
        sys.exit(f"prepare: found {unknown[0]!r}, expected one of {', '.join(CATALOGUE)}")
    for name in names:
        try:
            data = load_dataset(name)
        except DataError as error:
            sys.exit(f"prepare: {error}")
        sizes = " / ".join(f"{len(part):,}" for part in (data.train, data.validation, data.test))
        print(f"{name}: {sizes} training, validation and test images")
    for name in () if names else CATALOGUE:
        there = "there" if (data_root() / FOLDERS[name]).exists() or not FOLDERS[name] else "absent"
        print(
            f"{name:<10} {there:<7} {data_root() / FOLDERS[name] if FOLDERS[name] else 'embedded'}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
