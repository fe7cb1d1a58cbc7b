"""Stacks: one operator of all the edges that leave a node, run as one wider operator.

A stack holds T copies of an operator's weights, one per target node. A call names the copies
it needs; the others cost nothing. Channels of the result are grouped by copy. A stack's last
BatchNorm also multiplies by the edge's weight in the mixture: scale and shift times w.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = Sequence[float | Tensor]


def _select(stack: Tensor, copies: Sequence[int]) -> Tensor:
    """Rows of a stacked tensor [T, ...]; a view where the rows are adjacent."""
    first, last = copies[0], copies[-1]
    if last - first + 1 == len(copies):
        return stack[first : last + 1]
    return torch.stack([stack[copy] for copy in copies])


class StackedConv(nn.Module):
    """T convolutions of equal shape without bias; weight [T, c_out, c_in / groups, k, k]."""

    def __init__(
        self,
        copies: int,
        channels: tuple[int, int],
        kernel: int,
        stride: int = 1,
        dilation: int = 1,
        depthwise: bool = False,
    ) -> None:
        super().__init__()
        c_in, c_out = channels
        self.weight = nn.Parameter(
            torch.empty(copies, c_out, 1 if depthwise else c_in, kernel, kernel)
        )
        self.stride, self.dilation, self.depthwise = stride, dilation, depthwise
        self.padding = dilation * (kernel // 2)
        nn.init.normal_(self.weight, std=(2 / self.weight[0, 0].numel()) ** 0.5)

    def forward(self, x: Tensor, copies: Sequence[int]) -> Tensor:
        """All copies read the same x [n, c_in, h, w]: gives [n, len(copies) c_out, h', w']."""
        weight = _select(self.weight, copies)
        if not self.depthwise:
            return self._conv(x, weight.flatten(0, 1), 1)
        # A group of a depthwise convolution is one channel with all its copies.
        grouped = self._conv(x, weight.transpose(0, 1).flatten(0, 1), x.shape[1])
        return grouped.unflatten(1, (x.shape[1], -1)).transpose(1, 2).flatten(1, 2)

    def each(self, x: Tensor, copies: Sequence[int]) -> Tensor:
        """Copy i reads channels i c_in .. (i + 1) c_in of x [n, len(copies) c_in, h, w]."""
        weight = _select(self.weight, copies)
        if weight.shape[1:] == (1, 1, 1, 1) and self.stride == 1:
            return x * weight.flatten()[:, None, None]  # a grouped convolution is slow at this
        groups = weight.shape[0] * (weight.shape[1] if self.depthwise else 1)
        return self._conv(x, weight.flatten(0, 1), groups)

    def _conv(self, x: Tensor, weight: Tensor, groups: int) -> Tensor:
        return F.conv2d(x, weight, None, self.stride, self.padding, self.dilation, groups)


class StackedBatchNorm(nn.Module):
    """T BatchNorms with batch statistics; weight and bias [T, channels]."""

    def __init__(self, copies: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(copies, channels))
        self.bias = nn.Parameter(torch.zeros(copies, channels))

    def forward(self, x: Tensor, copies: Sequence[int], weights: Weights | None = None) -> Tensor:
        """x [n, len(copies) channels, h, w], each copy's result times its entry of `weights`."""
        scale, shift = _select(self.weight, copies), _select(self.bias, copies)
        if weights is not None:
            factor = _column(weights, scale)
            scale, shift = scale * factor, shift * factor
        return F.batch_norm(x, None, None, scale.flatten(), shift.flatten(), training=True)


def _column(weights: Weights, like: Tensor) -> Tensor | float:
    """Weights as a column [len, 1], or as one number if they are equal."""
    if all(isinstance(w, float) for w in weights):
        if len(set(weights)) == 1:
            return weights[0]
        return torch.tensor(weights, dtype=like.dtype, device=like.device)[:, None]
    return torch.stack(list(weights))[:, None]


class StackedReluConvBn(nn.Module):
    """T times convolution and BatchNorm, after a ReLU that the caller shares."""

    def __init__(self, copies: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = StackedConv(copies, (channels, channels), kernel, stride)
        self.bn = StackedBatchNorm(copies, channels)

    def forward(self, activated: Tensor, copies: Sequence[int], weights: Weights) -> Tensor:
        """[n, channels, h, w], already through the ReLU, to [n, len(copies) channels, h', w']."""
        return self.bn(self.conv(activated, copies), copies, weights)


class StackedSeparable(nn.Module):
    """T separable (twice) or dilated separable (once) convolutions after a shared ReLU."""

    def __init__(
        self, copies: int, channels: int, kernel: int, stride: int, dilation: int, twice: bool
    ) -> None:
        super().__init__()
        square = (channels, channels)
        self.depthwise = StackedConv(copies, square, kernel, stride, dilation, depthwise=True)
        self.pointwise = StackedConv(copies, square, 1)
        self.bn = StackedBatchNorm(copies, channels)
        self.twice = twice
        if twice:
            self.relu = nn.ReLU()
            self.depthwise2 = StackedConv(copies, square, kernel, 1, dilation, depthwise=True)
            self.pointwise2 = StackedConv(copies, square, 1)
            self.bn2 = StackedBatchNorm(copies, channels)

    def forward(self, activated: Tensor, copies: Sequence[int], weights: Weights) -> Tensor:
        """[n, channels, h, w], already through the ReLU, to [n, len(copies) channels, h', w']."""
        x = self.pointwise.each(self.depthwise(activated, copies), copies)
        if not self.twice:
            return self.bn(x, copies, weights)
        x = self.relu(self.bn(x, copies))
        x = self.pointwise2.each(self.depthwise2.each(x, copies), copies)
        return self.bn2(x, copies, weights)


class StackedReduce(nn.Module):
    """T factorized reductions after a shared ReLU: the skip where the size halves."""

    def __init__(self, copies: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.even = StackedConv(copies, (channels, half), 1, 2) if half else None
        self.odd = StackedConv(copies, (channels, channels - half), 1, 2)
        self.bn = StackedBatchNorm(copies, channels)

    def forward(self, activated: Tensor, copies: Sequence[int], weights: Weights) -> Tensor:
        """[n, channels, h, w], already through the ReLU, to [n, len(copies) channels, h', w']."""
        shifted = F.pad(activated, (0, 1, 0, 1))[:, :, 1:, 1:]
        parts = [self.odd(shifted, copies)]
        if self.even is not None:
            parts.insert(0, self.even(activated, copies))
        stacked = torch.cat([p.unflatten(1, (len(copies), -1)) for p in parts], dim=2)
        return self.bn(stacked.flatten(1, 2), copies, weights)
