"""ImageNet16-120: images of 16x16 with the first 120 labels of ImageNet (Chrabaszcz et al., 2017).

Ten training files and one validation file, each a pickled dict with `data`, uint8 [n, 768] (red,
green, blue rows of 16x16), and `labels`, 1 .. 1000. `python -m common.imagenet16 verify ROOT`
prints the state of each file.
"""

from __future__ import annotations

import argparse
import codecs
import hashlib
import io
import pickle
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from common.dataset import DataError

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
NUM_LABELS, SIZE = 1000, 16
_VALIDATION = "val_data"
_ARRAYS = "numpy._core.multiarray"
_ALLOWED = {  # what a pickled array names
    (_ARRAYS, "_reconstruct"): np.zeros(0).__reduce__()[0],
    (_ARRAYS, "scalar"): np.float64(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays, numbers, texts, lists and dicts, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Only what an array needs.

        Raises:
            DataError: a foreign class, named in the message.
        """
        module = module.replace("numpy.core.", "numpy._core.")
        if (module, name) not in _ALLOWED:
            raise DataError(f"refused: it holds {module}.{name}, which no image file needs")
        return _ALLOWED[module, name]


def load(
    root: str | Path, split: Literal["train", "validation"], num_classes: int = 120
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the first `num_classes` labels.

    Args:
        root: the folder of the eleven files.
        split: "train" or "validation".
        num_classes: labels up to this number are kept; 120 gives ImageNet16-120.

    Returns:
        uint8 [n, 3, 16, 16] and int64 [n], labels from 0.

    Raises:
        DataError: a file is missing, its md5 sum differs, it holds foreign classes or no images.
        ValueError: unknown split, or num_classes out of range.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split: found {split!r}, expected 'train' or 'validation'")
    if not 1 <= num_classes <= NUM_LABELS:
        raise ValueError(f"num_classes: found {num_classes}, expected 1 .. {NUM_LABELS}")
    names = [name for name in FILES if (name == _VALIDATION) == (split == "validation")]
    missing = [name for name in names if not (Path(root) / name).is_file()]
    if missing:
        raise DataError(
            f"{root}: missing {', '.join(missing)}; see python -m common.imagenet16 verify {root}"
        )
    parts = [_read(Path(root) / name, num_classes) for name in names]
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts))
    return images, labels


def _read(path: Path, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    content = path.read_bytes()
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != FILES[path.name]:
        raise DataError(f"{path}: found md5 {found}, expected {FILES[path.name]}; fetch it again")
    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
        data, labels = np.asarray(batch["data"]), np.asarray(batch["labels"]).astype(np.int64)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: no pickled dict with data and labels ({reason})") from error
    if data.shape != (len(labels), 3 * SIZE * SIZE) or data.dtype != np.uint8:
        raise DataError(
            f"{path}: found data {data.dtype} {data.shape}, expected uint8 ({len(labels)}, 768)"
        )
    if len(labels) and not 1 <= labels.min() <= labels.max() <= NUM_LABELS:
        raise DataError(
            f"{path}: found labels {labels.min()} .. {labels.max()}, expected 1 .. {NUM_LABELS}"
        )
    kept = labels <= num_classes
    return data[kept].reshape(-1, 3, SIZE, SIZE), labels[kept] - 1


def verify(root: str | Path) -> Iterator[tuple[str, str]]:
    """(file name, state) of each of the eleven files; the state is "ok" or what is wrong."""
    for name, expected in FILES.items():
        path = Path(root) / name
        if not path.is_file():
            yield name, "missing"
            continue
        with path.open("rb") as file:
            digest = hashlib.md5(usedforsecurity=False)
            while block := file.read(1 << 20):
                digest.update(block)
        found = digest.hexdigest()
        yield name, "ok" if found == expected else f"md5 is {found}, expected {expected}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 0 if all files are ok, otherwise 1."""
    parser = argparse.ArgumentParser(prog="python -m common.imagenet16", description=__doc__)
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("root", type=Path, help="the folder of the eleven files")
    states = verify(parser.parse_args(arguments).root)
    wrong = 0
    for name, state in states:
        print(f"{name:20} {state}", flush=True)
        wrong += state != "ok"
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
