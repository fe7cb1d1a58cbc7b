"""Effective depth and width: one pass over the edges, never over the paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dag.graph import Dag, EdgeOp


class DepthWidth(NamedTuple):
    """Effective depth and width of an architecture (paper, Def. 4.1); both 0 if degenerate."""

    depth: float
    width: float


class EdgeShares(NamedTuple):
    """A supernet's edge: the shares of skip and linear among its operators, the rest is zero."""

    source: int
    target: int
    skip: float
    linear: float

    @classmethod
    def of(cls, source: int, target: int, ops: Sequence[EdgeOp]) -> EdgeShares:
        """Shares of an edge that still holds `ops`; an edge with none left is zero."""
        total = max(len(ops), 1)
        skip, linear = ops.count(EdgeOp.SKIP), ops.count(EdgeOp.LINEAR)
        return cls(source, target, skip / total, linear / total)


def effective_depth_width(dag: Dag) -> DepthWidth:
    """Effective depth and width of a DAG, exact up to the final division (paper, Def. 4.1).

    With d_p linear operations on path p, of P paths: depth = sum_p d_p / P and
    width = #{p : d_p > 0} / depth. Python integers carry the counts, so nothing overflows.
    """
    paths = [int(node < dag.num_inputs) for node in range(dag.num_nodes)]
    linear_free = paths.copy()  # paths with d_p = 0
    depth_sums = [0] * dag.num_nodes
    for source, target, op in dag.edges:
        paths[target] += paths[source]
        depth_sums[target] += depth_sums[source]
        if op == EdgeOp.LINEAR:
            depth_sums[target] += paths[source]
        else:
            linear_free[target] += linear_free[source]
    total, depth_sum = paths[-1], depth_sums[-1]
    if depth_sum == 0:
        return DepthWidth(0.0, 0.0)
    return DepthWidth(depth_sum / total, (total - linear_free[-1]) * total / depth_sum)


def effective_depth_width_many(
    skip: np.ndarray, linear: np.ndarray, num_inputs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Effective depth and width of n small DAGs at once.

    Args:
        skip: integer array [n, nodes, nodes]; skip[k, i, j] = number of skip edges i -> j.
        linear: the same for linear edges. Entries that do not go forward are ignored.
        num_inputs: the first nodes are inputs, the last is the output.

    Returns:
        Two float64 arrays [n]: depth and width.

    Raises:
        ValueError: path counts could pass 64 bits; use `effective_depth_width` then.
    """
    n, nodes = len(skip), skip.shape[1]
    if n == 0:
        return np.zeros(0), np.zeros(0)
    # One contiguous row of n numbers per edge and per node: a third faster than [n, nodes].
    skip = np.ascontiguousarray(skip.transpose(1, 2, 0))
    linear = np.ascontiguousarray(linear.transpose(1, 2, 0))
    _check_int64(skip.max(axis=2) + linear.max(axis=2), num_inputs)
    paths = np.zeros((nodes, n), np.int64)
    paths[:num_inputs] = 1
    linear_free = paths.copy()
    depth_sums = np.zeros_like(paths)
    for j in range(num_inputs, nodes):
        for i in range(j):
            paths[j] += (skip[i, j] + linear[i, j]) * paths[i]
            linear_free[j] += skip[i, j] * linear_free[i]
            depth_sums[j] += (skip[i, j] + linear[i, j]) * depth_sums[i]
            depth_sums[j] += linear[i, j] * paths[i]
    valid = depth_sums[-1] > 0
    depth = np.divide(depth_sums[-1], paths[-1], out=np.zeros(n), where=valid)
    width = np.divide(paths[-1] - linear_free[-1], depth, out=np.zeros(n), where=valid)
    return depth, width


def _check_int64(edges: np.ndarray, num_inputs: int) -> None:
    """Bounds the sum of depths, which is at most the number of paths times the nodes."""
    counts = [int(node < num_inputs) for node in range(len(edges))]
    for j in range(num_inputs, len(edges)):
        counts[j] += sum(int(edges[i, j]) * counts[i] for i in range(j))
    if max(counts) * len(edges) >= 2**63:
        raise ValueError("too many paths for 64-bit counts: use effective_depth_width per DAG")


def depth_histogram(dag: Dag) -> dict[int, int]:
    """Number of paths for each number of linear operations d, {d: count > 0}, ascending.

    A node's histogram is one integer whose slots of `bits` bits are the counts, together with
    its least depth, so that a skip edge is an addition and a linear edge shifts by one slot.
    """
    bits = max(_num_paths(dag).bit_length(), 1)
    packed = [(0, int(node < dag.num_inputs)) for node in range(dag.num_nodes)]
    for source, target, op in dag.edges:
        least, counts = packed[source]
        if counts:
            shifted = (least + (op == EdgeOp.LINEAR), counts)
            packed[target] = _add_packed(packed[target], shifted, bits)
    least, counts = packed[-1]
    mask, histogram = (1 << bits) - 1, {}
    for d in range(-(-counts.bit_length() // bits)):
        count = (counts >> d * bits) & mask
        if count:
            histogram[least + d] = count
    return histogram


def _num_paths(dag: Dag) -> int:
    """The largest number of paths from the inputs to any node."""
    paths = [int(node < dag.num_inputs) for node in range(dag.num_nodes)]
    for source, target, _ in dag.edges:
        paths[target] += paths[source]
    return max(paths)


def _add_packed(a: tuple[int, int], b: tuple[int, int], bits: int) -> tuple[int, int]:
    if not a[1]:
        return b
    if a[0] == b[0]:  # by far the commonest case, and a shift by 0 would copy
        return a[0], a[1] + b[1]
    low, high = (a, b) if a[0] < b[0] else (b, a)
    return low[0], low[1] + (high[1] << (high[0] - low[0]) * bits)


def expected_depth_width(
    edges: Iterable[EdgeShares], num_nodes: int, num_inputs: int = 1
) -> DepthWidth:
    """Expected effective depth and width of a supernet whose edges hold several operators.

    A sub-path picks skip or linear on each of its edges where that share is above 0; it has
    probability pi, the product of the shares, and d linear picks. For input a with n_a
    sub-paths, depth_a = sum(pi d) / sum(pi). Then depth = sum_a n_a depth_a / sum_a n_a and
    width = sum over all inputs of sum(pi [d > 0]) / depth. With one operator per edge and one
    input this is `effective_depth_width`.

    Args:
        edges: the supernet's edges, in any order.
        num_nodes: number of nodes, the last one is the output.
        num_inputs: the first nodes are inputs.
    """
    ordered = sorted(edges, key=lambda e: (e.target, e.source))
    per_input = [_weighted_sums(ordered, num_nodes, a) for a in range(num_inputs)]
    count = sum(n for n, *_ in per_input)
    depth = sum(n * s / w for n, w, s, _ in per_input if w > 0) / max(count, 1)
    if depth == 0:
        return DepthWidth(0.0, 0.0)
    return DepthWidth(depth, sum(q for *_, q in per_input) / depth)


def _weighted_sums(
    edges: Sequence[EdgeShares], num_nodes: int, start: int
) -> tuple[int, float, float, float]:
    """(number of sub-paths, sum pi, sum pi d, sum pi [d > 0]) from `start` to the output."""
    count = [int(node == start) for node in range(num_nodes)]
    weight = [float(c) for c in count]
    depth = [0.0] * num_nodes
    positive = [0.0] * num_nodes
    for source, target, skip, linear in edges:
        count[target] += ((skip > 0) + (linear > 0)) * count[source]
        weight[target] += (skip + linear) * weight[source]
        depth[target] += (skip + linear) * depth[source] + linear * weight[source]
        positive[target] += skip * positive[source] + linear * weight[source]
    return count[-1], weight[-1], depth[-1], positive[-1]
