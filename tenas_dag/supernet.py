"""Prunable supernets of both spaces: every edge mixes the operators that are left on it.

A node is the sum over its edges of sum_o w_o o(x), w = softmax of the edge's alphas over the
operators left (TE-NAS, Chen et al., ICLR 2021). What is left is an argument of the call: the
same module with the same weights is the supernet with and without an operator.

Fast by sharing: all convolutions that leave a node read one ReLU and run as one wider
convolution per kind (`tenas_dag.stacks`); a pooling of a node is computed once for all its edges.
BatchNorm always takes batch statistics and keeps none, so calls have no side effects and work
under `torch.func`. `tenas_dag.conv_bn` makes reverse passes for many cotangents at once cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.nasbench201_networks import NasBench201Layout, ResidualBlock
from spaces.operator_modules import relu_conv_bn
from spaces.operators import OPERATOR_TABLE
from tenas_dag.candidates import DARTS, NAS_BENCH_201, Candidates, CellTopology
from tenas_dag.conv_bn import fuse_conv_bn_
from tenas_dag.pooling import avg_pool_3x3
from tenas_dag.stacks import StackedReduce, StackedReluConvBn, StackedSeparable, add_up


def _stack(name: str, copies: int, channels: int, stride: int) -> nn.Module | None:
    """The stack of an operator with weights; None for what hands values on."""
    operator = OPERATOR_TABLE[name]
    if operator.form == "conv":
        return StackedReluConvBn(copies, channels, operator.kernel, stride)
    if operator.form == "separable":
        return StackedSeparable(copies, channels, operator, stride)
    if operator.form == "skip" and stride > 1:
        return StackedReduce(copies, channels)
    return None


def _hand_on(name: str, x: Tensor, stride: int) -> Tensor:
    """A skip's or pooling's value.

    Raises:
        NotImplementedError: an operator whose form this file does not know.
    """
    operator = OPERATOR_TABLE[name]
    if operator.form == "skip":
        return x
    if (operator.form, operator.kernel) == ("avg_pool", 3):
        return avg_pool_3x3(x, stride)
    if operator.form == "max_pool":
        return F.max_pool2d(x, operator.kernel, stride, operator.kernel // 2)
    raise NotImplementedError(f"the supernet has no {operator.form} of {operator.kernel}: {name}")


_Targets = tuple[int, ...]


class _Use(NamedTuple):
    """One operator on one edge in a call: its target node and its weight in the mixture."""

    target: int
    weight: float | Tensor


def mixture_weights(left: Candidates, alphas: Tensor | None) -> list[dict[str, float | Tensor]]:
    """Per edge, operator -> weight: softmax of `alphas` [edges, operators] over those left.

    None for alphas means equal ones.
    """
    if alphas is None:
        return [{name: 1 / len(names) for name in names} for names in left.left]
    columns = left.topology.operators
    weights: list[dict[str, float | Tensor]] = []
    for row, names in zip(alphas, left.left):
        chosen = [row[columns.index(name)] for name in names]
        shares = torch.stack(chosen).softmax(0).unbind() if names else ()
        weights.append(dict(zip(names, shares)))
    return weights


class SourceOperators(nn.Module):
    """The operators of all edges that leave one node."""

    def __init__(self, topology: CellTopology, source: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.targets, self.stride = topology.targets(source), stride
        self.relu = nn.ReLU()
        # the skip's reduction comes last: the order of the modules decides which draw is whose
        names = sorted(topology.operators, key=lambda n: OPERATOR_TABLE[n].form == "skip")
        stacks = {n: _stack(n, len(self.targets), channels, stride) for n in names}
        self.stacks = nn.ModuleDict({n: stack for n, stack in stacks.items() if stack is not None})

    def forward(self, x: Tensor, uses: dict[str, list[_Use]]) -> Iterator[tuple[int, Tensor]]:
        """(target, weighted term) pairs of the operators in `uses`."""
        sums: dict[tuple[int, ...], Tensor] = {}
        for targets, out in self._parts(x, uses):
            sums[targets] = sums[targets] + out if targets in sums else out
        for targets, out in sums.items():
            # split in the order of memory: the reverse pass joins the cotangents without a copy
            terms = out.movedim(1, -1).chunk(len(targets), dim=-1)
            yield from zip(targets, (term.movedim(-1, 1) for term in terms))

    def _parts(self, x: Tensor, uses: dict[str, list[_Use]]) -> Iterator[tuple[_Targets, Tensor]]:
        """(targets, terms [n, len(targets) channels, h', w']) of operators that run together."""
        stacked = {n: used for n, used in uses.items() if n in self.stacks}
        if stacked:
            activated, merged = self.relu(x), []
            for name, used in stacked.items():
                call = (self.stacks[name], self._copies(used), [use.weight for use in used])
                if isinstance(call[0], StackedReluConvBn):
                    merged.append(call)  # 1x1 and 3x3 of one node: a single convolution below
                else:
                    yield tuple(use.target for use in used), call[0](activated, *call[1:])
            if merged:
                copies = sorted({copy for _, own, _ in merged for copy in own})
                out = add_up(merged, activated, copies)
                yield tuple(self.targets[copy] for copy in copies), out
        handed_on = {n: u for n, u in uses.items() if n not in self.stacks and n != "none"}
        if handed_on:
            yield self._mix(x, handed_on)

    def _copies(self, used: Sequence[_Use]) -> list[int]:
        return [self.targets.index(use.target) for use in used]

    def _mix(self, x: Tensor, uses: dict[str, list[_Use]]) -> tuple[_Targets, Tensor]:
        """Skip and pooling: one product of their values with the weights of all edges."""
        targets = tuple(sorted({use.target for used in uses.values() for use in used}))
        values, rows = [], []
        for name, used in uses.items():
            values.append(_hand_on(name, x, self.stride))
            weights = {use.target: use.weight for use in used}
            rows.append(
                torch.stack(
                    [
                        torch.as_tensor(weights.get(t, 0.0), dtype=x.dtype, device=x.device)
                        for t in targets
                    ]
                )
            )
        mixture = torch.stack(rows)  # [values, targets]
        # one matrix product mixes every value into every target, channel by channel: the reverse
        # pass of many cotangents is one product too, where sums of scaled tensors were many
        mixture = torch.kron(mixture, torch.eye(x.shape[1]).to(x))
        product = torch.cat(values, dim=1).movedim(1, -1) @ mixture
        return targets, product.movedim(-1, 1)


class SuperCell(nn.Module):
    """A supernet's cell: the operators grouped by the node they leave.

    Args:
        topology: edges and operators.
        channels: channels of each node.
        stride: of the edges that leave an input node.
    """

    def __init__(self, topology: CellTopology, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.topology, self.stride = topology, stride
        self.sources = nn.ModuleList(
            SourceOperators(topology, s, channels, stride if s < topology.num_inputs else 1)
            for s in range(topology.num_nodes)
            if topology.targets(s)
        )

    def forward(
        self, inputs: Sequence[Tensor], left: Candidates, alphas: Tensor | None = None
    ) -> list[Tensor]:
        """All nodes, inputs included; a node without operators is zero."""
        weights = mixture_weights(left, alphas)
        sums: list[Tensor | None] = [*inputs, *[None] * (self.topology.num_nodes - len(inputs))]
        for source, operators in enumerate(self.sources):
            if sums[source] is None:
                sums[source] = self._zeros(inputs[0])
            for target, term in operators(sums[source], self._uses(source, weights)):
                sums[target] = term if sums[target] is None else sums[target] + term
        return [self._zeros(inputs[0]) if node is None else node for node in sums]

    def _zeros(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])

    def _uses(self, source: int, weights: list[dict[str, float | Tensor]]) -> dict[str, list[_Use]]:
        uses: dict[str, list[_Use]] = {}
        for (start, target), on_edge in zip(self.topology.edges, weights):
            if start == source:
                for name, weight in on_edge.items():
                    uses.setdefault(name, []).append(_Use(target, weight))
        return uses


class Supernet(nn.Module):
    """What both supernets share: the call's signature, head and classifier.

    `topologies` names the cell types in the order of the arguments `left` and `alphas`.
    """

    topologies: tuple[CellTopology, ...]

    def _add_head(self, channels: int, classes: int) -> None:
        self.last_activation = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.classifier = nn.Linear(channels, classes)
        fuse_conv_bn_(self)
        # batch statistics only, so that a call changes no buffer
        torch.func.replace_all_batch_norm_modules_(self)

    def full(self) -> tuple[Candidates, ...]:
        """All operators but none on every edge: the start of the search."""
        return tuple(Candidates.full(topology) for topology in self.topologies)

    def forward(
        self,
        x: Tensor,
        left: Sequence[Candidates],
        alphas: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        """Logits [n, classes].

        Args:
            x: images [n, input channels, h, w].
            left: operators left, one entry per cell type.
            alphas: [edges, operators] per cell type; equal ones if None.

        Raises:
            ValueError: `left` or `alphas` has another number of cell types or another space.
        """
        alphas = alphas or [None] * len(self.topologies)
        if tuple(c.topology for c in left) != self.topologies or len(alphas) != len(left):
            found = [c.topology.name for c in left]
            expected = [topology.name for topology in self.topologies]
            raise ValueError(f"supernet: found cells {found}, expected {expected}")
        # cuDNN's BatchNorm asks for the cotangents' order of memory, which vmap cannot tell unless
        # it is the plain one
        features = self._body(x, left, alphas)
        features = self.last_activation(features.contiguous() if x.is_cuda else features)
        return self.classifier(features.mean(dim=(2, 3)))

    def _body(
        self, x: Tensor, left: Sequence[Candidates], alphas: Sequence[Tensor | None]
    ) -> Tensor:
        raise NotImplementedError


class NasBench201Supernet(Supernet):
    """The NAS-Bench-201 network with a supernet cell at each position.

    TE-NAS: `NasBench201Layout(3, 1)` for the NTK, `regions()` for the linear regions.

    Args:
        layout: channels, cells per stage, stages, classes.
        stem: without one, images enter the first cell and must have `channels` channels.
    """

    topologies = (NAS_BENCH_201,)

    def __init__(self, layout: NasBench201Layout | None = None, stem: bool = True) -> None:
        super().__init__()
        self.layout = layout or NasBench201Layout(channels=3, cells_per_stage=1)
        c = self.layout.channels
        self.stem = nn.Identity()
        if stem:
            conv = nn.Conv2d(self.layout.input_channels, c, 3, padding=1, bias=False)
            self.stem = nn.Sequential(conv, nn.BatchNorm2d(c))
        self.blocks = nn.ModuleList(
            SuperCell(NAS_BENCH_201, b.c_in) if b.kind == "cell" else ResidualBlock(b.c_in, b.c_out)
            for b in self.layout.blocks()
        )
        self._add_head(self.layout.head_channels, self.layout.classes)

    @classmethod
    def regions(cls) -> NasBench201Supernet:
        """One cell of one channel without stem, for inputs [n, 1, 3, 3]."""
        return cls(NasBench201Layout(1, 1, stages=1, input_channels=1), stem=False)

    def _body(
        self, x: Tensor, left: Sequence[Candidates], alphas: Sequence[Tensor | None]
    ) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            cell = isinstance(block, SuperCell)
            x = block([x], left[0], alphas[0])[-1] if cell else block(x)
        return x


class DartsSupernet(Supernet):
    """A normal and a reduction cell between a stem and the classifier.

    `left` and `alphas` hold the normal cell first. TE-NAS: C = 1 with a stem for the NTK,
    `regions()` for the linear regions.

    Args:
        channels: C of the normal cell; the reduction cell has 2C.
        classes: outputs of the classifier.
        input_channels: 3 for colour images.
        stem: "cifar" keeps the size, "imagenet" divides it by 8, "none" hands the images, which
            must have `channels` channels, to the first cell.
    """

    topologies = (DARTS, DARTS)

    def __init__(
        self,
        channels: int = 1,
        classes: int = 10,
        input_channels: int = 3,
        stem: Literal["cifar", "imagenet", "none"] = "cifar",
    ) -> None:
        super().__init__()
        c = channels
        self.stem = _darts_stem(input_channels, c, stem)
        self.normal_inputs = nn.ModuleList(relu_conv_bn(c, c, 1) for _ in range(2))
        self.normal = SuperCell(DARTS, c)
        outputs = c * len(DARTS.concat)
        self.reduce_inputs = nn.ModuleList(relu_conv_bn(w, 2 * c, 1) for w in (c, outputs))
        self.reduce = SuperCell(DARTS, 2 * c, stride=2)
        self._add_head(2 * outputs, classes)

    @classmethod
    def regions(cls) -> DartsSupernet:
        """C = 1 without stem, for inputs [n, 1, 3, 3]."""
        return cls(1, input_channels=1, stem="none")

    def _body(
        self, x: Tensor, left: Sequence[Candidates], alphas: Sequence[Tensor | None]
    ) -> Tensor:
        before = last = self.stem(x)
        stages = ((self.normal_inputs, self.normal), (self.reduce_inputs, self.reduce))
        for (adapt, cell), candidates, alpha in zip(stages, left, alphas):
            inputs = [adapt[0](before), adapt[1](last)]
            nodes = cell(inputs, candidates, alpha)
            before, last = last, torch.cat([nodes[node] for node in DARTS.concat], dim=1)
        return last


def _darts_stem(c_in: int, c: int, kind: str) -> nn.Module:
    if kind == "none":
        return nn.Identity()
    if kind not in ("cifar", "imagenet"):
        raise ValueError(f"stem: found {kind!r}, expected 'cifar', 'imagenet' or 'none'")
    if kind == "cifar":
        return nn.Sequential(nn.Conv2d(c_in, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
    first = nn.Sequential(nn.Conv2d(c_in, c, 3, 2, 1, bias=False), nn.BatchNorm2d(c))
    return nn.Sequential(first, relu_conv_bn(c, c, 3, 2), relu_conv_bn(c, c, 3, 2))
