"""An MLP whose hidden layers are wired by a DAG."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dag import Dag, EdgeOp


@dataclass(frozen=True)
class MlpShape:
    """What an MLP has besides its DAG.

    Args:
        in_features: numbers per input.
        width: units per node.
        num_classes: logits.
        bias: whether linear layers have a bias; it starts at 0.
        batch_norm: normalize between each edge's linear layer and its ReLU.
        parameterization: "standard" (weights N(0, 2 / fan_in)) or "ntk" (weights N(0, 1),
            multiplied by sqrt(2 / fan_in) in the forward pass).
        init: "kaiming", or "in_degree": the variance divided by the number of edges into the node
            that a layer reads, so that a sum of many is no larger than one.
    """

    in_features: int
    width: int
    num_classes: int
    bias: bool = True
    batch_norm: bool = False
    parameterization: str = "standard"
    init: str = "kaiming"

    def layers(self, dag: Dag) -> list[tuple[int, int, int]]:
        """(fan_in, fan_out, what divides the initial variance) of stem, linear edges, readout."""
        width, into = self.width, [1] * dag.num_nodes
        if self.init == "in_degree":
            for node in range(1, dag.num_nodes):
                into[node] = sum(edge.target == node for edge in dag.edges)
        hidden = [(width, width, into[e.source]) for e in dag.edges if e.op == EdgeOp.LINEAR]
        return [(self.in_features, width, 1), *hidden, (width, self.num_classes, into[dag.output])]

    def weight_std(self, fan_in: int) -> float:
        """Standard deviation of initial weights: Kaiming normal in fan-in mode."""
        return 1.0 if self.parameterization == "ntk" else (2 / fan_in) ** 0.5

    def scale(self, fan_in: int) -> float:
        """Factor of x W^T in the forward pass."""
        return (2 / fan_in) ** 0.5 if self.parameterization == "ntk" else 1.0


def live_dag(code: str | Dag) -> Dag:
    """The DAG without edges that lie on no path from input to output; they hold no parameters.

    Raises:
        ValueError: the code is bad, has several inputs, or has no path: nothing to train.
    """
    dag = Dag.parse(code) if not isinstance(code, Dag) else code
    if dag.num_inputs != 1:
        raise ValueError(f"DAG {dag}: found {dag.num_inputs} inputs, expected 1 for an MLP")
    live = dag.live()
    if not live.edges:
        raise ValueError(
            f"DAG {dag} has no path from input to output, so there is nothing to train: join "
            f"node 0 to node {dag.output} by edges that are not 0"
        )
    return live


class DagMlp(nn.Module):
    """Stem (linear, ReLU), a DAG of linear + ReLU and identity edges, linear readout.

    A node is the sum of its incoming edges (paper, Sec. 3.1).

    Args:
        dag: code or graph with one input.
        shape: sizes and parameterization.
        generator: source of the initial weights.
    """

    def __init__(
        self, dag: str | Dag, shape: MlpShape, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.dag, self.shape = live_dag(dag), shape
        layers = shape.layers(self.dag)
        self.linears = nn.ModuleList(_linear(*layer, shape, generator) for layer in layers)
        normed = layers[1:-1] if shape.batch_norm else []
        self.norms = nn.ModuleList(nn.BatchNorm1d(shape.width) for _ in normed)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, in_features] -> logits [batch, num_classes]."""
        nodes: list[Tensor | None] = [None] * self.dag.num_nodes
        nodes[0] = F.relu(self._apply_linear(0, x))
        layer = 1
        for source, target, op in self.dag.edges:
            message = nodes[source]
            if op == EdgeOp.LINEAR:
                message = self._apply_linear(layer, message)
                if self.norms:
                    message = self.norms[layer - 1](message)
                message = F.relu(message)
                layer += 1
            nodes[target] = message if nodes[target] is None else nodes[target] + message
        return self._apply_linear(-1, nodes[-1])

    def _apply_linear(self, index: int, x: Tensor) -> Tensor:
        linear = self.linears[index]
        scale = self.shape.scale(linear.in_features)
        return linear(x) if scale == 1 else F.linear(x * scale, linear.weight, linear.bias)

    def num_parameters(self) -> int:
        """Trained numbers."""
        return sum(p.numel() for p in self.parameters())


def _linear(
    fan_in: int, fan_out: int, degree: int, shape: MlpShape, generator: torch.Generator | None
) -> nn.Linear:
    device = torch.get_default_device()
    linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out, bias=shape.bias, device=device)
    with torch.no_grad():
        linear.weight.normal_(0, shape.weight_std(fan_in) / degree**0.5, generator=generator)
        if shape.bias:
            linear.bias.zero_()
    return linear
