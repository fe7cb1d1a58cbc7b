"""Image files read faithfully, to RGB of 8 bits per channel, or refused by name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from common.dataset import DataError
from common.files import BROKEN

if TYPE_CHECKING:
    from PIL.Image import Image


def read_picture(path: str) -> Image:
    """The picture as RGB; grey of 16 bits is scaled to 8.

    Raises:
        DataError: no readable picture, one too large to be true, or one that 8 bits of RGB cannot
            show: transparent, or of numbers that are no colours.
    """
    import PIL.Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path) as image:
                image.load()
                return _rgb(path, image)
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise DataError(f"{path} has too many pixels to be an image ({error})") from error
    except BROKEN as error:
        raise DataError(f"{path} is no readable image ({type(error).__name__})") from error


def _rgb(path: str, image: Image) -> Image:
    import PIL.Image

    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if alpha and image.convert("RGBA").getextrema()[3][0] < 255:
        raise DataError(f"{path} has transparent pixels: save it without an alpha channel")
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        eight = np.asarray(image.convert("I")) >> 8
        return PIL.Image.fromarray(eight.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = "32-bit integers" if image.mode == "I" else "floats"
        raise DataError(f"{path} has pixels of {kind}: save it with 8 or 16 bits per channel")
    return image.convert("RGB")
