"""Several DAG MLPs of one shape as one batched network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dag import EdgeOp
from mlp_code.model import DagMlp, MlpShape


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
        # By layer: (member, number of its linear layer), in the order of the batch.
        hidden = [self._plan(target) for target in range(1, self.dags[0].num_nodes)]
        stem = [(m, 0) for m in range(len(members))]
        self.slots = [stem, *hidden, [(m, len(members[m].linears) - 1) for m, _ in stem]]
        self.layers = nn.ModuleList(
            BatchedLinear([members[m].linears[n] for m, n in slots], self.shape)
            if slots
            else nn.Identity()
            for slots in self.slots
        )
        self.norms = nn.ModuleDict(
            {
                str(layer): BatchedNorm([members[m].norms[n - 1] for m, n in slots])
                for layer, slots in enumerate(hidden, start=1)
                if slots and self.shape.batch_norm
            }
        )

    def __len__(self) -> int:
        return len(self.dags)

    def _plan(self, target: int) -> list[tuple[int, int]]:
        """Where node `target`'s messages come from and whom they reach; its linear layers."""
        found: dict[EdgeOp, list[tuple[int, int, int]]] = {EdgeOp.SKIP: [], EdgeOp.LINEAR: []}
        for member, dag in enumerate(self.dags):
            layer = 0
            for source, into, op in dag.edges:
                layer += op == EdgeOp.LINEAR
                if into == target:
                    found[op].append((member, layer, source))
        for op, edges in found.items():
            receivers, _, sources = torch.tensor(edges, dtype=torch.long).view(-1, 3).T
            name = f"{op.name.lower()}_{target}"
            self.register_buffer(f"{name}_to", receivers.clone(), persistent=False)
            senders = sources * len(self) + receivers
            self.register_buffer(f"{name}_from", senders, persistent=False)
        return [(member, layer) for member, layer, _ in found[EdgeOp.LINEAR]]

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, in_features] -> logits [members, batch, num_classes]."""
        nodes = F.relu(self.layers[0](x))
        empty = torch.zeros_like(nodes)
        for target in range(1, self.dags[0].num_nodes):
            node, skip_to = empty, self.get_buffer(f"skip_{target}_to")
            if len(skip_to):
                sent = nodes.index_select(0, self.get_buffer(f"skip_{target}_from"))
                node = empty.index_add(0, skip_to, sent)
            linear_to = self.get_buffer(f"linear_{target}_to")
            if len(linear_to):
                sent = nodes.index_select(0, self.get_buffer(f"linear_{target}_from"))
                message = self.layers[target](sent)
                if self.norms:
                    message = self.norms[str(target)](message)
                node = node.index_add(0, linear_to, F.relu(message))
            nodes = torch.cat([nodes, node])
        return self.layers[-1](nodes[-len(self.dags) :])

    def member_state(self, member: int) -> dict[str, Tensor]:
        """State dict of one member as a `DagMlp`; the tensors are copies."""
        state = {}
        for layer, slots in enumerate(self.slots):
            for slot, (owner, n) in enumerate(slots):
                parts = {f"linears.{n}": self.layers[layer]}
                if str(layer) in self.norms:
                    parts[f"norms.{n - 1}"] = self.norms[str(layer)]
                for name, part in parts.items() if owner == member else ():
                    own = part.slot_state(slot)
                    state |= {f"{name}.{key}": t.detach().clone() for key, t in own.items()}
        return state


class BatchedLinear(nn.Module):
    """Linear layers of several members, of one size, as one batched product; values are copied."""

    def __init__(self, layers: Sequence[nn.Linear], shape: MlpShape) -> None:
        super().__init__()
        # [members, fan_in, fan_out]: the product needs no transposition.
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        self.scale, self.bias = shape.scale(layers[0].in_features), None
        if shape.bias:
            biases = torch.stack([layer.bias.detach() for layer in layers])
            self.bias = nn.Parameter(biases[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, fan_in] -> [members, batch, fan_out]."""
        if self.scale != 1:
            x = x * self.scale
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)

    def slot_state(self, slot: int) -> dict[str, Tensor]:
        """State of one member's layer."""
        bias = {} if self.bias is None else {"bias": self.bias[slot, 0]}
        return {"weight": self.weight[slot].T} | bias


class BatchedNorm(nn.Module):
    """Batch normalization layers of several members as one; values are copied."""

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
        return {n: t[part] if t.dim() else t for n, t in self.norm.state_dict().items()}
