"""R, the number of linear regions that inputs fall into: their distinct ReLU patterns."""

import numpy as np
import torch
from torch import Tensor, nn

BATCHES = 3


def count_distinct(patterns: list[Tensor]) -> int:
    """Number of distinct rows of boolean tensors [n, m_1], [n, m_2], ... side by side; exact.

    Rows are packed to bits and compared as a whole only where their hashes agree: n m / 8 bytes
    are read once, no n x n product is made.
    """
    packed = np.concatenate([_pack(pattern) for pattern in patterns], axis=1)
    return len({row.tobytes() for row in packed})


def _pack(pattern: Tensor) -> np.ndarray:
    """Bits [n, ceil(m / 8)]; packed where the tensor lives, so that a GPU sends an eighth."""
    if pattern.device.type == "cpu":
        return np.packbits(pattern.numpy(), axis=1)
    padded = nn.functional.pad(pattern, (0, -pattern.shape[1] % 8)).unflatten(1, (-1, 8))
    powers = 2 ** torch.arange(8, device=pattern.device)
    return (padded * powers).sum(dim=2).to(torch.uint8).cpu().numpy()


@torch.no_grad()
def count_regions(network: nn.Module, inputs: Tensor, *args: object) -> int:
    """R of a network on inputs [n, c, h, w]: 1 .. n.

    The inputs pass in 3 batches of equal size, each with BatchNorm statistics of its own, as in
    TE-NAS (3 of 1,000); patterns of all of them are compared. One batch of 3,000 would give up to
    2.4 % fewer. Patterns are taken at the ReLUs whose input has 4 dimensions. R = n is saturated:
    each input is its own region, and R says nothing.

    Raises:
        ValueError: the network has no such ReLU.
    """
    batches: list[list[Tensor]] = []

    def record(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        if inputs[0].dim() == 4:
            batches[-1].append((inputs[0] > 0).flatten(1))

    handles = [
        module.register_forward_hook(record)
        for module in network.modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        for batch in inputs.tensor_split(BATCHES):
            batches.append([])
            network(batch, *args)
    finally:
        for handle in handles:
            handle.remove()
    if not batches[0]:
        raise ValueError("linear regions: the network has no ReLU with a 4-dimensional input")
    return count_distinct([torch.cat(parts) for parts in zip(*batches)])
