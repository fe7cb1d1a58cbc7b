"""Effective depth and width, filters and wide-network kernels of architecture DAGs."""

from dag.filters import Box, box_rule, exempt_count, exempt_rule
from dag.graph import FIGURE_3, Dag, DagCodeError, Edge, EdgeOp, all_codes
from dag.kernels import nngp, nngp_and_ntk, ntk
from dag.learning_rate import largest_eigenvalues, path_rule
from dag.measures import (
    DepthWidth,
    EdgeShares,
    depth_histogram,
    effective_depth_width,
    effective_depth_width_many,
    expected_depth_width,
)
from dag.paths import PathCounts, path_counts
from dag.spectrum import (
    KernelFeatures,
    TrainingPrediction,
    eigenvalues,
    eq12_bound,
    kernel_features,
    mean_correlations,
    predict_training,
    smallest_eigenvalue,
)

__all__ = [
    "FIGURE_3",
    "Box",
    "Dag",
    "DagCodeError",
    "DepthWidth",
    "Edge",
    "EdgeOp",
    "EdgeShares",
    "KernelFeatures",
    "PathCounts",
    "TrainingPrediction",
    "all_codes",
    "box_rule",
    "depth_histogram",
    "effective_depth_width",
    "effective_depth_width_many",
    "eigenvalues",
    "eq12_bound",
    "exempt_count",
    "exempt_rule",
    "expected_depth_width",
    "kernel_features",
    "largest_eigenvalues",
    "mean_correlations",
    "nngp",
    "nngp_and_ntk",
    "ntk",
    "path_counts",
    "path_rule",
    "predict_training",
    "smallest_eigenvalue",
]
