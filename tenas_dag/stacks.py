"""Stacks: one operator of all the edges that leave a node, run as one wider operator.

A stack holds T copies of an operator's weights, one per target node. A call names the copies
it needs; the others cost nothing. Channels of the result are grouped by copy. A stack's last
BatchNorm also multiplies by the edge's weight in the mixture: scale and shift times w.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.operators import Operator
from tenas_dag.conv_bn import ConvShape, conv_bn

Weights = Sequence[float | Tensor]


def _select(stack: Tensor, copies: Sequence[int]) -> Tensor:
    """Rows of a stacked tensor [T, ...]; a view where the rows are adjacent."""
    first, last = copies[0], copies[-1]
    if last - first + 1 == len(copies):
        return stack[first : last + 1]
    return torch.stack([stack[copy] for copy in copies])


class StackedConv(nn.Module):
    """Weights of T convolutions of equal shape without bias [T, c_out, c_in / groups, k, k].

    `shape` says what the convolution does; groups are the caller's.
    """

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
        self.shape = ConvShape(stride, dilation * (kernel // 2), dilation)
        nn.init.normal_(self.weight, std=(2 / self.weight[0, 0].numel()) ** 0.5)


class StackedBatchNorm(nn.Module):
    """Scales and shifts of T BatchNorms with batch statistics; weight and bias [T, channels]."""

    def __init__(self, copies: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(copies, channels))
        self.bias = nn.Parameter(torch.zeros(copies, channels))

    def affine(
        self, copies: Sequence[int], weights: Weights | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scales and shifts [len(copies), channels], each copy's times its entry of `weights`."""
        scale, shift = _select(self.weight, copies), _select(self.bias, copies)
        if weights is not None:
            factor = _column(weights, scale)
            scale, shift = scale * factor, shift * factor
        return scale, shift


def _column(weights: Weights, like: Tensor) -> Tensor | float:
    """Weights as a column [len, 1], or as one number if they are equal."""
    if all(isinstance(w, float) for w in weights):
        if len(set(weights)) == 1:  # a mixture without alphas: no tensor per call
            return weights[0]
        return torch.tensor(weights, dtype=like.dtype, device=like.device)[:, None]
    return torch.stack(list(weights))[:, None]


def _run(x: Tensor, kernels: Tensor, affine: tuple[Tensor, Tensor], shape: ConvShape) -> Tensor:
    """Convolution by kernels [T, c_out, c_in, k, k] and BatchNorm: [n, T c_out, h', w']."""
    return conv_bn(x, kernels.flatten(0, 1), affine[0].flatten(), affine[1].flatten(), shape)


class StackedReluConvBn(nn.Module):
    """T times convolution and BatchNorm, after a ReLU that the caller shares."""

    def __init__(self, copies: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = StackedConv(copies, (channels, channels), kernel, stride)
        self.bn = StackedBatchNorm(copies, channels)

    def forward(self, activated: Tensor, copies: Sequence[int], weights: Weights) -> Tensor:
        """[n, channels, h, w], already through the ReLU, to [n, len(copies) channels, h', w']."""
        return add_up([(self, copies, weights)], activated, copies)


def add_up(
    uses: Sequence[tuple[StackedReluConvBn, Sequence[int], Weights]],
    activated: Tensor,
    copies: Sequence[int],
) -> Tensor:
    """Sum of several stacks, run as one convolution.

    Args:
        uses: (stack, copies that it needs, their weights); smaller kernels are padded with zeros.
        activated: [n, channels, h, w], already through the ReLU.
        copies: of the result [n, len(copies) channels, h', w']; each is one stack's at least.
    """
    widest = max((stack.conv for stack, _, _ in uses), key=lambda conv: conv.weight.shape[-1])
    size, channels = widest.weight.shape[-1], widest.weight.shape[1]
    kernels, affines, targets = [], [], []
    for stack, own, weights in uses:
        kernel = _select(stack.conv.weight, own)
        # With zeros around it a small kernel reads the same pixels as a large one beside it: one
        # convolution runs faster than two, whose results would have to be added up besides.
        kernels.append(F.pad(kernel, ((size - kernel.shape[-1]) // 2,) * 4))
        affines.append(stack.bn.affine(own, weights))
        # Rows of one target are summed behind their own BatchNorms, within the one call.
        targets += [copies.index(c) * channels + i for c in own for i in range(channels)]
    affine = [torch.cat(part).flatten() for part in zip(*affines)]
    rows = torch.cat(kernels).flatten(0, 1)
    ordered = targets == list(range(len(targets)))
    return conv_bn(activated, rows, *affine, widest.shape, None if ordered else tuple(targets))


class StackedSeparable(nn.Module):
    """T separable (twice) or dilated separable (once) convolutions after a shared ReLU.

    Nothing stands between a depthwise convolution and its pointwise one: with a search network's
    one or two channels their product, a usual kernel, runs faster than both.
    """

    def __init__(self, copies: int, channels: int, operator: Operator, stride: int) -> None:
        super().__init__()
        square, kernel, dilation = (channels, channels), operator.kernel, operator.dilation
        twice = operator.repeats == 2
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
        kernels = _product(self.depthwise, self.pointwise, copies)
        # Of two BatchNorms the last takes the mixture's weights: it would divide out a factor of
        # the first.
        affine = self.bn.affine(copies, None if self.twice else weights)
        x = _run(activated, kernels, affine, self.depthwise.shape)
        if not self.twice:
            return x
        kernels = _product(self.depthwise2, self.pointwise2, copies)
        shape = self.depthwise2.shape._replace(groups=len(copies))  # each copy reads its own
        return _run(self.relu(x), kernels, self.bn2.affine(copies, weights), shape)


def _product(depthwise: StackedConv, pointwise: StackedConv, copies: Sequence[int]) -> Tensor:
    """Kernels [T, c_out, c_in, k, k] of the pointwise after the depthwise convolution."""
    first, second = (_select(conv.weight, copies) for conv in (depthwise, pointwise))
    return second * first.transpose(1, 2)


class StackedReduce(nn.Module):
    """T factorized reductions after a shared ReLU: the skip where the size halves."""

    def __init__(self, copies: int, channels: int) -> None:
        super().__init__()
        half = channels // 2  # 0 of the one channel of a search network: all of it is odd's
        self.even = StackedConv(copies, (channels, half), 1, 2) if half else None
        self.odd = StackedConv(copies, (channels, channels - half), 1, 2)
        self.bn = StackedBatchNorm(copies, channels)

    def forward(self, activated: Tensor, copies: Sequence[int], weights: Weights) -> Tensor:
        """[n, channels, h, w], already through the ReLU, to [n, len(copies) channels, h', w']."""
        scale, shift = self.bn.affine(copies, weights)
        # Pixels 1, 3, ... for half of the channels; padded, an odd side gives as many as 0, 2, ...
        shifted = F.pad(activated, (0, 1, 0, 1))[:, :, 1:, 1:]
        parts, first = [], 0
        for conv, x in ((self.even, activated), (self.odd, shifted)):
            if conv is not None:
                kernels = _select(conv.weight, copies)
                rows = slice(first, first + kernels.shape[1])
                part = _run(x, kernels, (scale[:, rows], shift[:, rows]), conv.shape)
                parts.append(part.unflatten(1, (len(copies), -1)))
                first = rows.stop
        return torch.cat(parts, dim=2).flatten(1, 2)
