"""WOT: do ReLU codes tell images apart? (Mellor et al., ICML 2021.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from spaces.nasbench201 import Cell
from wot_dag.hooks import module_kernel
from wot_dag.kernel import log_determinants
from wot_dag.nasbench201 import nasbench201_kernels
from wot_dag.passes import pass_of
from wot_dag.scores.base import Group, Inputs, OfNetwork, initial_network, weight_generator

if TYPE_CHECKING:
    from wot_dag.space import Space


class Wot(OfNetwork):
    """log|det K|, K the agreements of ReLU codes; BatchNorm in train mode.

    Cells of NAS-Bench-201 have a fast forward pass, which several of them share
    (`wot_dag.passes`); other networks are hooked. Published for NAS-Bench-201: Kendall's tau
    0.571 / 0.607 / 0.605 on CIFAR-10 / CIFAR-100 / ImageNet16-120 (table in VKDNW, CVPR 2025).
    """

    # passes whose determinants are taken together: a GPU is waited for once per chunk
    chunk = 16 if torch.cuda.is_available() else 1

    def __init__(self) -> None:
        super().__init__("WOT", _of_network)

    def pass_of(self, space: Space, arch: str) -> str:
        """The forward pass; genotypes share none."""
        return str(pass_of(Cell.parse(arch))) if space.name == "nas-bench-201" else arch

    def measure(self, inputs: Inputs, groups: Sequence[Group]) -> Tensor:
        """K [keys, n, n]."""
        of = self._cells if inputs.space.name == "nas-bench-201" else _genotypes
        return torch.cat([of(inputs, group) for group in groups])

    def finish(self, measured: Tensor) -> list[float]:
        """The determinants of all."""
        return log_determinants(measured)

    def _cells(self, inputs: Inputs, group: Group) -> Tensor:
        (shared,) = {(self.pass_of(inputs.space, key.arch), key.seed) for key in group}
        images = inputs.batch(shared[1])
        cells, layout = [Cell.parse(key.arch) for key in group], inputs.space.layout(len(images[0]))
        return nasbench201_kernels(cells, images, weight_generator(*shared), layout)


def _genotypes(inputs: Inputs, group: Group) -> Tensor:
    return torch.stack([module_kernel(*initial_network(inputs, key)[:2]) for key in group])


def _of_network(network: nn.Module, images: Tensor, _generator: torch.Generator) -> float:
    return log_determinants(module_kernel(network, images)[None])[0]


SCORE = Wot()
