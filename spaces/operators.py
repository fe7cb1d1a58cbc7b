"""Candidate operators as modules: ReLU, convolution, BatchNorm, in the order of the benchmarks.

Every operator maps [n, channels, h, w] to [n, channels, ceil(h / stride), ceil(w / stride)].
No module works in place, and each ReLU is a module of its own, so that hooks see every one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from spaces.names import check_name


def relu_conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, BatchNorm."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))


def _factorized_conv(channels: int, stride: int, kernel: int) -> nn.Sequential:
    """ReLU, 1 x k and k x 1 convolutions, BatchNorm; each takes one of the strides."""
    pad = kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, kernel), (1, stride), (0, pad), bias=False),
        nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(channels),
    )


def _separable(channels: int, stride: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    """ReLU, depthwise and pointwise convolution, BatchNorm."""
    pad = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, pad, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _single_separable(channels: int, stride: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(*_separable(channels, stride, kernel, dilation=2))


def _double_separable(channels: int, stride: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    first = _separable(channels, stride, kernel, dilation)
    return nn.Sequential(*first, *_separable(channels, 1, kernel, dilation))


class Zero(nn.Module):
    """The operator none: zeros of the output's shape."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Zeros [n, c, ceil(h / stride), ceil(w / stride)]."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class FactorizedReduce(nn.Module):
    """Halves the size: ReLU, two 1x1 convolutions of stride 2 one pixel apart, BatchNorm."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.even = nn.Conv2d(c_in, c_out // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(c_in, c_out - c_out // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """[n, c_in, h, w] to [n, c_out, ceil(h / 2), ceil(w / 2)]; odd sizes are padded."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.even(x), self.odd(shifted)], dim=1))


def skip_connect(channels: int, stride: int) -> nn.Module:
    """Identity, or FactorizedReduce where the size halves."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


def _nor_conv(channels: int, stride: int, kernel: int) -> nn.Sequential:
    return relu_conv_bn(channels, channels, kernel, stride)


def _avg_pool(channels: int, stride: int) -> nn.Module:
    return nn.AvgPool2d(3, stride, 1, count_include_pad=False)


def _max_pool(channels: int, stride: int, kernel: int) -> nn.Module:
    return nn.MaxPool2d(kernel, stride, kernel // 2)


_FACTORIES: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda channels, stride: Zero(stride),
    "skip_connect": skip_connect,
    "nor_conv_1x1": partial(_nor_conv, kernel=1),
    "nor_conv_3x3": partial(_nor_conv, kernel=3),
    "avg_pool_3x3": _avg_pool,
    "max_pool_3x3": partial(_max_pool, kernel=3),
    "max_pool_5x5": partial(_max_pool, kernel=5),
    "max_pool_7x7": partial(_max_pool, kernel=7),
    "conv_1x1": partial(_nor_conv, kernel=1),
    "conv_3x3": partial(_nor_conv, kernel=3),
    "conv_3x1_1x3": partial(_factorized_conv, kernel=3),
    "conv_7x1_1x7": partial(_factorized_conv, kernel=7),
    "sep_conv_3x3": partial(_double_separable, kernel=3),
    "sep_conv_5x5": partial(_double_separable, kernel=5),
    "sep_conv_7x7": partial(_double_separable, kernel=7),
    "dil_conv_3x3": partial(_single_separable, kernel=3),
    "dil_conv_5x5": partial(_single_separable, kernel=5),
    "dil_sep_conv_3x3": partial(_double_separable, kernel=3, dilation=2),
}


def make_operator(name: str, channels: int, stride: int = 1) -> nn.Module:
    """The operator `name` on `channels` channels.

    Raises:
        SpaceError: an unknown operator; names the nearest.
    """
    check_name(name, _FACTORIES, "operator")
    return _FACTORIES[name](channels, stride)
