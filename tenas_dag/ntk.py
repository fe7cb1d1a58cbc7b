"""The finite-width NTK of a network on one batch, and its condition number kappa.

Theta_ij = <d f(x_i) / d w, d f(x_j) / d w> with f the sum of the logits and w the tensors named
weight. BatchNorm takes the batch's statistics, so f(x_i) depends on all images: a row of the
Jacobian is one reverse pass through the whole batch. Reverse passes run in chunks.
"""

import math

import torch
from torch import Tensor, nn
from torch.func import vmap

# Bytes of input images per chunk of reverse passes: activations of a chunk stay in the cache of a
# CPU; a GPU takes all that its memory holds.
_CHUNK_BYTES = {"cpu": 8 * 2**20, "cuda": 256 * 2**20}


def jacobian(network: nn.Module, images: Tensor, *args: object, chunk: int = 0) -> Tensor:
    """d (summed logits) / d (weights) [n, number of weights].

    Args:
        network: called as network(images, *args), gives logits [n, classes].
        images: [n, c, h, w].
        args: further arguments of the call.
        chunk: reverse passes at a time; by the device's cache if 0.

    Raises:
        ValueError: fewer than 2 images, or one of their values is NaN or infinite.
    """
    _check(images)
    weights = [p for name, p in network.named_parameters() if name.endswith("weight")]
    # cuDNN and oneDNN convolve small channel counts faster in this order of memory
    images = images.contiguous(memory_format=torch.channels_last)
    outputs = network(images, *args).sum(dim=1)

    def reverse(cotangent: Tensor) -> list[Tensor]:
        rows = torch.autograd.grad(
            outputs, weights, cotangent, retain_graph=True, allow_unused=True
        )
        return torch.cat([row.flatten() for row in rows if row is not None])

    chunk = chunk or max(1, _CHUNK_BYTES[images.device.type] // images.nbytes)
    eye = torch.eye(len(images), dtype=images.dtype, device=images.device)
    return torch.cat([vmap(reverse)(part) for part in eye.split(chunk)])


def tangent_kernel(network: nn.Module, images: Tensor, *args: object, chunk: int = 0) -> Tensor:
    """The NTK [n, n] in float64; arguments and errors as in `jacobian`."""
    J = jacobian(network, images, *args, chunk=chunk).double()
    return J @ J.T


def condition_number(kernel: Tensor) -> float:
    """lambda_max / lambda_min of a symmetric kernel [n, n], from float64 eigenvalues.

    The kernel's entries are sums in float32, and lambda_min is a small difference of them: kappa
    depends on how many threads share a sum, by 6e-7 of it between 1 and 2.

    NaN if the kernel has an entry that is not finite or lambda_min <= 0: it is singular to
    working precision, and its kappa says nothing.
    """
    least, most = _extremes(kernel)
    return most / least if least > 0 else math.nan


def published_condition_number(kernel: Tensor) -> float:
    """The same as TE-NAS' code has it: negative if lambda_min is, and 1e5 if it is no number."""
    least, most = _extremes(kernel)
    return 1e5 if least == 0 or math.isnan(least) else most / least


def _extremes(kernel: Tensor) -> tuple[float, float]:
    """The smallest and the largest eigenvalue; NaN if an entry is not finite."""
    kernel = kernel.double()
    if not kernel.isfinite().all():
        return math.nan, math.nan
    eigenvalues = torch.linalg.eigvalsh((kernel + kernel.T) / 2)
    return eigenvalues[0].item(), eigenvalues[-1].item()


def _check(images: Tensor) -> None:
    if images.dim() != 4 or len(images) < 2:
        raise ValueError(f"NTK: found images {list(images.shape)}, expected [n >= 2, c, h, w]")
    bad = (~images.isfinite()).flatten(1).any(dim=1).nonzero().flatten().tolist()
    if bad:
        raise ValueError(f"NTK: found NaN or infinite values in image {bad[0]}, expected numbers")
