"""Parameters and multiply-adds of networks."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Build = Callable[[], nn.Module]


def count_parameters(build: Build) -> int:
    """Number of parameters of the network that `build` makes, on the meta device."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def count_multiply_adds(build: Build, image_shape: Sequence[int]) -> int:
    """Multiply-adds of the convolutions and linear layers for one image, in evaluation mode.

    Args:
        build: makes the network; the global generator stays as it is.
        image_shape: (channels, height, width).
    """
    with torch.random.fork_rng(devices=[]):
        network = build().eval()
    # of real numbers: on the meta device, whose operators are in Python, it takes four times longer
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *image_shape))
    return counter.get_total_flops() // 2


def affine_counts(features: np.ndarray, count: Callable[[int], int]) -> np.ndarray:
    """Counts [n] that are affine in integer features [n, p], from a few of them.

    Networks of one layout differ by what each operator adds where it stands. So those of as many
    rows as are independent tell those of all.

    Args:
        features: such as how often each operator stands in each cell.
        count: what is counted, of a row.
    """
    from scipy import linalg  # not before someone counts: a search need not load it

    rows, first, place = np.unique(features, axis=0, return_index=True, return_inverse=True)
    design = np.column_stack([np.ones(len(rows)), rows])
    _, _, order = linalg.qr(design.T, mode="economic", pivoting=True)
    chosen = order[: np.linalg.matrix_rank(design)]
    known = np.array([count(int(first[row])) for row in chosen], float)
    each = design @ np.linalg.lstsq(design[chosen], known)[0]
    return np.rint(each).astype(np.int64)[place.ravel()]
