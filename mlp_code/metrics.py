"""Loss and accuracy of several networks, summed on the device."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]  # logits [m, b, c], labels [m, b] -> [m, b]


def make_loss(name: str, targets: str) -> Loss:
    """The loss of each image: cross-entropy, or sum over classes of (f - y)^2 / 2."""

    def cross_entropy(f: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(f.flatten(0, 1), y.flatten(), reduction="none").view_as(y)

    def mse(f: Tensor, y: Tensor) -> Tensor:
        return (f - encode_targets(y, f.shape[-1], targets)).square().sum(-1) / 2

    return mse if name == "mse" else cross_entropy


def encode_targets(y: Tensor, num_classes: int, targets: str) -> Tensor:
    """Labels [...] -> float32 targets [..., num_classes]: 0 and 1, or -1 and 1."""
    one_hot = F.one_hot(y, num_classes).float()
    return one_hot * 2 - 1 if targets == "signed" else one_hot


class Sums:
    """Sums of loss and hits over the batches of one pass; its variables are its state."""

    def __init__(self, members: int, num_classes: int, device: torch.device) -> None:
        self.loss = torch.zeros(members, dtype=torch.float64, device=device)
        self.hits = torch.zeros(members, num_classes, dtype=torch.int64, device=device)
        self.images = torch.zeros(members, num_classes, dtype=torch.int64, device=device)

    def add(self, losses: Tensor, logits: Tensor, y: Tensor) -> None:
        """Adds a batch: losses [m, b], logits [m, b, c], labels [m, b]."""
        hits = logits.detach().argmax(-1) == y
        self.loss += losses.detach().double().sum(1)
        self.hits.scatter_add_(1, y, hits.long())
        self.images.scatter_add_(1, y, torch.ones_like(y))

    def records(self, split: str) -> list[dict[str, float]]:
        """Per network: mean loss, top-1 accuracy and mean accuracy over classes, in %."""
        images = self.images.sum(1)
        per_class = 100 * self.hits.double() / self.images.clamp_min(1)
        values = {
            "loss": self.loss / images,
            "accuracy": 100 * self.hits.sum(1).double() / images,
            "class_accuracy": per_class.sum(1) / (self.images > 0).sum(1),
        }
        columns = zip(*(value.tolist() for value in values.values()))
        return [dict(zip([f"{split}_{key}" for key in values], column)) for column in columns]
