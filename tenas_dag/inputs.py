"""The inputs of both indicators, drawn from the training images by seed."""

from __future__ import annotations

import torch
from torch import Tensor

from common.data import DataError, Dataset

CROP = 3  # side of the inputs that linear regions are counted on


def check_images(data: Dataset, batch_size: int, least_side: int) -> None:
    """Stops before any work if the images do not fit.

    Raises:
        DataError: fewer images than the batch, or images smaller than the network needs.
    """
    _, height, width = data.image_shape
    if len(data.train) < batch_size:
        raise DataError(
            f"{data.name}: found {len(data.train)} training images, expected at least the batch "
            f"of {batch_size}: lower indicators.batch_size"
        )
    if min(height, width) < least_side:
        raise DataError(
            f"{data.name}: found images of {height}x{width}, expected at least "
            f"{least_side}x{least_side} for this network"
        )


def draw_batch(data: Dataset, size: int, generator: torch.Generator) -> Tensor:
    """Different training images, standardized, float32 [size, c, h, w]."""
    chosen = torch.randperm(len(data.train), generator=generator)[:size]
    images = data.train.images
    return data.normalize(images[chosen.to(images.device)])


def draw_crops(data: Dataset, size: int, generator: torch.Generator) -> Tensor:
    """Random 3x3 crops of one random channel of random images, standardized [size, 1, 3, 3]."""
    channels, height, width = data.image_shape
    images = data.train.images

    def below(limit: int) -> Tensor:
        drawn = torch.randint(limit, (size,), generator=generator)
        return drawn.to(images.device)[:, None, None]

    image, channel = below(len(data.train)), below(channels)
    offsets = torch.arange(CROP, device=images.device)
    rows = below(height - CROP + 1) + offsets[:, None]
    columns = below(width - CROP + 1) + offsets
    crops = images[image, channel, rows, columns].float()
    mean, std = data.mean[channel], data.std[channel]
    return ((crops - mean) / std)[:, None]
