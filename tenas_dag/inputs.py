"""The inputs of both indicators, drawn from the training images by seed."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from common.dataset import DataError, Dataset

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


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Images uint8 [n, c, h, w], half of them flipped, each shifted, as the published code does.

    Shifts are up to an eighth of a side; beyond its edges an image is black.
    """
    flipped = torch.rand(len(images), generator=generator) < 0.5
    images = torch.where(flipped.to(images.device)[:, None, None, None], images.flip(3), images)
    height, width = images.shape[2:]
    border = height // 8
    padded = functional.pad(images, (border,) * 4)
    shifts = torch.randint(2 * border + 1, (len(images), 2), generator=generator).tolist()
    crops = [
        x[:, top : top + height, left : left + width] for x, (top, left) in zip(padded, shifts)
    ]
    return torch.stack(crops)


def shrink(data: Dataset, side: int = 32) -> Dataset:
    """The same with training images resized to side x side, where they are larger."""
    images = data.train.images
    if max(data.image_shape[1:]) <= side:
        return data
    resized = functional.interpolate(images.float(), (side, side), mode="bilinear", antialias=True)
    resized = resized.round().clamp(0, 255).to(torch.uint8)
    return replace(data, train=replace(data.train, images=resized))


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
