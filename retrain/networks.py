"""The network of a choice, its training loss, and what it costs."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.config import ConfigError, require
from dag import effective_depth_width
from retrain.choice import Chosen
from retrain.config import NetworkSettings
from spaces import Cell
from spaces.costs import count_multiply_adds, count_parameters
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network


class Shape(NamedTuple):
    """What a data set asks of a network."""

    classes: int
    image: tuple[int, int, int]  # channels, height, width


def build_network(choice: Chosen, settings: NetworkSettings, shape: Shape) -> nn.Module:
    """The network with PyTorch's initial weights, drawn from the global generator."""
    classes, channels = shape.classes, shape.image[0]
    if isinstance(choice.cell, Cell):
        layout = NasBench201Layout(settings.channels, settings.layers, 3, classes, channels)
        return NasBench201Network(choice.cell, layout)
    head, sizes = settings.auxiliary > 0, (settings.channels, settings.layers)
    return DartsNetwork(choice.cell, DartsLayout(*sizes, classes, channels, settings.stem, head))


def make_network(
    choice: Chosen, settings: NetworkSettings, shape: Shape, seed: int = 0
) -> nn.Module:
    """The network with weights that `seed` decides; what gets no gradient is frozen.

    Raises:
        ConfigError: the images do not fit the auxiliary head.
    """
    _check_auxiliary(settings, shape)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = build_network(choice, settings, shape)
    # Where no path joins an edge to the output; processes must not wait for its gradient.
    for name in _without_gradient(choice, settings, shape):
        network.get_parameter(name).requires_grad_(False)
    return network


def _check_auxiliary(settings: NetworkSettings, shape: Shape) -> None:
    (channels, height, width), cifar = shape.image, settings.stem == "cifar"
    low, high = (29, 32) if cifar else (193, 224)
    ok = not settings.auxiliary or (low <= height <= high and low <= width <= high)
    expected = f"0 for images of {height}x{width}: the head needs {low} .. {high}"
    require(ok, "network.auxiliary", settings.auxiliary, expected)
    ok = cifar or channels == 3
    require(ok, "network.stem", settings.stem, "cifar for grey images")


def _without_gradient(choice: Chosen, settings: NetworkSettings, shape: Shape) -> list[str]:
    """Names of the parameters that a backward pass leaves out."""
    with torch.random.fork_rng(devices=[]):
        network = build_network(choice, settings, shape).train()
    loss = TrainingLoss(network, settings.auxiliary, 0.0)
    try:
        loss(torch.zeros(2, *shape.image), torch.zeros(2, dtype=torch.long))[0].sum().backward()
    except RuntimeError as error:
        raise ConfigError(f"genotype: its network cannot be trained ({error})") from error
    return [name for name, p in network.named_parameters() if p.grad is None]


class TrainingLoss(nn.Module):
    """A network with its loss, as one module; `auxiliary` is the weight of that head's loss."""

    def __init__(self, network: nn.Module, auxiliary: float, label_smoothing: float) -> None:
        super().__init__()
        self.network, self.auxiliary, self.label_smoothing = network, auxiliary, label_smoothing

    def forward(
        self, x: Tensor, y: Tensor, path_scales: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What to minimize [n], the cross-entropy of the logits in it [n], the logits."""
        if isinstance(self.network, DartsNetwork):
            logits, auxiliary = self.network.logits_and_auxiliary(x, path_scales)
        else:
            logits, auxiliary = self.network(x), None
        losses = self._cross_entropy(logits, y)
        if auxiliary is None:
            return losses, losses, logits
        return losses + self.auxiliary * self._cross_entropy(auxiliary, y), losses, logits

    def _cross_entropy(self, logits: Tensor, y: Tensor) -> Tensor:
        smoothing = self.label_smoothing
        return F.cross_entropy(logits.float(), y, reduction="none", label_smoothing=smoothing)


def path_scales(
    network: DartsNetwork, probability: float, n: int, generator: torch.Generator
) -> Tensor:
    """0 for a dropped path of an image, else 1 / (1 - p): float32 [cells, edges, n]."""
    edges = max(len(cell.edges) for cell in network.cells)
    uniform = torch.rand(len(network.cells), edges, n, generator=generator)
    return (uniform >= probability) / (1 - probability)


def describe(choice: Chosen, settings: NetworkSettings, shape: Shape) -> dict:
    """The network in a result: its cell, size and shape; the auxiliary head does not count."""
    plain = NetworkSettings(settings.channels, settings.layers, settings.stem)

    def build() -> nn.Module:
        return build_network(choice, plain, shape)

    if isinstance(choice.cell, Cell):
        cell, dags = {"arch": str(choice.cell)}, [choice.cell.to_dag()]
    else:
        cell = {"genotype": choice.cell.to_dict()}
        dags = [choice.cell.to_dag(which) for which in ("normal", "reduce")]
    return {
        "method": choice.method,
        "space": choice.space,
        **cell,
        "shapes": [list(effective_depth_width(dag)) for dag in dags],
        "parameters": count_parameters(build),
        "multiply_adds": count_multiply_adds(build, shape.image),
    }
