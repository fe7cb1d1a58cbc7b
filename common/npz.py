"""Images of one's own: a .npz file with arrays x_train, y_train, x_test, y_test."""

from pathlib import Path

import numpy as np

from common.dataset import Arrays, DataError
from common.files import BROKEN, first_line


def load(path: Path) -> tuple[Arrays, Arrays]:
    """Training and test images.

    Raises:
        DataError: the file is absent or no such archive; the message says what does not fit.
    """
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
    if len(labels) <= labels[-1]:
        raise DataError(
            f"{path}: y_train, y_test: found {len(labels)} different labels up to {labels[-1]}, "
            f"expected all of 0 .. {labels[-1]}: number the classes from 0, without gaps"
        )
    return parts


def channels_first(images: np.ndarray) -> np.ndarray:
    """[n, h, w], [n, h, w, c] or [n, c, h, w] -> contiguous [n, c, h, w]."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images)


def _checked_arrays(path: Path, arrays: dict[str, np.ndarray], part: str) -> Arrays:
    def check(ok: bool, key: str, found: object, expected: str) -> None:
        if not ok:
            raise DataError(f"{path}: {key}: found {found}, expected {expected}")

    for key in (f"x_{part}", f"y_{part}"):
        check(key in arrays, key, f"only {', '.join(arrays)}", "an array of this name")
    x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
    check(x.dtype == np.uint8, f"x_{part}", f"dtype {x.dtype}", "uint8 (0 .. 255)")
    shaped = x.ndim == 3 or (x.ndim == 4 and {x.shape[1], x.shape[3]} & {1, 3})
    check(
        bool(shaped and x.size),
        f"x_{part}",
        f"shape {x.shape}",
        "[n, h, w], [n, h, w, c] or [n, c, h, w] with c = 1 or 3",
    )
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y  # as Keras has labels
    integer = y.dtype.kind in "iu" and y.ndim == 1 and len(y) == len(x)
    check(integer, f"y_{part}", f"{y.dtype} {y.shape}", f"integers ({len(x)},), one per image")
    low, high = int(y.min()), int(y.max())
    check(low >= 0, f"y_{part}", f"label {low}", "labels from 0")
    check(high < 2**31, f"y_{part}", f"label {high}", "classes numbered from 0, without gaps")
    return channels_first(x), y.astype(np.int64)
