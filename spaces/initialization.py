"""Initial weights of search networks, drawn in place, in the order of their modules."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Scheme = Literal["kaiming_fan_in", "kaiming_fan_out", "default"]
SCHEMES = ("kaiming_fan_in", "kaiming_fan_out", "default")


def _fan(weight: Tensor, scheme: Scheme) -> int:
    """Fan of a linear, convolution, or stacked convolution weight (PyTorch's definition).

    A depthwise convolution has fan-in k^2 and fan-out C k^2.
    """
    shape = weight.shape[-4:] if weight.dim() > 2 else weight.shape
    return math.prod(shape[2:]) * shape[0 if scheme == "kaiming_fan_out" else 1]


@torch.no_grad()
def initialize(
    network: nn.Module, scheme: Scheme, generator: torch.Generator | None = None
) -> None:
    """Draws all weights anew: a generator of the same seed gives the same weights.

    Kaiming: N(0, 2 / fan) for convolutions and the classifier, biases 0. Default: uniform in
    +-1 / sqrt(fan_in), biases too, as PyTorch's modules do. BatchNorm: scale 1, shift 0.

    Raises:
        ValueError: an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"initialization: found {scheme!r}, expected one of {', '.join(SCHEMES)}")
    for module in network.modules():
        weight, bias = (module._parameters.get(name) for name in ("weight", "bias"))
        # a normalization is known by its shift, which has the shape of its scale: so are stacks
        if weight is not None and bias is not None and weight.shape == bias.shape:
            weight.fill_(1)
            bias.fill_(0)
        elif weight is not None:
            _draw(module, scheme, generator)


def _draw(module: nn.Module, scheme: Scheme, generator: torch.Generator | None) -> None:
    fan, bias = _fan(module.weight, scheme), getattr(module, "bias", None)
    if scheme != "default":
        module.weight.normal_(0, math.sqrt(2 / fan), generator=generator)
        if bias is not None:
            bias.fill_(0)
        return
    bound = 1 / math.sqrt(fan)
    for tensor in (module.weight, bias):
        if tensor is not None:
            tensor.uniform_(-bound, bound, generator=generator)
