"""The NAS-Bench-201 network of a cell, and its layout."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import Tensor, nn

from spaces.nasbench201 import EDGES, NUM_NODES, Cell
from spaces.operator_modules import make_operator, relu_conv_bn


class Block(NamedTuple):
    """A step of the network body: a cell, or a residual block of stride 2 between stages."""

    kind: Literal["cell", "residual"]
    c_in: int
    c_out: int


@dataclass(frozen=True)
class NasBench201Layout:
    """What surrounds a cell: the defaults are the benchmark's CIFAR-10 network.

    Args:
        channels: C of the first stage; each later stage has twice as many.
        cells_per_stage: N.
        stages: number of stages, a residual block between each two.
        classes: outputs of the classifier (WOT scores with 1).
        input_channels: 3 for colour images, 1 for grey ones.

    Raises:
        ValueError: one of the numbers is below 1.
    """

    channels: int = 16
    cells_per_stage: int = 5
    stages: int = 3
    classes: int = 10
    input_channels: int = 3

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    def head_channels(self) -> int:
        """Channels that the last stage hands to the classifier."""
        return self.channels * 2 ** (self.stages - 1)

    def blocks(self) -> tuple[Block, ...]:
        """The body in the order in which the network runs and initializes it."""
        blocks: list[Block] = []
        for stage in range(self.stages):
            c = self.channels * 2**stage
            if stage:
                blocks.append(Block("residual", c // 2, c))
            blocks += [Block("cell", c, c)] * self.cells_per_stage
        return tuple(blocks)


def check_positive(layout: object) -> None:
    """Raises a ValueError that names the first integer field below 1."""
    for name, value in vars(layout).items():
        if type(value) is int and value < 1:
            raise ValueError(
                f"{type(layout).__name__}: found {name} = {value}, expected at least 1"
            )


class ResidualBlock(nn.Module):
    """Two ReLU-conv3x3-BN, the first of stride 2, around an average-pooled 1x1 shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv_a = relu_conv_bn(c_in, c_out, 3, stride=2)
        self.conv_b = relu_conv_bn(c_out, c_out, 3)
        # ceil_mode matters for odd sizes only: there the convolution rounds up
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2, ceil_mode=True), nn.Conv2d(c_in, c_out, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[n, c_in, h, w] to [n, c_out, ceil(h / 2), ceil(w / 2)]."""
        return self.shortcut(x) + self.conv_b(self.conv_a(x))


class NasBench201Cell(nn.Module):
    """A cell as modules; `edges` are in the order of EDGES.

    Every edge is computed, also one whose target no path joins to the output: its ReLUs count
    in WOT's score.
    """

    def __init__(self, cell: Cell, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(make_operator(name, channels) for name in cell.operators)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] to the same shape: the sum at the last node."""
        nodes = [x]
        for target in range(1, NUM_NODES):
            terms = [op(nodes[source]) for (source, t), op in zip(EDGES, self.edges) if t == target]
            nodes.append(sum(terms[1:], terms[0]))
        return nodes[-1]


class NasBench201Network(nn.Module):
    """Stem, stages of cells, BatchNorm-ReLU, global pooling, classifier (Dong & Yang, 2020).

    Args:
        cell: the cell that all positions share.
        layout: channels, depth, classes.
    """

    def __init__(self, cell: Cell, layout: NasBench201Layout | None = None) -> None:
        super().__init__()
        self.cell, self.layout = cell, layout or NasBench201Layout()
        c, c_last = self.layout.channels, self.layout.head_channels
        self.stem = nn.Sequential(
            nn.Conv2d(self.layout.input_channels, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        )
        self.blocks = nn.ModuleList(
            NasBench201Cell(cell, b.c_in) if b.kind == "cell" else ResidualBlock(b.c_in, b.c_out)
            for b in self.layout.blocks()
        )
        self.last_activation = nn.Sequential(nn.BatchNorm2d(c_last), nn.ReLU())
        self.classifier = nn.Linear(c_last, self.layout.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, classes] of images [n, input_channels, h, w]."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.last_activation(x).mean(dim=(2, 3)))
