"""Flip, padded crop and cutout of whole batches, on the device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from retrain.config import AugmentSettings


class Draws(NamedTuple):
    """What is random about n images: all int64 or bool, on the CPU."""

    flip: Tensor  # [n]
    offset: Tensor  # [n, 2] of the crop in the padded image: row, column
    centre: Tensor  # [n, 2] of the cutout

    def part(self, share: slice) -> Draws:
        """The draws of some of the images."""
        return Draws(*(tensor[share] for tensor in self))


def draw(
    settings: AugmentSettings, n: int, size: tuple[int, int], generator: torch.Generator
) -> Draws:
    """Draws for n images of `size`, always as many whatever the settings are."""
    uniform = torch.rand(n, 5, generator=generator)
    positions = 2 * settings.crop_padding + 1
    offset = (uniform[:, 1:3] * positions).long().clamp_max(positions - 1)
    limits = torch.tensor(size)
    centre = torch.minimum((uniform[:, 3:5] * limits).long(), limits - 1)
    return Draws(settings.flip & (uniform[:, 0] < 0.5), offset, centre)


def crop_and_flip(images: Tensor, padding: int, draws: Draws) -> Tensor:
    """uint8 [n, c, h, w] -> the same shape; what lies outside the image is black."""
    n, c, h, w = images.shape
    device = images.device
    flip, offset = draws.flip.to(device), draws.offset.to(device)
    rows = offset[:, :1] + torch.arange(h, device=device)
    columns = torch.arange(w, device=device).expand(n, w)
    columns = offset[:, 1:] + torch.where(flip[:, None], columns.flip(1), columns)
    padded = F.pad(images, (padding,) * 4)
    each = torch.arange(n, device=device)[:, None, None, None]
    channel = torch.arange(c, device=device)[:, None, None]
    return padded[each, channel, rows[:, None, :, None], columns[:, None, None]]


def cut_out(x: Tensor, side: int, draws: Draws) -> Tensor:
    """Sets a square of x [n, c, h, w] to 0, the mean; its centre lies inside the image."""
    if not side:
        return x
    centre = draws.centre.to(x.device)
    low, high = centre - side // 2, centre - side // 2 + side
    inside = [
        (at >= low[:, [axis]]) & (at < high[:, [axis]])
        for axis, at in enumerate(torch.arange(size, device=x.device) for size in x.shape[2:])
    ]
    return x.masked_fill(inside[0][:, None, :, None] & inside[1][:, None, None, :], 0.0)
