"""The two filters on effective depth and width: which architectures not to evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DIGITS = 9  # measures are ratios of integers: what differs in later digits differs by rounding
_TOLERANCE = 10.0**-_DIGITS


@dataclass(frozen=True)
class Box:
    """Closed ranges (low, high) of effective depth and width that a filter keeps."""

    depth: tuple[float, float]
    width: tuple[float, float]

    def keeps(self, depth: np.ndarray | float, width: np.ndarray | float) -> np.ndarray:
        """Boolean mask, in the shape of `depth` and `width`, of what lies in the box."""
        return _within(depth, self.depth) & _within(width, self.width)


def _within(values: np.ndarray | float, bounds: tuple[float, float]) -> np.ndarray:
    values = np.asarray(values, float)
    return (values >= bounds[0] - _TOLERANCE) & (values <= bounds[1] + _TOLERANCE)


def box_rule(depth: np.ndarray, width: np.ndarray, fraction: float = 0.5) -> Box:
    """The box around the midrange of a space's shapes (paper, Sec. 5.3).

    Over the architectures with depth, width > 0 the midrange is (d*, m*) and the half-range
    (r_d, r_m); the box is |d - d*| <= fraction r_d and |m - m*| <= fraction r_m.

    Args:
        depth: array [n] of the whole space; degenerate entries (0) are left out.
        width: array [n], likewise.
        fraction: f in (0, 1]; 1 keeps every architecture that has a depth.

    Raises:
        ValueError: fraction is out of range, or no architecture has depth, width > 0.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"filter fraction f: found {fraction}, expected 0 < f <= 1")
    depth, width = np.asarray(depth, float), np.asarray(width, float)
    valid = (depth > 0) & (width > 0)
    if not valid.any():
        raise ValueError("the box rule needs an architecture with depth and width above 0")
    return Box(_middle(depth[valid], fraction), _middle(width[valid], fraction))


def _middle(values: np.ndarray, fraction: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    centre, radius = (low + high) / 2, fraction * (high - low) / 2
    return centre - radius, centre + radius


def exempt_count(operators_left: int, prune_number: int) -> int:
    """How many operators of an edge are exempt in a round: min(2, left - prune - 1), >= 0."""
    return max(min(2, operators_left - prune_number - 1), 0)


def exempt_rule(points: Sequence[tuple[float, float]], count: int) -> list[int]:
    """Indices of the `count` points nearest to the centroid of all, nearest first.

    points[i] is the expected (depth, width) of the supernet without operator i of one edge, in
    the order of the table of operators. The exempt operators are neither evaluated nor pruned
    (paper, Sec. 5.4).

    The paper says nothing of ties, and they are the rule: in round 1 on NAS-Bench-201 all four
    distances of an edge are equal. Of points equally near those of lower depth go first, then
    those of lower width, so that equal points stand or fall together; the table decides among
    equal points where `count` has no room for all of them.
    """
    points = np.round(np.asarray(points, float).reshape(-1, 2), _DIGITS)
    distances = np.linalg.norm(points - points.mean(axis=0), axis=1) if len(points) else []
    keys = (points[:, 1], points[:, 0], np.round(distances, _DIGITS))  # the last one comes first
    return [int(i) for i in np.lexsort(keys)[:count]]
