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
    return data.normalize(data.draw(size, torch.Generator().manual_seed(seed)))
