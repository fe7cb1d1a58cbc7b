"""Networks of NAS-Bench-201 cells that train side by side, as one grouped network.

A small network is too little work for a device: its time goes into starting operations. M networks
of one layout run as one here, with their channels next to each other and grouped convolutions.
Where their cells differ, an operator sees only those members that have it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spaces.nasbench201 import EDGES, NUM_NODES
from spaces.networks import NasBench201Cell, NasBench201Network, ResidualBlock
from spaces.pooling import box_mean_3x3


class GroupedConv(nn.Module):
    """M convolutions without bias; weight [M, c_out, c_in, k, k]."""

    def __init__(self, convs: Sequence[nn.Conv2d]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([conv.weight.detach() for conv in convs]))
        self.stride, self.padding = convs[0].stride, convs[0].padding

    def forward(self, x: Tensor) -> Tensor:
        """[n, M, c_in, h, w] to [n, M, c_out, h', w']."""
        members, c_out, c_in, kernel, _ = self.weight.shape
        if kernel == 1 and self.stride == (1, 1):  # several times faster than a grouped conv
            out = self.weight.view(members, c_out, c_in) @ x.flatten(3)
            return out.unflatten(3, x.shape[3:])
        weight = self.weight.flatten(0, 1)
        out = F.conv2d(x.flatten(1, 2), weight, None, self.stride, self.padding, groups=members)
        return out.unflatten(1, (members, c_out))


class GroupedBatchNorm(nn.Module):
    """M BatchNorms of C channels; every tensor is [M, C]."""

    def __init__(self, norms: Sequence[nn.BatchNorm2d]) -> None:
        super().__init__()
        self.eps, self.momentum = norms[0].eps, norms[0].momentum
        for name in ("weight", "bias"):
            stacked = torch.stack([getattr(norm, name).detach() for norm in norms])
            self.register_parameter(name, nn.Parameter(stacked))
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, torch.stack([getattr(norm, name) for norm in norms]))

    def forward(self, x: Tensor) -> Tensor:
        """[n, M, C, h, w] to the same shape."""
        tensors = (self.running_mean, self.running_var, self.weight, self.bias)
        statistics = (t.view(-1) for t in tensors)
        out = F.batch_norm(x.flatten(1, 2), *statistics, self.training, self.momentum, self.eps)
        return out.view_as(x)


class ConvBn(nn.Module):
    """M times convolution and BatchNorm."""

    def __init__(self, pairs: Sequence[tuple[nn.Conv2d, nn.BatchNorm2d]]) -> None:
        super().__init__()
        convs, norms = zip(*pairs)
        self.conv, self.bn = GroupedConv(convs), GroupedBatchNorm(norms)

    def forward(self, x: Tensor) -> Tensor:
        """[n, M, c_in, h, w] to [n, M, c_out, h', w']."""
        return self.bn(self.conv(x))


class EdgeUse(nn.Module):
    """One operator on one edge, for the members that have it.

    Args:
        name: the operator.
        operators: the modules of these members.
        members: their numbers; None for all.
    """

    def __init__(
        self, name: str, operators: Sequence[nn.Module], members: Sequence[int] | None
    ) -> None:
        super().__init__()
        self.name = name
        chosen = None if members is None else torch.tensor(members)
        self.register_buffer("members", chosen, persistent=False)
        is_conv = name.startswith("nor_conv")
        self.conv_bn = ConvBn([(op[1], op[2]) for op in operators]) if is_conv else None

    def forward(self, x: Tensor, activated: Tensor) -> Tensor:
        """What the edge adds to its target [n, chosen members, c, h, w].

        Args:
            x: the source node [n, M, c, h, w].
            activated: the same through the ReLU.
        """
        source = activated if self.conv_bn is not None else x
        if self.members is not None:
            source = source.index_select(1, self.members)
        if self.conv_bn is not None:
            return self.conv_bn(source)
        if self.name == "avg_pool_3x3":
            return box_mean_3x3(source.flatten(1, 2)).view_as(source)
        return source


class GroupedCell(nn.Module):
    """M cells; an edge that a member has as none costs it nothing."""

    def __init__(self, names: Sequence[Sequence[str]], cells: Sequence[NasBench201Cell]) -> None:
        super().__init__()
        self.edges = nn.ModuleList()
        for edge in range(len(EDGES)):
            holders: dict[str, list[int]] = {}
            for member, operators in enumerate(names):
                holders.setdefault(operators[edge], []).append(member)
            holders.pop("none", None)
            uses = [
                EdgeUse(
                    name, [cells[m].edges[edge] for m in of], of if len(of) < len(cells) else None
                )
                for name, of in holders.items()
            ]
            self.edges.append(nn.ModuleList(uses))

    def forward(self, x: Tensor) -> Tensor:
        """[n, M, c, h, w] to the same shape."""
        nodes, activated = [x], [F.relu(x)]
        for target in range(1, NUM_NODES):
            total: Tensor | None = None
            for (source, t), uses in zip(EDGES, self.edges):
                if t == target:
                    for use in uses:
                        term = use(nodes[source], activated[source])
                        total = _add(total, term, use.members, x)
            nodes.append(torch.zeros_like(x) if total is None else total)
            activated.append(F.relu(nodes[-1]))
        return nodes[-1]


def _add(total: Tensor | None, term: Tensor, members: Tensor | None, like: Tensor) -> Tensor:
    if members is None:
        return term if total is None else total + term
    if total is None:
        total = torch.zeros_like(like)
    return total.index_add(1, members, term)


class GroupedResidual(nn.Module):
    """M residual blocks of stride 2."""

    def __init__(self, blocks: Sequence[ResidualBlock]) -> None:
        super().__init__()
        self.conv_a = ConvBn([(b.conv_a[1], b.conv_a[2]) for b in blocks])
        self.conv_b = ConvBn([(b.conv_b[1], b.conv_b[2]) for b in blocks])
        self.pool = blocks[0].shortcut[0]
        self.shortcut = GroupedConv([b.shortcut[1] for b in blocks])

    def forward(self, x: Tensor) -> Tensor:
        """[n, M, c_in, h, w] to [n, M, c_out, ceil(h / 2), ceil(w / 2)]."""
        y = self.conv_b(F.relu(self.conv_a(F.relu(x))))
        pooled = self.pool(x.flatten(1, 2)).unflatten(1, x.shape[1:3])
        return self.shortcut(pooled) + y


class Members(nn.Module):
    """M networks of one layout as one.

    Args:
        networks: their weights and BatchNorm statistics are copied.

    Raises:
        ValueError: none, or networks of different layouts.
    """

    def __init__(self, networks: Sequence[NasBench201Network]) -> None:
        super().__init__()
        layouts = {network.layout for network in networks}
        if len(layouts) != 1:
            raise ValueError(f"Members: found {len(layouts)} layouts, expected networks of one")
        names = [network.cell.operators for network in networks]
        self.stem = ConvBn([tuple(network.stem) for network in networks])
        self.blocks = nn.ModuleList(
            GroupedCell(names, blocks)
            if isinstance(blocks[0], NasBench201Cell)
            else GroupedResidual(blocks)
            for blocks in zip(*(network.blocks for network in networks))
        )
        self.last_bn = GroupedBatchNorm([network.last_activation[0] for network in networks])
        heads = [network.classifier for network in networks]
        self.weight = nn.Parameter(torch.stack([head.weight.detach() for head in heads]))
        self.bias = nn.Parameter(torch.stack([head.bias.detach() for head in heads]))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [M, n, classes] of images [n, M, input_channels, h, w], each member's own."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        pooled = F.relu(self.last_bn(x)).mean(dim=(3, 4)).transpose(0, 1)  # [M, n, c]
        return torch.baddbmm(self.bias[:, None], pooled, self.weight.transpose(1, 2))
