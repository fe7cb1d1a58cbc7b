"""WOT's kernel: how often the ReLU codes of two images agree (Mellor et al., ICML 2021)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class CodeKernel:
    """K [n, n]: over all ReLUs, the positions at which two images' binary codes agree.

    A code is 1 where a ReLU's input is positive. With g = c c^T for 0/1 codes c [n, positions],
    agreements = positions - g_ii - g_jj + 2 g_ij: one product for each ReLU input instead of one
    for the ones and one for the zeros. All counts are exact.

    Args:
        images: n.
        device: where the codes are.
    """

    def __init__(self, images: int, device: torch.device | str = "cpu") -> None:
        # float64 is exact up to 2^53 positions, and is what the determinant needs
        self._both = torch.zeros(images, images, dtype=torch.float64, device=device)
        self._positions = 0

    def add(self, activated: Tensor, readers: int = 1) -> None:
        """Counts the output [n, ...] of a ReLU, or of `readers` ReLUs with the same input.

        The order of the positions does not matter, so any memory format will do.
        """
        codes = activated.flatten(1).bool().view(torch.int8)
        self._both.add_(_gram(codes), alpha=readers)
        self._positions += readers * codes.shape[1]

    def add_zeros(self, positions: int, readers: int = 1) -> None:
        """Counts ReLUs whose input is zero for every image: all codes agree everywhere."""
        self._positions += readers * positions

    def matrix(self) -> Tensor:
        """K [n, n], float64."""
        active = self._both.diagonal()
        return self._positions - active[:, None] - active[None, :] + 2 * self._both


def _gram(codes: Tensor) -> Tensor:
    """codes codes^T for 0/1 int8 codes [n, positions], exact."""
    if codes.device.type == "cuda" and (len(codes) <= 16 or len(codes) % 8 or codes.shape[1] % 8):
        wide = codes.double()  # cuBLAS multiplies integers of these shapes only
        return wide @ wide.T
    return torch._int_mm(codes, codes.T)


def log_determinants(kernels: Tensor) -> list[float]:
    """WOT's scores log|det K| of kernels [m, n, n]; -inf where K is singular up to rounding."""
    pivots = torch.linalg.lu_factor_ex(kernels).LU.diagonal(dim1=-2, dim2=-1).abs()
    rounding = pivots.shape[-1] * torch.finfo(pivots.dtype).eps * pivots.amax(-1)
    regular = pivots.amin(-1) > rounding
    return torch.where(regular, pivots.log().sum(-1), -math.inf).tolist()
