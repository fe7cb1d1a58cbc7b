"""DARTS' networks of a genotype, for CIFAR and ImageNet (Liu et al., ICLR 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from spaces.darts import NUM_INPUTS, CellGenotype, Genotype
from spaces.nasbench201_networks import check_positive
from spaces.operator_modules import FactorizedReduce, make_operator, relu_conv_bn


class CellPosition(NamedTuple):
    """A cell's place: channels of its two inputs and of its nodes, and where sizes halve."""

    which: Literal["normal", "reduce"]
    c_before: int  # channels of input 0, the output of the cell before the last
    c_last: int  # channels of input 1
    channels: int
    after_reduction: bool  # input 0 is twice as large as input 1


@dataclass(frozen=True)
class DartsLayout:
    """What surrounds the cells. Defaults: the CIFAR network; `imagenet()` gives the other.

    Args:
        channels: C, channels of the first cell's nodes.
        layers: number of cells; those at 1/3 and 2/3 are reduction cells.
        classes: outputs of the classifier.
        input_channels: 3 for colour images.
        stem: "cifar" keeps the image size, "imagenet" divides it by 8 in two stems.
        auxiliary: whether a second classifier at 2/3 of the depth helps training.

    Raises:
        ValueError: a number below 1, or an unknown stem.
    """

    channels: int = 36
    layers: int = 20
    classes: int = 10
    input_channels: int = 3
    stem: Literal["cifar", "imagenet"] = "cifar"
    auxiliary: bool = False

    def __post_init__(self) -> None:
        check_positive(self)
        if self.stem not in ("cifar", "imagenet"):
            raise ValueError(f"stem: found {self.stem!r}, expected 'cifar' or 'imagenet'")

    @classmethod
    def imagenet(cls, auxiliary: bool = False) -> DartsLayout:
        """C = 48, 14 layers, 1,000 classes, two stems."""
        return cls(48, 14, 1000, stem="imagenet", auxiliary=auxiliary)

    @property
    def stem_channels(self) -> int:
        """Channels of both inputs of the first cell."""
        return 3 * self.channels if self.stem == "cifar" else self.channels

    def positions(self, genotype: Genotype) -> tuple[CellPosition, ...]:
        """The cells in order."""
        c_before = c_last = self.stem_channels
        channels, halved = self.channels, self.stem == "imagenet"
        positions = []
        for layer in range(self.layers):
            reduce = layer in (self.layers // 3, 2 * self.layers // 3)
            channels *= 1 + reduce
            which = "reduce" if reduce else "normal"
            positions.append(CellPosition(which, c_before, c_last, channels, halved))
            c_before, c_last = c_last, channels * len(getattr(genotype, which).concat)
            halved = reduce
        return tuple(positions)


class DartsCell(nn.Module):
    """A cell as modules; `edges` are in the genotype's order."""

    def __init__(self, cell: CellGenotype, at: CellPosition) -> None:
        super().__init__()
        self.cell = cell
        c = at.channels
        self.preprocess0 = (
            FactorizedReduce(at.c_before, c)
            if at.after_reduction
            else relu_conv_bn(at.c_before, c, 1)
        )
        self.preprocess1 = relu_conv_bn(at.c_last, c, 1)
        self.edges = nn.ModuleList(
            make_operator(name, c, 2 if at.which == "reduce" and source < NUM_INPUTS else 1)
            for name, source in cell.edges
        )

    def forward(self, before: Tensor, last: Tensor, path_scales: Tensor | None = None) -> Tensor:
        """The concatenated nodes.

        In training, a path that is no identity is multiplied by its `path_scales` [edges, n]:
        drop-path draws 0 for a sample that loses it, 1 / (1 - probability) for the others.
        """
        nodes = [self.preprocess0(before), self.preprocess1(last)]
        for first in range(0, len(self.edges), 2):
            terms = []
            for edge in (first, first + 1):
                operator = self.edges[edge]
                term = operator(nodes[self.cell.edges[edge][1]])
                droppable = self.training and not isinstance(operator, nn.Identity)
                if path_scales is not None and droppable:
                    term = term * path_scales[edge].to(term.dtype).view(-1, 1, 1, 1)
                terms.append(term)
            nodes.append(terms[0] + terms[1])
        return torch.cat([nodes[node] for node in self.cell.concat], dim=1)


def _auxiliary_head(c_in: int, layout: DartsLayout) -> nn.Sequential:
    """Classifier on maps of 8x8 (CIFAR) or 7x7 (ImageNet), where no BatchNorm follows 2x2."""
    cifar = layout.stem == "cifar"
    return nn.Sequential(
        nn.ReLU(),
        nn.AvgPool2d(5, stride=3 if cifar else 2, count_include_pad=False),
        nn.Conv2d(c_in, 128, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Conv2d(128, 768, 2, bias=False),
        nn.BatchNorm2d(768) if cifar else nn.Identity(),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(768, layout.classes),
    )


def _layers(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)]


def _stems(layout: DartsLayout) -> tuple[nn.Module, nn.Module]:
    """Modules that make the first cell's input 0 from the image and input 1 from input 0."""
    c = layout.stem_channels
    if layout.stem == "cifar":
        return nn.Sequential(*_layers(layout.input_channels, c, 1)), nn.Identity()
    first = _layers(layout.input_channels, c // 2, 2)
    return (
        nn.Sequential(*first, nn.ReLU(), *_layers(c // 2, c, 2)),
        nn.Sequential(nn.ReLU(), *_layers(c, c, 2)),
    )


class DartsNetwork(nn.Module):
    """Stems, cells, global pooling, classifier.

    Args:
        genotype: the normal and the reduction cell.
        layout: channels, depth, classes, stems.
    """

    def __init__(self, genotype: Genotype, layout: DartsLayout | None = None) -> None:
        super().__init__()
        self.genotype, self.layout = genotype, layout or DartsLayout()
        positions = self.layout.positions(genotype)
        self.stem0, self.stem1 = _stems(self.layout)
        self.cells = nn.ModuleList(DartsCell(getattr(genotype, p.which), p) for p in positions)
        outputs = [p.channels * len(getattr(genotype, p.which).concat) for p in positions]
        self.auxiliary_at = 2 * self.layout.layers // 3
        self.auxiliary = (
            _auxiliary_head(outputs[self.auxiliary_at], self.layout)
            if self.layout.auxiliary
            else None
        )
        self.classifier = nn.Linear(outputs[-1], self.layout.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, classes]."""
        return self.logits_and_auxiliary(x)[0]

    def logits_and_auxiliary(
        self, x: Tensor, path_scales: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Logits and, in training with an auxiliary head, its logits (None otherwise).

        `path_scales` [cells, edges, n]: drop-path, see `DartsCell`.
        """
        before = self.stem0(x)
        last, auxiliary = self.stem1(before), None
        for layer, cell in enumerate(self.cells):
            scales = None if path_scales is None else path_scales[layer]
            before, last = last, cell(before, last, scales)
            if layer == self.auxiliary_at and self.auxiliary is not None and self.training:
                auxiliary = self.auxiliary(last)
        return self.classifier(last.mean(dim=(2, 3))), auxiliary
