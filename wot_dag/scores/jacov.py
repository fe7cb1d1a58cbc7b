"""jacov: do gradients tell images apart? (The first version of WOT; zero-cost-nas has it too.)"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from wot_dag.hooks import logits
from wot_dag.scores.base import OfNetwork

K = 1e-5


def jacov(network: nn.Module, images: Tensor, _generator: torch.Generator) -> float:
    """-sum(log(v + k) + 1 / (v + k)), v the eigenvalues of the correlations of input gradients.

    The gradient of an image is that of the sum of all logits, BatchNorm in train mode; k = 1e-5.
    -inf where a gradient is constant, so that it has no correlation. No published number is
    compared: tables of the field differ in the network and the batch.
    """
    inputs = images.detach().clone().requires_grad_()
    total = logits(network.train(), inputs).sum()
    if not total.requires_grad:
        return -math.inf
    (gradient,) = torch.autograd.grad(total, inputs, allow_unused=True)
    if gradient is None:  # no path from the images to the logits
        return -math.inf
    rows = gradient.flatten(1).double().cpu().numpy()
    if not (np.ptp(rows, axis=1) > 0).all() or not np.isfinite(rows).all():
        return -math.inf
    values = np.linalg.eigvalsh(np.corrcoef(rows)).clip(min=0) + K
    return float(-(np.log(values) + 1 / values).sum())


SCORE = OfNetwork("jacov", jacov)
