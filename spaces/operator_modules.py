"""Candidate operators as modules: ReLU, convolution, BatchNorm, in the order of the benchmarks.

Every operator maps [n, channels, h, w] to [n, channels, ceil(h / stride), ceil(w / stride)].
No module works in place, and each ReLU is a module of its own, so that hooks see every one.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.errors import check_name
from spaces.operators import OPERATOR_TABLE, Operator


def relu_conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, BatchNorm."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))


def _factorized(op: Operator, channels: int, stride: int) -> nn.Module:
    """ReLU, 1 x k and k x 1 convolutions, BatchNorm; each takes one of the strides."""
    kernel, pad = op.kernel, op.kernel // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, (1, kernel), (1, stride), (0, pad), bias=False),
        nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), (pad, 0), bias=False),
        nn.BatchNorm2d(channels),
    )


def _separable(op: Operator, channels: int, stride: int) -> nn.Module:
    """ReLU, depthwise and pointwise convolution, BatchNorm, `repeats` times; the first strides."""
    c, pad = channels, op.dilation * (op.kernel // 2)
    steps: list[nn.Module] = []
    for repeat in range(op.repeats):
        window = (op.kernel, 1 if repeat else stride, pad, op.dilation)
        steps += [nn.ReLU(), nn.Conv2d(c, c, *window, groups=c, bias=False)]
        steps += [nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c)]
    return nn.Sequential(*steps)


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
        shifted = F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.even(x), self.odd(shifted)], dim=1))


def skip_connect(channels: int, stride: int) -> nn.Module:
    """Identity, or FactorizedReduce where the size halves."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


class AvgPool(nn.Module):
    """Means over windows; pixels outside the image are not counted."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] to [n, c, ceil(h / stride), ceil(w / stride)]."""
        return avg_pool(x, self.kernel, self.stride)


def avg_pool(x: Tensor, kernel: int, stride: int) -> Tensor:
    """What `AvgPool` computes.

    In channels-last order CUDA's reverse pass of padded windows hands gradients to the wrong
    pixels, without a word, in PyTorch's versions up to 2026 (pytorch/pytorch#188344).
    """
    plain = x.contiguous()
    return F.avg_pool2d(plain, kernel, stride, kernel // 2, count_include_pad=False)


_BUILDERS: dict[str, Callable[[Operator, int, int], nn.Module]] = {
    "none": lambda op, channels, stride: Zero(stride),
    "skip": lambda op, channels, stride: skip_connect(channels, stride),
    "conv": lambda op, channels, stride: relu_conv_bn(channels, channels, op.kernel, stride),
    "factorized": _factorized,
    "separable": _separable,
    "avg_pool": lambda op, channels, stride: AvgPool(op.kernel, stride),
    "max_pool": lambda op, channels, stride: nn.MaxPool2d(op.kernel, stride, op.kernel // 2),
}


def make_operator(name: str, channels: int, stride: int = 1) -> nn.Module:
    """The operator `name` on `channels` channels.

    Raises:
        SpaceError: an unknown operator; names the nearest.
    """
    check_name(name, OPERATOR_TABLE, "operator")
    operator = OPERATOR_TABLE[name]
    return _BUILDERS[operator.form](operator, channels, stride)
