"""Images of one's own: a .npz file with arrays x_train, y_train, x_test, y_test."""

from pathlib import Path

import numpy as np

from common.dataset import Arrays, DataError, check_data
from common.files import BROKEN, first_line


def load(path: Path) -> tuple[Arrays, Arrays]:
    """Training and test images; a DataError says what does not fit where there are none."""
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, expected an .npz with x_train, y_train, x_test, y_test"
        )
    try:
        with path.open("rb") as handle, np.load(handle) as file:
            arrays = {key: np.asarray(file[key]) for key in file.files}
    except BROKEN as error:
        said = first_line(error)
        raise DataError(f"{path}: not a readable .npz of plain arrays ({said})") from error
    parts = tuple(_checked_arrays(path, arrays, part) for part in ("train", "test"))
    labels = np.unique(np.concatenate([y for _, y in parts]))
    last = labels[-1]
    found = f"{len(labels)} different labels up to {last}"
    expected = f"all of 0 .. {last}: number the classes from 0, without gaps"
    check_data(len(labels) > last, f"{path}: y_train, y_test", found, expected)
    return parts


def channels_first(images: np.ndarray) -> np.ndarray:
    """[n, h, w], [n, h, w, c] or [n, c, h, w] -> contiguous [n, c, h, w]."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images)


def _checked_arrays(path: Path, arrays: dict[str, np.ndarray], part: str) -> Arrays:
    named = [f"{key}_{part}" for key in "xy"]
    images, labels = (f"{path}: {key}" for key in named)
    for key in named:
        only = f"only {', '.join(arrays)}"
        check_data(key in arrays, f"{path}: {key}", only, "an array of this name")
    x, y = (arrays[key] for key in named)
    check_data(x.dtype == np.uint8, images, f"dtype {x.dtype}", "uint8 (0 .. 255)")
    shaped = x.size and (x.ndim == 3 or (x.ndim == 4 and {x.shape[1], x.shape[3]} & {1, 3}))
    expected = "[n, h, w], [n, h, w, c] or [n, c, h, w] with c = 1 or 3"
    check_data(bool(shaped), images, f"shape {x.shape}", expected)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y  # as Keras has labels
    integer = y.dtype.kind in "iu" and y.shape == (len(x),)
    expected = f"integers ({len(x)},), one per image"
    check_data(integer, labels, f"{y.dtype} {y.shape}", expected)
    for label in (int(y.min()), int(y.max())):
        expected = "classes numbered from 0, without gaps"
        check_data(0 <= label < 2**31, labels, f"label {label}", expected)
    return channels_first(x), y.astype(np.int64)
