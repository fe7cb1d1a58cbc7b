"""What the words of the command line mean: models, genotypes, cells and DAG codes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from dag import Dag, PathCounts, path_counts
from spaces.darts import Genotype
from spaces.errors import SpaceError
from spaces.nasbench201 import Cell
from spaces.published import GENOTYPES
from spaces.texts import read_architecture

FORMS = (
    "torchvision:NAME (or torchvision:*), package.module:function, Genotype(...) or its JSON, "
    f"{', '.join(GENOTYPES)}, a NAS-Bench-201 cell |...|, or a DAG code such as 2_02_002"
)


@dataclass(frozen=True)
class Row:
    """What was measured of one model, cell or code.

    Args:
        model: its name.
        family: which models it belongs to; empty outside torchvision.
        parameters: number of its parameters; None for what has no fixed network.
        paths: number of paths, exact.
        log2_paths: its logarithm; None without a path.
        depth: effective depth.
        log2_width: of the effective width; None for width 0.
        shortest: fewest layers on a path.
        longest: most layers on a path.
        top1: published ImageNet top-1 accuracy (%) of its first weights, if there is one.
    """

    model: str
    family: str
    parameters: int | None
    paths: int
    log2_paths: float | None
    depth: float
    log2_width: float | None
    shortest: int
    longest: int
    top1: float | None

    @classmethod
    def of(
        cls,
        model: str,
        counts: PathCounts,
        parameters: int | None = None,
        family: str = "",
        top1: float | None = None,
    ) -> Row:
        """From the counts of its paths."""
        width = counts.log2_width
        return cls(
            model,
            family,
            parameters,
            counts.paths,
            math.log2(counts.paths) if counts.paths else None,
            counts.effective_depth,
            width if math.isfinite(width) else None,
            counts.shortest,
            counts.longest,
            top1,
        )

    def as_dict(self) -> dict:
        """Its fields; the number of paths as text, which JSON's readers would round."""
        return asdict(self) | {"paths": str(self.paths)}


Measuring = Callable[[], Row]
Shape = tuple[int, ...] | None


def subjects(text: str, shape: Shape = None) -> Iterator[Measuring]:
    """What one word names, checked, and measured when it is called.

    Args:
        text: one of FORMS.
        shape: of an example input of a model, [n, ...], for torch.export.

    Raises:
        SpaceError, DagCodeError: the word names nothing that can be measured.
    """
    text = text.strip()
    if text.startswith("torchvision:"):
        yield from _torchvision(text.partition(":")[2])
    elif architecture := read_architecture(text):
        yield from _rows(text, architecture)
    elif re.fullmatch(r"[\d_]+", text):
        dag = Dag.parse(text)
        yield lambda: Row.of(text, path_counts(dag))
    elif re.fullmatch(r"[\w.]+:\w+", text):
        yield _own(text, shape)
    else:
        raise SpaceError(f"found {text[:60]!r}, expected {FORMS}")


def _rows(text: str, architecture: Cell | Genotype) -> Iterator[Measuring]:
    if isinstance(architecture, Cell):
        yield lambda: Row.of(str(architecture), path_counts(architecture.to_dag()))
        return
    name = text if text in GENOTYPES else "genotype"
    for which in ("normal", "reduce"):
        dag = architecture.to_dag(which)
        yield lambda which=which, dag=dag: Row.of(f"{name}, {which} cell", path_counts(dag))


def _torchvision(name: str) -> Iterator[Measuring]:
    from spaces.measure import models  # loads torch

    for known in models.classifiers() if name == "*" else [name]:
        models.check_classifier(known)
        yield lambda known=known: Row.of(known, **models.of_classifier(known))


def _own(text: str, shape: Shape) -> Measuring:
    from spaces.measure import models

    function = models.own_function(text)
    return lambda: Row.of(text, **models.of_own(text, function, shape))
