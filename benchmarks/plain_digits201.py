"""A network of digits-201 trained alone, as a first script would: the oracle of grouping."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from common.dataset import Dataset
from common.order import epoch_order
from retrain.side_by_side import Protocol
from spaces.networks import NasBench201Network


def train_alone(network: NasBench201Network, seed: int, protocol: Protocol, data: Dataset) -> None:
    """Trains by PyTorch's own loss, SGD and schedule; `seed` orders the images."""
    optimizer = torch.optim.SGD(
        network.parameters(), protocol.lr, 0.9, weight_decay=5e-4, nesterov=True
    )
    steps = len(data.train) // protocol.batch_size
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, protocol.epochs * steps)
    for epoch in range(protocol.epochs):
        order = epoch_order(seed, epoch, len(data.train)).to(data.train.labels.device)
        for chosen in order.split(protocol.batch_size)[:steps]:
            logits = network(data.normalize(data.train.images[chosen]))
            optimizer.zero_grad()
            F.cross_entropy(logits, data.train.labels[chosen]).backward()
            optimizer.step()
            schedule.step()


def accuracy_of(network: NasBench201Network, data: Dataset) -> float:
    """Percent of the test images that a trained network classifies right."""
    network.eval()
    with torch.no_grad():
        predicted = network(data.normalize(data.test.images)).argmax(1)
    return 100 * (predicted == data.test.labels).float().mean().item()
