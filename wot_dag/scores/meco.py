"""meco: how alike are the channels of feature maps? (Jiang et al., NeurIPS 2023.)"""

import numpy as np
import torch
from torch import Tensor, nn

from wot_dag.hooks import watch
from wot_dag.scores.base import OfNetwork

SIDE = 64  # of the random input, at least


@torch.no_grad()
def meco(network: nn.Module, images: Tensor, generator: torch.Generator) -> float:
    """Sum over convolutions of the smallest eigenvalue of their channels' correlation matrix.

    Of one random input of 64x64, or larger images' size; BatchNorm in train mode. A constant
    channel is correlated with none. No published number is compared: theirs are of Spearman's rho.
    """
    height, width = (max(SIDE, size) for size in images.shape[2:])
    chance = torch.randn(1, images.shape[1], height, width, generator=generator).to(images)
    smallest: list[float] = []

    def keep(output: Tensor) -> None:
        channels = output[0].flatten(1).double().cpu().numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            correlations = np.nan_to_num(np.atleast_2d(np.corrcoef(channels)))
        smallest.append(np.linalg.eigvalsh(correlations)[0])

    watch(network, chance, nn.Conv2d, keep)
    return float(sum(smallest))


SCORE = OfNetwork("MeCo", meco)
