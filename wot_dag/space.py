"""Search spaces as scores see them: what can be drawn, what it is wired like, what it costs.

An architecture is known by its text: a cell's string, or a genotype's JSON.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn

from dag import Dag, Edge, EdgeOp
from spaces.costs import affine_counts, count_multiply_adds, count_parameters
from spaces.darts import NUM_INPUTS, Genotype
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.depth_width import Shapes, genotype_shapes, nasbench201_shapes, random_darts_shapes
from spaces.genotype_lists import read_genotypes
from spaces.nasbench201 import EDGES, OPERATORS, Cell, all_cells
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network
from spaces.operators import OPERATOR_TABLE
from wot_dag.config import ScoreSettings, WotConfig

Parallel = Literal["both", "last"]
_SAMPLE = 1000  # random genotypes that stand for all


class _Costs:
    """Costs of the scored networks of a space, from those of a few."""

    def parameters(self, archs: Sequence[str], image_shape: Sequence[int]) -> np.ndarray:
        """Of the scored networks [architectures]; image_shape is (channels, height, width)."""
        return self._of(archs, count_parameters, image_shape[0])

    def multiply_adds(self, archs: Sequence[str], image_shape: Sequence[int]) -> np.ndarray:
        """Of the scored networks for one image [architectures]."""
        count = partial(count_multiply_adds, image_shape=image_shape)
        return self._of(archs, count, image_shape[0])

    def _of(self, archs: Sequence[str], count: Callable, channels: int) -> np.ndarray:
        return affine_counts(
            self.counts(archs), lambda row: count(partial(self.network, archs[row], channels))
        )


class NasBench201Space(_Costs):
    """All 15,625 cells of NAS-Bench-201, or some of them.

    Args:
        score: channels, cells per stage.
        some: cells to draw from; all of them by default.
    """

    name = "nas-bench-201"

    def __init__(self, score: ScoreSettings, some: Sequence[str] = ()) -> None:
        self.score = score
        self._index = _indices()
        self._all = list(self._index)
        self.archs = list(some) or self._all

    def draw(self, rng: np.random.Generator, samples: int) -> list[str]:
        """Cells drawn uniformly with replacement."""
        return [self.archs[i] for i in rng.integers(len(self.archs), size=samples)]

    def sample(self) -> list[str]:
        """Cells that stand for the whole space: all of it."""
        return self._all

    def wiring(self, arch: str) -> str:
        """What cells with equal DAGs share."""
        return self._wirings[self._index[arch]]

    def dags(self, arch: str) -> list[Dag]:
        """The cell's DAG."""
        return [Cell.parse(arch).to_dag()]

    def shapes(self, archs: Sequence[str], _parallel: Parallel = "both") -> Shapes:
        """Effective depth and width [architectures, 1]; cells have no parallel edges."""
        rows = self._rows(archs)
        return Shapes(self.population().depth[rows], self.population().width[rows])

    def population(self) -> Shapes:
        """Effective depth and width of the whole space."""
        return nasbench201_shapes()

    def convolutions(self, archs: Sequence[str]) -> np.ndarray:
        """Convolutions on a cell's edges [architectures], dead ones too."""
        return (self._kinds[self._rows(archs)] == EdgeOp.LINEAR).sum(axis=1)

    def counts(self, archs: Sequence[str]) -> np.ndarray:
        """How often each operator stands in a cell, which sizes are affine in."""
        operators = self._operators[self._rows(archs)]
        return np.array([(operators == i).sum(axis=1) for i in range(len(OPERATORS))]).T

    def layout(self, input_channels: int) -> NasBench201Layout:
        """What surrounds a cell that is scored."""
        score = self.score
        return NasBench201Layout(
            score.channels, score.cells, classes=1, input_channels=input_channels
        )

    def network(self, arch: str, input_channels: int) -> nn.Module:
        """The network of a cell."""
        return NasBench201Network(Cell.parse(arch), self.layout(input_channels))

    def _rows(self, archs: Sequence[str]) -> list[int]:
        return [self._index[arch] for arch in archs]

    @cached_property
    def _operators(self) -> np.ndarray:
        """Index in OPERATORS of each edge's operator [cells, edges], in the order of all cells."""
        return np.array(list(np.ndindex((len(OPERATORS),) * len(EDGES))))

    @cached_property
    def _kinds(self) -> np.ndarray:
        """The EdgeOp of each edge [cells, edges]."""
        return np.array([int(OPERATOR_TABLE[name].edge_op) for name in OPERATORS])[self._operators]

    @cached_property
    def _wirings(self) -> list[str]:
        return ["".join(kinds) for kinds in self._kinds.astype(str)]


@cache
def _indices() -> dict[str, int]:
    """Every cell's string -> its position in `all_cells`."""
    return {str(cell): index for index, cell in enumerate(all_cells())}


class DartsSpace(_Costs):
    """DARTS-like cells: those of a file, or random genotypes by DARTS' rule.

    Args:
        score: channels, cells, stem.
        genotypes: an NDS file or a CSV (see `read_genotypes`), or empty.
    """

    name = "darts"

    def __init__(self, score: ScoreSettings, genotypes: str = "") -> None:
        self.score = score
        rated = read_genotypes(Path(genotypes)) if genotypes else []
        self.archs = [entry.genotype.to_json() for entry in rated]

    def draw(self, rng: np.random.Generator, samples: int) -> list[str]:
        """Genotypes drawn uniformly with replacement."""
        if self.archs:
            return [self.archs[i] for i in rng.integers(len(self.archs), size=samples)]
        return [Genotype.random(rng).to_json() for _ in range(samples)]

    def sample(self) -> list[str]:
        """Genotypes that stand for the whole space: the file's, or 1,000 random ones."""
        return self.archs or self.draw(np.random.default_rng(0), _SAMPLE)

    def wiring(self, arch: str) -> str:
        """What genotypes with equal DAGs share."""
        return "; ".join(map(str, self.dags(arch)))

    def dags(self, arch: str) -> list[Dag]:
        """The normal and the reduction cell with their inputs taken for one."""
        genotype = Genotype.from_json(arch)
        return [_of_one_input(genotype.to_dag(which)) for which in ("normal", "reduce")]

    def shapes(self, archs: Sequence[str], parallel: Parallel = "both") -> Shapes:
        """Effective depth and width [architectures, 2]: normal cell, reduction cell."""
        return genotype_shapes([Genotype.from_json(arch) for arch in archs], parallel)

    def population(self) -> Shapes:
        """Of the file's genotypes, or of 100,000 random ones."""
        return self.shapes(self.archs) if self.archs else random_darts_shapes(100_000)

    def convolutions(self, archs: Sequence[str]) -> np.ndarray:
        """Convolutions on the edges of both cells [architectures]."""
        return np.array([
            sum(edge.op == EdgeOp.LINEAR for dag in self.dags(arch) for edge in dag.edges)
            for arch in archs
        ])  # fmt: skip

    def counts(self, archs: Sequence[str]) -> np.ndarray:
        """What sizes are affine in [architectures, p].

        How often each operator stands in each cell, at the cell's inputs, which a reduction halves,
        and after them; and how many nodes the cells hand on.
        """
        rows = []
        for arch in archs:
            genotype = Genotype.from_json(arch)
            cells = {which: getattr(genotype, which) for which in ("normal", "reduce")}
            stand = ((w, o, s < NUM_INPUTS) for w, cell in cells.items() for o, s in cell.edges)
            rows.append(Counter(stand) + Counter({w: len(c.concat) for w, c in cells.items()}))
        every = list(dict.fromkeys(key for row in rows for key in row))
        return np.array([[row[key] for key in every] for row in rows])

    def network(self, arch: str, input_channels: int) -> DartsNetwork:
        """The network of a genotype."""
        score = self.score
        layout = DartsLayout(score.channels, score.cells, 1, input_channels, score.stem)
        return DartsNetwork(Genotype.from_json(arch), layout)


def _of_one_input(dag: Dag) -> Dag:
    """All inputs joined in node 0."""
    more = dag.num_inputs - 1
    edges = (Edge(max(0, e.source - more), e.target - more, e.op) for e in dag.edges)
    return Dag(dag.num_nodes - more, tuple(edges))


Space = NasBench201Space | DartsSpace


def make_space(config: WotConfig) -> Space:
    """The space that a config names.

    Raises:
        SpaceError, FileNotFoundError: a file of genotypes that cannot be read.
    """
    if config.space == "darts":
        return DartsSpace(config.score, config.genotypes)
    return NasBench201Space(config.score)
