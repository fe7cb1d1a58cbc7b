"""Average pooling whose reverse pass takes many cotangents at once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.operator_modules import avg_pool


def avg_pool_3x3(x: Tensor, stride: int = 1) -> Tensor:
    """Mean over 3x3 windows, pixels outside [n, c, h, w] not counted."""
    return _AvgPool.apply(x) if stride == 1 else avg_pool(x, 3, stride)


def _box_sums(x: Tensor) -> Tensor:
    """Sums over 3x3 windows: as a depthwise convolution, many times faster than avg_pool2d."""
    return F.conv2d(x, x.new_ones(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


class _AvgPool(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _Spread.apply(grad)


class _Spread(torch.autograd.Function):
    """Hands each mean's cotangent back to the pixels it was taken over."""

    @staticmethod
    def forward(grad: Tensor) -> Tensor:
        counts = _box_sums(grad.new_ones(1, *grad.shape[1:]))
        return _box_sums(grad / counts)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple, grad: Tensor) -> tuple[Tensor, int]:
        grad = grad.movedim(in_dims[0], 0)
        folded = grad.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return _Spread.apply(folded).unflatten(0, grad.shape[:2]), 0
