"""Sums over images: cross-entropy and hits among the first one and five classes."""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from common.workers import Workers


class TopKSums:
    """Sums over the images seen so far, kept on the device."""

    def __init__(self, device: torch.device, classes: int) -> None:
        self.classes = classes
        self.values = torch.zeros(4, dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, losses: Tensor, logits: Tensor, y: Tensor) -> None:
        """Adds a batch: losses [n], logits [n, classes], labels [n]."""
        first = logits.topk(min(5, logits.shape[1]), dim=1).indices == y[:, None]
        sums = (losses.double().sum(), first[:, 0].sum(), first.any(1).sum())
        count = losses.new_tensor(len(y))
        self.values += torch.stack([value.double() for value in (*sums, count)])

    def mean(self, workers: Workers) -> dict[str, float]:
        """loss, and top1 and top5 accuracy in %, over the images of all processes.

        Five of five classes always hold the right one: top5 is measured from six classes on.
        """
        loss, top1, top5, n = map(sum, zip(*workers.gather(self.values.tolist())))
        found = {"loss": loss / n, "top1": 100 * top1 / n}
        return found | ({"top5": 100 * top5 / n} if self.classes > 5 else {})


@torch.no_grad()
def evaluate(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    workers: Workers,
    autocast: torch.autocast,
    classes: int,
) -> dict[str, float]:
    """Mean loss and accuracies in evaluation mode; the processes share the images."""
    network.eval()
    sums = TopKSums(next(network.parameters()).device, classes)
    for x, y in batches:
        with autocast:
            logits = network(x)
        sums.add(F.cross_entropy(logits.float(), y, reduction="none"), logits, y)
    return sums.mean(workers)


def share_buffers(network: nn.Module, workers: Workers) -> None:
    """Gives everyone the first process' running statistics, which a checkpoint keeps."""
    if workers.size > 1:
        for buffer in network.buffers():
            distributed.broadcast(buffer, 0)
