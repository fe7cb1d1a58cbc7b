"""synflow: what flows through all weights at once (Tanaka et al., NeurIPS 2020)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from wot_dag.hooks import logits
from wot_dag.scores.base import OfNetwork


def synflow(network: nn.Module, images: Tensor, _generator: torch.Generator) -> float:
    """log of the sum over weights of |w| d(sum of logits) / d|w|, at an input of ones.

    In float64; BatchNorm is left out, everything else in evaluation mode. The sum itself
    overflows in deep networks. -inf where nothing flows. No published number is compared: those
    of the field leave the logarithm out, and differ in what they do with BatchNorm.
    """
    network = network.double().eval()
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.forward = lambda x: x
    for parameter in network.parameters():
        parameter.data.abs_()
    weights = [p for p in network.parameters() if p.dim() > 1]
    total = logits(network, torch.ones_like(images[:1], dtype=torch.float64)).sum()
    flows = torch.autograd.grad(total, weights, allow_unused=True)
    whole = sum(
        float((w.detach() * flow).sum()) for w, flow in zip(weights, flows) if flow is not None
    )
    return math.log(whole) if whole > 0 else -math.inf


SCORE = OfNetwork("synflow", synflow)
