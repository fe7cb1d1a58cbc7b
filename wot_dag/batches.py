"""Mini-batches that are scored."""

import torch
from torch import Tensor

from common.config import require
from common.dataset import Dataset


def draw_batch(data: Dataset, size: int, seed: int) -> Tensor:
    """Mini-batch [size, c, h, w] of different training images, standardized per channel.

    Raises:
        ConfigError: there are not so many.
    """
    require(
        size <= len(data.train), "score.batch_size", size, f"2 .. {len(data.train)}, the images"
    )
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.train), generator=generator)[:size]
    return data.normalize(data.train.images[chosen.to(data.train.images.device)])
