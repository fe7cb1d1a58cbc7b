"""The plain supernet: one module per operator and edge, no sharing. Oracle and yardstick."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from spaces.operator_modules import make_operator
from tenas_dag.candidates import DARTS, Candidates
from tenas_dag.stacks import StackedBatchNorm, StackedConv
from tenas_dag.supernet import DartsSupernet, SuperCell, Supernet

Pair = tuple[nn.Parameter, int | None, nn.Parameter]  # fast parameter, its copy, the plain twin


class PlainCell(nn.Module):
    """Every edge runs each of its operators on its own and adds them up with their weights."""

    def __init__(self, twin: SuperCell, channels: int) -> None:
        super().__init__()
        self.topology, self.stride = twin.topology, twin.stride
        self.edges = nn.ModuleList()
        for source, _ in self.topology.edges:
            stride = self.stride if source < self.topology.num_inputs else 1
            operators = {n: make_operator(n, channels, stride) for n in self.topology.operators}
            self.edges.append(nn.ModuleDict(operators))

    def forward(
        self, inputs: Sequence[Tensor], left: Candidates, alphas: Tensor | None
    ) -> list[Tensor]:
        """All nodes."""
        nodes = list(inputs)
        for target in range(len(inputs), self.topology.num_nodes):
            nodes.append(0)
            for edge, (source, t) in enumerate(self.topology.edges):
                if t == target and left.left[edge]:
                    mixed = self._mixed(edge, nodes[source], left.left[edge], alphas)
                    nodes[target] = nodes[target] + mixed
        return nodes

    def _mixed(self, edge: int, x: Tensor, names: Sequence[str], alphas: Tensor | None) -> Tensor:
        columns = [self.topology.operators.index(name) for name in names]
        row = x.new_zeros(len(names)) if alphas is None else alphas[edge][columns]
        shares = row.softmax(0)
        return sum(w * self.edges[edge][name](x) for w, name in zip(shares, names))


class PlainSupernet(nn.Module):
    """The plain twin of a supernet, with the same weights.

    `pairs` joins every parameter of the fast supernet to its twins.
    """

    def __init__(self, fast: Supernet) -> None:
        super().__init__()
        self.fast = [fast]  # in a list: its parameters are not this module's
        self.cells = nn.ModuleDict()
        self.pairs: list[Pair] = []
        for name, module in fast.named_modules():
            if isinstance(module, SuperCell):
                self._add_cell(name, module)
        torch.func.replace_all_batch_norm_modules_(self)

    def _add_cell(self, name: str, fast: SuperCell) -> None:
        channels = next(m for m in fast.modules() if isinstance(m, StackedBatchNorm)).weight.shape[
            1
        ]
        cell = PlainCell(fast, channels).to(next(fast.parameters()))
        self.cells[name.replace(".", "/")] = cell
        self.pairs += _pairs(fast, cell)
        with torch.no_grad():
            for stacked, copy, plain in self.pairs:
                plain.copy_(stacked[copy])

    def forward(
        self,
        x: Tensor,
        left: Sequence[Candidates],
        alphas: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        """Logits, by the fast supernet's stem, residual blocks and head and the plain cells."""
        fast, alphas = self.fast[0], alphas or [None] * len(left)
        if isinstance(fast, DartsSupernet):
            x = self._darts(fast, x, left, alphas)
        else:
            x = fast.stem(x)
            for number, block in enumerate(fast.blocks):
                name = f"blocks/{number}"
                plain = name in self.cells
                x = self.cells[name]([x], left[0], alphas[0])[-1] if plain else block(x)
        return fast.classifier(fast.last_activation(x).mean(dim=(2, 3)))

    def _darts(
        self,
        fast: DartsSupernet,
        x: Tensor,
        left: Sequence[Candidates],
        alphas: Sequence[Tensor | None],
    ) -> Tensor:
        image = fast.stem(x)
        inputs = [adapt(image) for adapt in fast.normal_inputs]
        nodes = self.cells["normal"](inputs, left[0], alphas[0])
        normal = torch.cat([nodes[n] for n in DARTS.concat], dim=1)
        inputs = [fast.reduce_inputs[0](image), fast.reduce_inputs[1](normal)]
        nodes = self.cells["reduce"](inputs, left[1], alphas[1])
        return torch.cat([nodes[n] for n in DARTS.concat], dim=1)


def _pairs(fast: SuperCell, plain: PlainCell) -> Iterator[Pair]:
    """Twins of all stacked parameters: both kinds of module list their layers in one order."""
    for source, operators in enumerate(fast.sources):
        for name, stack in operators.stacks.items():
            layers = [m for m in stack.modules() if isinstance(m, (StackedConv, StackedBatchNorm))]
            for copy, target in enumerate(operators.targets):
                edge = plain.topology.edges.index((source, target))
                twins = [m for m in plain.edges[edge][name].modules() if hasattr(m, "weight")]
                for layer, twin in zip(layers, twins, strict=True):
                    yield layer.weight, copy, twin.weight
                    if isinstance(layer, StackedBatchNorm):
                        yield layer.bias, copy, twin.bias
