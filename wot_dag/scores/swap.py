"""swap: how many different patterns do ReLUs show? (Peng et al., ICLR 2024.)"""

import numpy as np
import torch
from torch import Tensor, nn

from wot_dag.hooks import watch
from wot_dag.scores.base import OfNetwork


@torch.no_grad()
def swap(network: nn.Module, images: Tensor, _generator: torch.Generator) -> float:
    """Number of distinct patterns of signs over the mini-batch, of all ReLU positions.

    BatchNorm in train mode. The regularization by the number of parameters is left out. No
    published number is compared: theirs are of Spearman's rho, on other networks and batches.
    """
    patterns: set[bytes] = set()

    def keep(output: Tensor) -> None:
        signs = (output.flatten(1) > 0).T.cpu().numpy()  # [positions, n]
        packed = np.ascontiguousarray(np.packbits(signs, axis=1))
        patterns.update(packed.view(f"S{packed.shape[1]}").ravel().tolist())

    watch(network, images, nn.ReLU, keep)
    return float(len(patterns))


SCORE = OfNetwork("swap", swap)
