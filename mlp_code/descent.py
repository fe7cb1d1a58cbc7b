"""Batched networks trained each at its own learning rate, and the largest rate that is stable."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from common.config import ConfigError
from common.dataset import epoch_order
from mlp_code.batched import BatchedDagMlp
from mlp_code.metrics import make_loss
from mlp_code.model import DagMlp


@dataclass(frozen=True)
class Descent:
    """A short training, the loss being a mean over images.

    Args:
        x: images [n, d_in].
        y: labels [n].
        loss: mse (1/2 ||y - f||^2 of one-hot targets) or cross_entropy.
        steps: of the training.
        batch_size: images per step; 0 takes all n, gradient descent.
        every: steps between two looks at the loss of all n images; there is one at either end.
        momentum: momentum.
    """

    x: Tensor
    y: Tensor
    loss: str
    steps: int
    batch_size: int = 0
    every: int = 0
    momentum: float = 0.0

    def losses(self, members: Sequence[DagMlp], rates: Tensor) -> Tensor:
        """Losses [looks, members] of all images at rates [members]; inf: it died or diverged.

        The gradient of a sum of losses, each times its rate, moves every network at its own. The
        members, of one shape and number of nodes, stay as they are.
        """
        network = BatchedDagMlp(members).to(self.x.device)
        optimizer = torch.optim.SGD(
            network.parameters(), lr=1.0, momentum=self.momentum, fused=True
        )
        loss_of, looks = make_loss(self.loss, "one_hot"), []

        def outcome(chosen: Tensor | slice) -> tuple[Tensor, Tensor]:
            logits = network(self.x[chosen].expand(len(network), -1, -1))
            return logits, loss_of(logits, self.y[chosen].expand(len(network), -1)).mean(1)

        def look() -> Tensor:
            with torch.no_grad():
                logits, loss = outcome(slice(None))
            # A step too large can kill all ReLUs: outputs that no image changes have nothing to
            # learn, though their loss may be below that of the start.
            alive = (logits != logits[:, :1]).any(2).any(1)
            return torch.where(alive & loss.isfinite(), loss, math.inf)

        for step in range(self.steps):
            if step == 0 or (self.every and step % self.every == 0):
                looks.append(look())
            _, loss = outcome(self._batch(step))
            optimizer.zero_grad()
            (loss * rates).sum().backward()
            optimizer.step()
        return torch.stack([*looks, look()])

    def stable(self, members: Sequence[DagMlp], rates: Tensor) -> Tensor:
        """Whether each network's loss is below its first one in the end, booleans [members]."""
        losses = self.losses(members, rates)
        return losses[-1] < losses[0]

    def _batch(self, step: int) -> Tensor | slice:
        if not self.batch_size:
            return slice(None)
        n = len(self.x)
        epoch, start = divmod(step * self.batch_size, n - n % self.batch_size)
        order = epoch_order(0, epoch + 1, n)
        return order[start : start + self.batch_size].to(self.x.device)


def largest_stable(
    descent: Descent, members: Sequence[DagMlp], span: tuple[float, float], halvings: int
) -> Tensor:
    """The largest stable rate of each network [members], by bisection on the logarithm.

    All train at the first rate of the span and diverge at the last; what is found is exact to
    (high / low)^(2^-halvings).

    Raises:
        ConfigError: a network does not train at the span's first rate, or most do at its last.
    """
    low, high = (torch.full((len(members),), math.log(rate)) for rate in span)
    low, high = low.to(descent.x.device), high.to(descent.x.device)
    ends = [descent.stable(members, end.exp()) for end in (low, high)]
    ok = ends[0].all() and ends[1].float().mean() <= 0.5
    if not ok:
        code = members[int(ends[0].int().argmin())].dag
        found = f"{code} diverges at the first" if not ends[0].all() else "most train at the last"
        raise ConfigError(
            f"rates: found {span[0]:g} .. {span[1]:g}, but {found} ({descent.loss}): expected a "
            f"first rate at which all networks train, and a last one at which they diverge"
        )
    for _ in range(halvings):
        middle = (low + high) / 2
        held = descent.stable(members, middle.exp())
        low, high = torch.where(held, middle, low), torch.where(held, high, middle)
    return low.exp()


def best_of(descent: Descent, members: Sequence[DagMlp], rates: Tensor) -> tuple[Tensor, Tensor]:
    """Of rates [tries, members] those with the lowest loss in the end, and it, each [members]."""
    losses = torch.stack([descent.losses(members, tried)[-1] for tried in rates])
    best = losses.argmin(0, keepdim=True)
    return rates.gather(0, best)[0], losses.gather(0, best)[0]
