"""WOT's kernel: how often the ReLU codes of two images agree (Mellor et al., ICML 2021)."""

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

    def add(self, activated: Tensor) -> None:
        """Counts the output [n, ...] of a ReLU.

        The order of the positions does not matter, so any memory format will do.
        """
        self.add_gram(code_gram(activated), activated[0].numel())

    def add_gram(self, gram: Tensor, positions: int) -> None:
        """Counts a ReLU by the `code_gram` of its output."""
        self._both += gram
        self._positions += positions

    def add_zeros(self, positions: int) -> None:
        """Counts a ReLU whose input is zero for every image: all codes agree everywhere."""
        self._positions += positions

    def matrix(self) -> Tensor:
        """K [n, n], float64."""
        active = self._both.diagonal()
        return self._positions - active[:, None] - active[None, :] + 2 * self._both


def code_gram(activated: Tensor) -> Tensor:
    """Positions at which two images are both positive [n, n], exact, after a ReLU [n, ...]."""
    values = activated.flatten(1)
    if not _multiplies_int8(values):
        # counts are exact in float32 up to 2^24; a GPU's TF32 keeps 0 and 1 as they are
        parts = values.sign().float().split(2**24, dim=1)
        return sum((part @ part.T).double() for part in parts)
    codes = values.bool().view(torch.int8)
    return torch._int_mm(codes, codes.T)


def _multiplies_int8(values: Tensor) -> bool:
    """Whether a product of int8 is to be had, and faster than one of float32."""
    if values.device.type == "cuda":  # cuBLAS knows these shapes only
        return len(values) > 16 and len(values) % 8 == 0 and values.shape[1] % 8 == 0
    # without the instructions that come with AVX-512 it takes twenty times as long
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def log_determinants(kernels: Tensor) -> list[float]:
    """WOT's scores log|det K| of kernels [m, n, n]; -inf where K is singular up to rounding."""
    pivots = torch.linalg.lu_factor_ex(kernels).LU.diagonal(dim1=-2, dim2=-1).abs()
    rounding = pivots.shape[-1] * torch.finfo(pivots.dtype).eps * pivots.amax(-1)
    regular = pivots.amin(-1) > rounding
    return torch.where(regular, pivots.log().sum(-1), -math.inf).tolist()
