"""Several DAG MLPs of one shape as one batched network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dag import EdgeOp
from mlp_code.model import DagMlp


class BatchedDagMlp(nn.Module):
    """Members of one shape, batched; edges that a member lacks cost nothing.

    All linear edges into one node, of all members, are one batched product: a forward pass is
    H + 2 products however many members there are. Equal to running each `DagMlp` alone up to
    the rounding of batched products.

    Args:
        members: networks of one `MlpShape` and one number of nodes; their values are copied.
    """

    def __init__(self, members: Sequence[DagMlp]) -> None:
        super().__init__()
        self.dags = [member.dag for member in members]
        self.shape = members[0].shape
        self._places: list[list[tuple[int, int]]] = [[] for _ in members]  # (layer, slot)
        self.layers = nn.ModuleList()
        self.norms = nn.ModuleDict()
        everyone = list(range(len(members)))
        self._add_layer(members, everyone)
        for target in range(1, self.dags[0].num_nodes):
            self._add_target(members, target)
        self._add_layer(members, everyone)

    def __len__(self) -> int:
        return len(self.dags)

    def _add_target(self, members: Sequence[DagMlp], target: int) -> None:
        """Plans node `target`: where its messages come from and whom they reach."""
        for op in (EdgeOp.SKIP, EdgeOp.LINEAR):
            found = [
                (member, edge.source)
                for member, dag in enumerate(self.dags)
                for edge in dag.edges
                if edge.target == target and edge.op == op
            ]
            receivers = torch.tensor([member for member, _ in found], dtype=torch.long)
            sources = torch.tensor([s for _, s in found], dtype=torch.long)
            name = f"{op.name.lower()}_{target}"
            self.register_buffer(f"{name}_to", receivers, persistent=False)
            self.register_buffer(
                f"{name}_from", sources * len(members) + receivers, persistent=False
            )
        layer = self._add_layer(members, receivers.tolist())
        if self.shape.batch_norm and len(receivers):
            places = [(m, self._places[m].index((layer, s)) - 1) for s, m in enumerate(receivers)]
            self.norms[str(layer)] = BatchedNorm([members[m].norms[n] for m, n in places])

    def _add_layer(self, members: Sequence[DagMlp], having: list[int]) -> int:
        """One batched layer of the next linear layer of each member in `having`."""
        layer = len(self.layers)
        linears = []
        for slot, member in enumerate(having):
            linears.append(members[member].linears[len(self._places[member])])
            self._places[member].append((layer, slot))
        self.layers.append(BatchedLinear(linears, self.shape))
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, in_features] -> logits [members, batch, num_classes]."""
        nodes = F.relu(self.layers[0](x))
        empty = torch.zeros_like(nodes)
        for target in range(1, self.dags[0].num_nodes):
            linear_from, linear_to = self._plan("linear", target)
            skip_from, skip_to = self._plan("skip", target)
            node = (
                empty.index_add(0, skip_to, nodes.index_select(0, skip_from))
                if len(skip_to)
                else empty
            )
            if len(linear_to):
                message = self.layers[target](nodes.index_select(0, linear_from))
                if self.norms:
                    message = self.norms[str(target)](message)
                node = node.index_add(0, linear_to, F.relu(message))
            nodes = torch.cat([nodes, node])
        return self.layers[-1](nodes[-len(self.dags) :])

    def _plan(self, op: str, target: int) -> tuple[Tensor, Tensor]:
        return getattr(self, f"{op}_{target}_from"), getattr(self, f"{op}_{target}_to")

    def member_state(self, member: int) -> dict[str, Tensor]:
        """State dict of one member as a `DagMlp`; the tensors are copies."""
        state = {}
        for n, (layer, slot) in enumerate(self._places[member]):
            batched = self.layers[layer]
            state[f"linears.{n}.weight"] = batched.weight[slot].detach().T.clone()
            if batched.bias is not None:
                state[f"linears.{n}.bias"] = batched.bias[slot, 0].detach().clone()
            if str(layer) in self.norms:
                for name, tensor in self.norms[str(layer)].slot_state(slot).items():
                    state[f"norms.{n - 1}.{name}"] = tensor
        return state


class BatchedLinear(nn.Module):
    """Linear layers of several members as one batched product.

    Args:
        layers: layers of one size; their values are copied.
        shape: says how products are scaled.
    """

    def __init__(self, layers: Sequence[nn.Linear], shape: object) -> None:
        super().__init__()
        self.weight = self.bias = None
        self.scale = 1.0
        if not layers:
            return
        # [members, fan_in, fan_out]: the product needs no transposition.
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        self.scale = shape.scale(layers[0].in_features)
        if layers[0].bias is not None:
            self.bias = nn.Parameter(
                torch.stack([layer.bias.detach() for layer in layers])[:, None]
            )

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, fan_in] -> [members, batch, fan_out]."""
        if self.scale != 1:
            x = x * self.scale
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)


class BatchedNorm(nn.Module):
    """Batch normalization layers of several members as one.

    Args:
        norms: the members' layers; their values are copied.
    """

    def __init__(self, norms: Sequence[nn.BatchNorm1d]) -> None:
        super().__init__()
        self.width = norms[0].num_features
        self.norm = nn.BatchNorm1d(self.width * len(norms), dtype=norms[0].weight.dtype)
        states = [norm.state_dict() for norm in norms]
        joined = {
            name: torch.cat([s[name] for s in states]) if tensor.dim() else tensor
            for name, tensor in states[0].items()
        }
        self.norm.load_state_dict(joined)

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, width] -> the same shape."""
        flat = self.norm(x.transpose(0, 1).flatten(1))
        return flat.unflatten(1, (len(x), self.width)).transpose(0, 1)

    def slot_state(self, slot: int) -> dict[str, Tensor]:
        """State of one member's BatchNorm1d."""
        part = slice(slot * self.width, (slot + 1) * self.width)
        state = self.norm.state_dict()
        return {n: (t[part] if t.dim() else t).detach().clone() for n, t in state.items()}
