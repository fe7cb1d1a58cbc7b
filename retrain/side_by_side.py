"""Trains many small networks at once: several cells, several seeds each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from common.dataset import Dataset, Split
from common.order import epoch_order
from retrain.members import Members
from spaces.initialization import initialize
from spaces.nasbench201 import Cell
from spaces.networks import NasBench201Layout, NasBench201Network


@dataclass(frozen=True)
class Protocol:
    """How each network trains: SGD with Nesterov momentum, the learning rate on a cosine to 0.

    Args:
        epochs: passes over the training images.
        batch_size: images per step; images that do not fill a last one wait for the next epoch.
        lr: learning rate of the first step.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty on all parameters.
    """

    epochs: int
    batch_size: int
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4


class Accuracies(NamedTuple):
    """Of one network, in %: during the last epoch, then on images it has not seen."""

    train: float
    validation: float
    test: float


class TrainingDivergedError(RuntimeError):
    """A loss that is not finite."""


def train_cells(
    cells: Sequence[Cell],
    seeds: Sequence[int],
    layout: NasBench201Layout,
    protocol: Protocol,
    data: Dataset,
) -> list[list[Accuracies]]:
    """Trains a network per cell and seed, all at once; returns [cells][seeds].

    The seed decides a network's weights and the order of its images, so that neither depends on
    which networks it trains beside.

    Raises:
        TrainingDivergedError: a loss is not finite.
    """
    device = data.train.labels.device
    members = Members([_network(cell, seed, layout) for cell in cells for seed in seeds])
    members.to(device)
    seed_of = torch.arange(len(seeds), device=device).repeat(len(cells))
    train = train_members(members, seeds, seed_of, protocol, data)
    splits = (data.validation, data.test)
    held_out = (_accuracy(members, data, split, len(seed_of)) for split in splits)
    rows = torch.stack([train, *held_out], dim=1).tolist()
    found = [Accuracies(*row) for row in rows]
    return [found[first : first + len(seeds)] for first in range(0, len(found), len(seeds))]


def _network(cell: Cell, seed: int, layout: NasBench201Layout) -> NasBench201Network:
    network = NasBench201Network(cell, layout)
    initialize(network, "default", torch.Generator().manual_seed(seed))
    return network


def train_members(
    members: Members, seeds: Sequence[int], seed_of: Tensor, protocol: Protocol, data: Dataset
) -> Tensor:
    """Trains in place; returns the accuracy [members] during the last epoch.

    `seed_of` [members] says which of the seeds orders each member's images.
    """
    optimizer = torch.optim.SGD(
        members.parameters(),
        protocol.lr,
        protocol.momentum,
        weight_decay=protocol.weight_decay,
        nesterov=True,
        fused=True,
    )
    members.train()
    steps = len(data.train) // protocol.batch_size
    for epoch in range(protocol.epochs):
        hits = torch.zeros(len(seed_of), device=seed_of.device)
        orders = torch.stack([epoch_order(seed, epoch, len(data.train)) for seed in seeds])
        for step, chosen in enumerate(orders.to(seed_of.device).split(protocol.batch_size, 1)):
            if step < steps:
                done = (epoch * steps + step) / (protocol.epochs * steps)
                optimizer.param_groups[0]["lr"] = protocol.lr * (1 + math.cos(math.pi * done)) / 2
                hits += _step(members, optimizer, data, chosen[seed_of])
    return 100 * hits / (steps * protocol.batch_size)


def _step(
    members: Members, optimizer: torch.optim.Optimizer, data: Dataset, chosen: Tensor
) -> Tensor:
    """One step on the images [members, batch]; returns each member's hits."""
    images = data.train.images[chosen.t().flatten()]
    x = data.normalize(images).unflatten(0, (chosen.shape[1], -1))
    y = data.train.labels[chosen]
    logits = members(x)
    losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y)
    total = losses.mean(1).sum()  # each member's mean over its own images
    if not total.isfinite():
        raise TrainingDivergedError("a loss is not finite: lower lr")
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return (logits.detach().argmax(2) == y).sum(1)


@torch.no_grad()
def _accuracy(members: Members, data: Dataset, split: Split, count: int) -> Tensor:
    """Accuracy in % [members] on a split, with running statistics."""
    members.eval()
    x = data.normalize(split.images)[:, None].expand(-1, count, -1, -1, -1)
    return 100 * (members(x).argmax(2) == split.labels).float().mean(1)
