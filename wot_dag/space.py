"""Search spaces as WOT sees them: what can be drawn, and how it is scored.

An architecture is known by its text: a cell's string, or a genotype's JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dag import effective_depth_width
from spaces.darts import Genotype
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.depth_width import Shapes, genotype_shapes, nasbench201_shapes, random_darts_shapes
from spaces.genotype_lists import read_genotypes
from spaces.initialization import initialize
from spaces.nasbench201 import OPERATORS, Cell, all_cells
from spaces.nasbench201_networks import (
    NasBench201Layout,
    NasBench201Network,
    count_multiply_adds,
    count_parameters,
)
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.module_kernel import module_kernel
from wot_dag.nasbench201 import nasbench201_kernels
from wot_dag.passes import pass_of

Parallel = Literal["both", "last"]


class NasBench201Space:
    """All 15,625 cells of NAS-Bench-201.

    Args:
        score: channels, cells per stage.
    """

    name = "nas-bench-201"

    def __init__(self, score: ScoreSettings) -> None:
        self._score = score
        self.archs = [str(cell) for cell in all_cells()]
        self._index = {arch: index for index, arch in enumerate(self.archs)}

    def draw(self, rng: np.random.Generator, samples: int) -> list[str]:
        """Cells drawn uniformly with replacement."""
        return [self.archs[i] for i in rng.integers(len(self.archs), size=samples)]

    def pass_of(self, arch: str) -> str:
        """Names the forward pass: cells of one pass are scored together, with equal weights."""
        return str(pass_of(Cell.parse(arch)))

    def shapes(self, archs: Sequence[str], _parallel: Parallel = "both") -> Shapes:
        """Effective depth and width [architectures, 1]; cells have no parallel edges."""
        rows = [self._index[arch] for arch in archs]
        return Shapes(self.population().depth[rows], self.population().width[rows])

    @cache  # noqa: B019  (one space lives as long as its process)
    def population(self) -> Shapes:
        """Effective depth and width of the whole space."""
        return nasbench201_shapes()

    def kernels(self, archs: Sequence[str], images: Tensor, generator: torch.Generator) -> Tensor:
        """K [architectures, n, n] of the networks of cells that share a pass."""
        cells = [Cell.parse(arch) for arch in archs]
        return nasbench201_kernels(cells, images, generator, self._layout(images.shape[1]))

    def costs(
        self, archs: Sequence[str], image_shape: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Parameters and multiply-adds of the scored networks, [architectures].

        Both are affine in how often each operator stands, so a network for each tells all.

        Args:
            archs: cells.
            image_shape: (channels, height, width) of what they are scored on.
        """
        parsed = [Cell.parse(arch).operators for arch in archs]
        counts = np.array([[names.count(name) for name in OPERATORS] for names in parsed])
        cells = [Cell((name, *["none"] * 5)) for name in ("none", *OPERATORS)]
        layout = self._layout(image_shape[0])
        probes = [
            (
                count_parameters(c, layout),
                count_multiply_adds(lambda c=c: NasBench201Network(c, layout), image_shape),
            )
            for c in cells
        ]
        empty, *with_one = np.array(probes)
        total = empty + counts @ (np.array(with_one) - empty)
        return total[:, 0], total[:, 1]

    def _layout(self, input_channels: int) -> NasBench201Layout:
        score = self._score
        return NasBench201Layout(
            score.channels, score.cells, classes=1, input_channels=input_channels
        )


class DartsSpace:
    """DARTS-like cells: those of a file, or random genotypes by DARTS' rule.

    Args:
        score: channels, cells, stem.
        genotypes: an NDS file or a CSV (see `read_genotypes`), or empty.
    """

    name = "darts"

    def __init__(self, score: ScoreSettings, genotypes: str = "") -> None:
        self._score = score
        rated = read_genotypes(Path(genotypes)) if genotypes else []
        self.archs = [entry.genotype.to_json() for entry in rated]

    def draw(self, rng: np.random.Generator, samples: int) -> list[str]:
        """Genotypes drawn uniformly with replacement."""
        if self.archs:
            return [self.archs[i] for i in rng.integers(len(self.archs), size=samples)]
        return [Genotype.random(rng).to_json() for _ in range(samples)]

    def pass_of(self, arch: str) -> str:
        """The architecture itself: genotypes share no forward pass."""
        return arch

    def shapes(self, archs: Sequence[str], parallel: Parallel = "both") -> Shapes:
        """Effective depth and width [architectures, 2]: normal cell, reduction cell."""
        genotypes = [Genotype.from_json(arch) for arch in archs]
        if parallel == "both":
            return genotype_shapes(genotypes)
        pairs = [
            [effective_depth_width(g.to_dag(which, parallel)) for which in ("normal", "reduce")]
            for g in genotypes
        ]
        return Shapes(*np.moveaxis(np.array(pairs).reshape(-1, 2, 2), 2, 0))

    def population(self) -> Shapes:
        """Of the file's genotypes, or of 100,000 random ones."""
        return self.shapes(self.archs) if self.archs else random_darts_shapes(100_000)

    def kernels(self, archs: Sequence[str], images: Tensor, generator: torch.Generator) -> Tensor:
        """K [1, n, n] of the one genotype's network."""
        (arch,) = archs
        network = self._network(arch, images.shape[1])
        initialize(network, "default", generator)
        network.to(images, memory_format=torch.channels_last)
        return module_kernel(network, images)[None]

    def costs(
        self, archs: Sequence[str], image_shape: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Parameters and multiply-adds of the networks scored on `image_shape`, [architectures]."""
        parameters, multiply_adds = [], []
        for arch in archs:
            with torch.device("meta"):
                tensors = self._network(arch, image_shape[0]).parameters()
            parameters.append(sum(tensor.numel() for tensor in tensors))
            build = partial(self._network, arch, image_shape[0])
            multiply_adds.append(count_multiply_adds(build, image_shape))
        return np.array(parameters), np.array(multiply_adds)

    def _network(self, arch: str, input_channels: int) -> DartsNetwork:
        score = self._score
        layout = DartsLayout(score.channels, score.cells, 1, input_channels, score.stem)
        return DartsNetwork(Genotype.from_json(arch), layout)


Space = NasBench201Space | DartsSpace


def make_space(config: WotConfig) -> Space:
    """The space that a config names.

    Raises:
        SpaceError, FileNotFoundError: a file of genotypes that cannot be read.
    """
    if config.space == "darts":
        return DartsSpace(config.score, config.genotypes)
    return NasBench201Space(config.score)
