"""ImageNet16-120: images of 16x16 with the first 120 labels of ImageNet (Chrabaszcz et al., 2017).

Ten training files and one validation file, each a pickled dict with `data`, uint8 [n, 768] (red,
green, blue rows of 16x16), and `labels`, 1 .. 1000. `python -m common.imagenet16 verify ROOT`
prints the state of each file.
"""

import argparse
import hashlib
import pickle
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from common.dataset import Arrays, DataError

FILES = {  # name -> md5 sum
    "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
    "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
    "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
    "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
    "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
    "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
    "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
    "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
    "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
    "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
    "val_data": "3410e3017fdaefba8d5073aaa65e4bd6",
}
NUM_CLASSES, SIZE = 120, 16


def load(root: str | Path, split: Literal["train", "validation"]) -> Arrays:
    """Images and labels of the first 120 classes.

    Args:
        root: the folder of the eleven files.
        split: the ten training files, or the one of validation.

    Returns:
        uint8 [n, 3, 16, 16] and int64 [n], labels from 0.

    Raises:
        DataError: a file is missing, or its md5 sum differs.
    """
    names = [name for name in FILES if name.startswith(split[:3])]
    missing = [name for name in names if not (Path(root) / name).is_file()]
    if missing:
        raise DataError(
            f"{root}: missing {', '.join(missing)}; see python -m common.imagenet16 verify {root}"
        )
    parts = [_read(Path(root) / name) for name in names]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    return images, labels


def _read(path: Path) -> Arrays:
    content = path.read_bytes()
    found = _md5(content)
    if found != FILES[path.name]:
        raise DataError(f"{path}: found md5 {found}, expected {FILES[path.name]}; fetch it again")
    # Safe to unpickle, and of the known shape: the sum is that of the official file.
    batch = pickle.loads(content, encoding="latin1")
    labels = np.asarray(batch["labels"], np.int64)
    kept = labels <= NUM_CLASSES
    return np.asarray(batch["data"])[kept].reshape(-1, 3, SIZE, SIZE), labels[kept] - 1


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def verify(root: str | Path) -> Iterator[tuple[str, str]]:
    """(file name, state) of each of the eleven files; the state is "ok" or what is wrong."""
    for name, expected in FILES.items():
        path = Path(root) / name
        found = _md5(path.read_bytes()) if path.is_file() else ""
        wrong = f"md5 is {found}, expected {expected}" if found else "missing"
        yield name, "ok" if found == expected else wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 if all files are ok, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m common.imagenet16", description=__doc__)
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("root", type=Path, help="the folder of the eleven files")
    wrong = 0
    for name, state in verify(parser.parse_args(arguments).root):
        print(f"{name:20} {state}", flush=True)
        wrong += state != "ok"
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
