"""The order of images in an epoch: a function of seed and epoch alone, on any device."""

import torch
from torch import Tensor


def epoch_order(seed: int, epoch: int, n: int) -> Tensor:
    """A permutation of n images, int64 [n] on the CPU; a resumed run draws it again."""
    # Seeds may be time stamps: their product wraps around where torch's 64 bits end.
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**64)
    return torch.randperm(n, generator=generator)
