"""What the paths of a graph say of it, for graphs with more paths than a float can hold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dag.graph import Dag
from dag.measures import depth_histogram


@dataclass(frozen=True)
class PathCounts:
    """The paths from an input to the output, counted by their linear operations.

    Args:
        histogram: {linear operations on a path: number of such paths}, exact and ascending.
    """

    histogram: Mapping[int, int]

    @property
    def paths(self) -> int:
        """Number of paths."""
        return sum(self.histogram.values())

    @property
    def effective_depth(self) -> float:
        """Mean of the linear operations on a path (paper, Def. 4.1); 0 without a path."""
        return self._depth_sum / self.paths if self.paths else 0.0

    @property
    def log2_width(self) -> float:
        """log2 of the effective width (paper, Def. 4.1); -inf for width 0."""
        if not self._depth_sum:
            return -math.inf
        deep = self.paths - self.histogram.get(0, 0)
        return math.log2(deep) + math.log2(self.paths) - math.log2(self._depth_sum)

    @property
    def shortest(self) -> int:
        """The fewest linear operations on a path; 0 without a path."""
        return min(self.histogram, default=0)

    @property
    def longest(self) -> int:
        """The most linear operations on a path; 0 without a path."""
        return max(self.histogram, default=0)

    @property
    def _depth_sum(self) -> int:
        return sum(depth * count for depth, count in self.histogram.items())

    def __str__(self) -> str:
        paths = f"{self.paths:,}" if self.paths < 10**9 else f"2^{math.log2(self.paths):.2f}"
        return (
            f"{paths} paths of {self.shortest} to {self.longest} layers, effective depth "
            f"{self.effective_depth:.4g}, log2 width {self.log2_width:.4g}"
        )


def path_counts(dag: Dag) -> PathCounts:
    """Counts the paths of a DAG, exactly (see `depth_histogram`)."""
    return PathCounts(depth_histogram(dag))
