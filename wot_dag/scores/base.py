"""What a score is: numbers of architectures, from a space, mini-batches and seeds."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from spaces.initialization import initialize
from wot_dag.store import Key

if TYPE_CHECKING:  # configs name a score before there is a space
    from wot_dag.space import Space

ALL = 1 << 20  # groups at a time: all of them
Group = Sequence[Key]


@dataclass(frozen=True)
class Inputs:
    """What a score may look at: images, but no labels and no accuracies.

    Args:
        space: of the architectures.
        batch: mini-batch [n, c, h, w] of a seed.
        image_shape: (c, h, w).
    """

    space: Space
    batch: Callable[[int], Tensor]
    image_shape: tuple[int, int, int]


class Score:
    """A score of architectures, higher is better; what is not finite counts as lowest.

    Args:
        label: its name in tables.
    """

    chunk = 1  # groups that are measured in one call
    builds = False  # whether it looks at a network

    def __init__(self, label: str) -> None:
        self.label = label

    def pass_of(self, _space: Space, arch: str) -> str:
        """Names the work: architectures with one name are measured together, for one's cost."""
        return arch

    def measure(self, inputs: Inputs, groups: Sequence[Group]) -> Any:
        """The work of groups of keys that share a pass and a seed."""
        raise NotImplementedError

    def finish(self, measured: Any) -> list[float]:
        """The numbers, one per key: what each key costs by itself."""
        return [float(value) for value in measured]


class OfSpace(Score):
    """A score that needs no network.

    Args:
        label: its name in tables.
        numbers: (inputs, keys) -> a number for each key.
    """

    chunk = ALL

    def __init__(self, label: str, numbers: Callable[[Inputs, Group], Sequence[float]]) -> None:
        super().__init__(label)
        self._numbers = numbers

    def measure(self, inputs: Inputs, groups: Sequence[Group]) -> Sequence[float]:
        """All keys at once."""
        return self._numbers(inputs, [key for group in groups for key in group])


class OfNetwork(Score):
    """A score of any network at its weights.

    Args:
        label: its name in tables.
        of: (network, images [n, c, h, w], generator) -> number; it may spoil the network.
    """

    builds = True

    def __init__(
        self, label: str, of: Callable[[nn.Module, Tensor, torch.Generator], float]
    ) -> None:
        super().__init__(label)
        self.of = of

    def measure(self, inputs: Inputs, groups: Sequence[Group]) -> Any:
        """One network after the other."""
        return [self.of(*initial_network(inputs, key)) for group in groups for key in group]


def initial_network(inputs: Inputs, key: Key) -> tuple[nn.Module, Tensor, torch.Generator]:
    """A network at its initial weights, its mini-batch, and where chance comes from."""
    images, generator = inputs.batch(key.seed), weight_generator(*key)
    network = inputs.space.network(key.arch, images.shape[1])
    initialize(network, "default", generator)
    return network.to(images, memory_format=torch.channels_last), images, generator


def weight_generator(shared: str, seed: int) -> torch.Generator:
    """Source of a pass' initial weights: the same in whatever order it is run."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {shared}".encode()))
