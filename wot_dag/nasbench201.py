"""Forward pass of NAS-Bench-201 networks at their initial weights, for their ReLU codes alone.

The codes are those of `spaces.nasbench201_networks.NasBench201Network` after
`spaces.initialization.initialize` with scheme "default" and the same generator, but no module and
no graph is built:

- Cells that differ in dead readers alone share the pass (`wot_dag.passes`).
- The edges that leave a node share its ReLU, its code, its pooling and its moments.
- A node that is another one's copy shares all that with it.
- BatchNorm on batch statistics is a scale and a shift, applied as the edge is added to its node;
  that of a 1x1 convolution goes into its weight.
- What is zero for every image, a node that only none enters, is not computed.
"""

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from spaces.nasbench201 import EDGES, NUM_NODES, Cell
from spaces.nasbench201_networks import NasBench201Layout
from spaces.operators import OPERATOR_TABLE
from wot_dag.features import Feature, Sum, folded_batch_norm
from wot_dag.kernel import CodeKernel
from wot_dag.passes import pass_of, readers


@torch.inference_mode()
def nasbench201_kernels(
    cells: Sequence[Cell],
    images: Tensor,
    generator: torch.Generator,
    layout: NasBench201Layout | None = None,
) -> Tensor:
    """K [m, n, n], float64, of the networks of m cells on images [n, c, h, w].

    Args:
        cells: all of one pass; each is at all positions of its network.
        images: a mini-batch; its dtype is the precision.
        generator: of the weights of the pass' own network; on the CPU, so that every device gets
            the same ones.
        layout: channels and depth.

    Raises:
        ValueError: the cells' passes differ.
    """
    passes = {pass_of(cell) for cell in cells}
    if len(passes) != 1:
        raise ValueError(f"found cells of {len(passes)} passes, expected one")
    layout = layout or NasBench201Layout()
    # A kernel adds up over ReLUs, and cells of a pass differ in how many of them read each node.
    counts = torch.tensor([readers(cell) for cell in cells], dtype=torch.float64)
    forward = _Forward(Feature.of(images), generator, counts.any(0).nonzero().flatten().tolist())
    forward.stem(layout.channels)
    for kind, _, channels in layout.blocks():
        if kind == "cell":
            forward.cell(*passes)
        else:
            forward.residual(channels)
    between, nodes = forward.head()
    return between + torch.tensordot(counts.to(nodes.device), nodes, dims=1)  # exact: integers


class _Forward:
    """The network up to where it has been run: values `x` (None: zero) of shape `shape`.

    Weights are drawn in the order of the network's modules.

    Args:
        images: the mini-batch.
        generator: of the weights.
        counted: nodes of the cell that any ReLU reads.
    """

    def __init__(
        self, images: Feature, generator: torch.Generator, counted: Collection[int]
    ) -> None:
        self.x: Feature | None = images
        self.shape = images.shape
        self._generator, self._counted = generator, counted
        self._like = images.rows
        # one kernel for each node, over all positions of the cell, and one for what is between
        kernels = (CodeKernel(images.shape[0], images.rows.device) for _ in range(NUM_NODES))
        *self._nodes, self._between = kernels

    def stem(self, channels: int) -> None:
        """3x3 convolution, BatchNorm."""
        weight = self._weight(channels, self.shape[-1], 3)
        self.shape = (*self.shape[:3], channels)
        self.x = self._normalized(self.x, weight)

    def cell(self, cell: Cell) -> None:
        """One cell on `x`."""
        nodes = [self.x]
        for target in range(1, NUM_NODES):
            total = Sum(self.shape)
            for (source, t), name in zip(EDGES, cell.operators):
                if t == target:
                    self._edge(total, name, nodes[source])
            nodes.append(total.feature())
        for node in self._counted:
            self._count(self._nodes[node], nodes[node])
        self.x = nodes[-1]

    def _edge(self, total: Sum, name: str, source: Feature | None) -> None:
        channels, operator = self.shape[-1], OPERATOR_TABLE[name]
        match operator.form, operator.kernel:
            case "none", _:
                pass
            case "skip", _:
                if source is not None:
                    total.add(source.rows, source)
            case "avg_pool", 3:
                if source is not None:
                    total.add(source.pooled)
            case "conv", kernel:
                # drawn even where nothing arrives: the next weights are those of the network
                self._convolve(total, self._weight(channels, channels, kernel), source)
            case form, kernel:
                raise NotImplementedError(f"no fast pass of a {form} of {kernel}: {name}")

    def _convolve(self, total: Sum, weight: Tensor, source: Feature | None) -> None:
        if source is None:
            return
        if weight.shape[-1] == 1:
            product = folded_batch_norm(weight[:, :, 0, 0].T, source.activated)
            total.add_product(source.activated.rows, *product)
        else:
            total.add_normalized(_conv(source.activated, weight))

    def residual(self, channels: int) -> None:
        """Residual block of stride 2 on `x`."""
        # Zero stays zero, since no layer has a bias at its start; its weights are drawn all the
        # same, for the next ones to be those of the network.
        n, h, w, c = self.shape
        before, half = self.x, (n, -(-h // 2), -(-w // 2), channels)
        first, second = self._weight(channels, c, 3), self._weight(channels, channels, 3)
        shortcut = self._weight(channels, c, 1)
        self._count(self._between, before)
        self.shape = half
        middle = self._normalized(before and before.activated, first, stride=2)
        self._count(self._between, middle)
        if before is not None:
            total = Sum(half)
            total.add_normalized(_conv(middle.activated, second))
            pooled = Feature.of(F.avg_pool2d(before.images, 2, 2, ceil_mode=True))
            total.add(pooled.rows @ shortcut[:, :, 0, 0].T)
            self.x = total.feature()

    def head(self) -> tuple[Tensor, Tensor]:
        """BatchNorm and ReLU after the last stage.

        Returns:
            Agreements of the ReLUs between the cells [n, n], and of a ReLU at each node [3, n, n].
        """
        if self.x is not None:
            total = Sum(self.shape)
            total.add_normalized(self.x.rows.clone())  # which writes, and nodes share their rows
            self.x = total.feature()
        self._count(self._between, self.x)
        return self._between.matrix(), torch.stack([node.matrix() for node in self._nodes])

    def _normalized(self, x: Feature | None, weight: Tensor, stride: int = 1) -> Feature | None:
        if x is None:
            return None
        total = Sum(self.shape)
        total.add_normalized(_conv(x, weight, stride))
        return total.feature()

    def _count(self, kernel: CodeKernel, node: Feature | None) -> None:
        """Adds the code of a ReLU that reads `node`."""
        positions = math.prod(self.shape[1:])
        if node is None:
            kernel.add_zeros(positions)
        else:
            kernel.add_gram(node.gram, positions)

    def _weight(self, c_out: int, c_in: int, kernel: int) -> Tensor:
        """[c_out, c_in, kernel, kernel], uniform in +-1 / sqrt(fan_in): PyTorch's default."""
        bound = 1 / math.sqrt(c_in * kernel * kernel)
        weight = torch.empty(c_out, c_in, kernel, kernel)
        return weight.uniform_(-bound, bound, generator=self._generator).to(self._like)


def _conv(x: Feature, weight: Tensor, stride: int = 1) -> Tensor:
    """Rows of a convolution with padding."""
    out = F.conv2d(x.images, weight, stride=stride, padding=weight.shape[-1] // 2)
    return Feature.of(out).rows
