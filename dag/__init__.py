"""Effective depth and width, filters and wide-network kernels of architecture DAGs."""

from dag.filters import Box, box_rule, exempt_count, exempt_rule
from dag.graph import Dag, DagCodeError, Edge, EdgeOp, all_codes
from dag.measures import (
    DepthWidth,
    EdgeShares,
    depth_histogram,
    effective_depth_width,
    effective_depth_width_many,
    expected_depth_width,
)

__all__ = [
    "Box",
    "Dag",
    "DagCodeError",
    "DepthWidth",
    "Edge",
    "EdgeOp",
    "EdgeShares",
    "all_codes",
    "box_rule",
    "depth_histogram",
    "effective_depth_width",
    "effective_depth_width_many",
    "exempt_count",
    "exempt_rule",
    "expected_depth_width",
]
