"""Forward pass of a NAS-Bench-201 network at its initial weights, for its ReLU codes alone.

The codes are those of `spaces.networks.NasBench201Network` after `spaces.initialization.initialize`
with scheme "default" and the same generator, but no module and no graph is built:

- The edges that leave a node share its ReLU, its code, its pooling and its moments.
- A node that is another one's copy shares all that with it.
- BatchNorm on batch statistics is a scale and a shift, applied as the edge is added to its node;
  that of a 1x1 convolution goes into its weight.
- What is zero for every image, a node that only none enters, is not computed; nor are the edges
  into a node that no ReLU and no other node reads. The ReLUs of those edges count all the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.nasbench201 import EDGES, NUM_NODES, Cell
from spaces.networks import NasBench201Layout
from wot_dag.features import Feature, Sum, folded_batch_norm
from wot_dag.kernel import CodeKernel

_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}


@torch.inference_mode()
def nasbench201_kernel(
    cell: Cell,
    images: Tensor,
    generator: torch.Generator,
    layout: NasBench201Layout | None = None,
) -> Tensor:
    """K [n, n], float64, of a cell's network on images [n, c, h, w].

    Args:
        cell: at all positions.
        images: a mini-batch; its dtype is the precision.
        generator: on the CPU, so that every device gets the same weights.
        layout: channels and depth.
    """
    layout = layout or NasBench201Layout()
    forward = _Forward(Feature.of(images), generator)
    forward.stem(layout.channels)
    for kind, _, channels in layout.blocks():
        if kind == "cell":
            forward.cell(cell)
        else:
            forward.residual(channels)
    return forward.head()


class _Forward:
    """The network up to where it has been run: values `x` (None: zero) of shape `shape`.

    Weights are drawn in the order of the network's modules.
    """

    def __init__(self, images: Feature, generator: torch.Generator) -> None:
        self.x: Feature | None = images
        self.shape = images.shape
        self._generator = generator
        self._like = images.rows
        self._kernel = CodeKernel(images.shape[0], images.rows.device)

    def stem(self, channels: int) -> None:
        """3x3 convolution, BatchNorm."""
        weight = self._weight(channels, self.shape[-1], 3)
        self.shape = (*self.shape[:3], channels)
        self.x = self._conv_bn(self.x, weight)

    def cell(self, cell: Cell) -> None:
        """One cell on `x`."""
        edges = list(zip(EDGES, cell.operators))
        read = _read_nodes(cell)
        nodes = [self.x]
        for target in range(1, NUM_NODES):
            total = Sum(self.shape)
            for (source, t), name in edges:
                if t == target:
                    self._edge(total, name, nodes[source], target in read)
            nodes.append(total.feature())
        for source, node in enumerate(nodes):
            self._count(node, sum(s == source and name in _KERNELS for (s, _), name in edges))
        self.x = nodes[-1]

    def _edge(self, total: Sum, name: str, source: Feature | None, read: bool) -> None:
        channels = self.shape[-1]
        weight = self._weight(channels, channels, _KERNELS[name]) if name in _KERNELS else None
        if source is None or not read or name == "none":
            return
        if name == "skip_connect":
            total.add(source.rows, source)
        elif name == "avg_pool_3x3":
            total.add(source.pooled)
        elif name == "nor_conv_1x1":
            product = folded_batch_norm(weight[:, :, 0, 0].T, source.activated)
            total.add_product(source.activated.rows, *product)
        else:
            total.add_normalized(_conv(source.activated, weight))

    def residual(self, channels: int) -> None:
        """Residual block of stride 2 on `x`."""
        n, h, w, c = self.shape
        before, half = self.x, (n, -(-h // 2), -(-w // 2), channels)
        first, second = self._weight(channels, c, 3), self._weight(channels, channels, 3)
        shortcut = self._weight(channels, c, 1)
        self._count(before, 1)
        self.shape = half
        middle = self._conv_bn(before and before.activated, first, stride=2)
        self._count(middle, 1)
        if before is not None:
            total = Sum(half)
            total.add_normalized(_conv(middle.activated, second))
            pooled = Feature.of(F.avg_pool2d(before.images, 2, 2, ceil_mode=True))
            total.add(pooled.rows @ shortcut[:, :, 0, 0].T)
            self.x = total.feature()

    def head(self) -> Tensor:
        """BatchNorm and ReLU after the last stage; returns K."""
        if self.x is not None:
            total = Sum(self.shape)
            total.add_normalized(self.x.rows.clone())
            self.x = total.feature()
        self._count(self.x, 1)
        return self._kernel.matrix()

    def _conv_bn(self, x: Feature | None, weight: Tensor, stride: int = 1) -> Feature | None:
        if x is None:
            return None
        total = Sum(self.shape)
        total.add_normalized(_conv(x, weight, stride))
        return total.feature()

    def _count(self, node: Feature | None, readers: int) -> None:
        """Counts the code of `readers` ReLUs that read `node`."""
        if node is None:
            self._kernel.add_zeros(math.prod(self.shape[1:]), readers)
        elif readers:
            self._kernel.add(node.activated.rows.view(self.shape[0], -1), readers)

    def _weight(self, c_out: int, c_in: int, kernel: int) -> Tensor:
        """[c_out, c_in, kernel, kernel], uniform in +-1 / sqrt(fan_in): PyTorch's default."""
        bound = 1 / math.sqrt(c_in * kernel * kernel)
        weight = torch.empty(c_out, c_in, kernel, kernel)
        return weight.uniform_(-bound, bound, generator=self._generator).to(self._like)


def _read_nodes(cell: Cell) -> set[int]:
    """Nodes whose values matter: a ReLU reads them, or they are handed on to such a node."""
    read = {NUM_NODES - 1}
    for (source, target), name in reversed(list(zip(EDGES, cell.operators))):
        if name in _KERNELS or (name != "none" and target in read):
            read.add(source)
    return read


def _conv(x: Feature, weight: Tensor, stride: int = 1) -> Tensor:
    """Rows of a convolution with padding."""
    out = F.conv2d(x.images, weight, stride=stride, padding=weight.shape[-1] // 2)
    return Feature.of(out).rows
