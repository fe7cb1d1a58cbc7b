"""Which learning rate a DAG bears: its kernel's largest eigenvalue, and a rule of paths.

Gradient descent on 1/2 ||y - f||^2 with a constant tangent kernel is stable below 2 / lambda_max.
"""

from collections.abc import Iterable

import numpy as np

from dag.dual import Dual, DualKernels, Form
from dag.graph import Dag
from dag.kernels import cosines_and_scales
from dag.measures import depth_histogram

_AROUND = 3  # what stem and readout add to L_p; one path without layers of its own has factor 1


def path_rule(dag: Dag) -> float:
    """(sum over paths p of L_p^3)^(-1/2), relative to one path of L = 3, with L_p = d_p + 3.

    Chen, Wu, Wang, Hanin, "Principled Architecture-aware Scaling of Hyperparameters", ICLR 2024,
    for MLPs with stem and readout; d_p counts the linear operations on path p.

    Raises:
        ValueError: the DAG has no path.
    """
    histogram = depth_histogram(dag)
    if not histogram:
        raise ValueError(f"DAG {dag} has no path from input to output, so no learning rate")
    cubes = sum(count * (depth + _AROUND) ** 3 for depth, count in histogram.items())
    return (_AROUND**3 / cubes) ** 0.5


def largest_eigenvalues(
    dags: Iterable[Dag], x: np.ndarray, form: Form = "exact", stem: float = 1.0
) -> list[float]:
    """Largest eigenvalue of each DAG's tangent kernel on the same samples, in one pass.

    Args:
        dags: each with one input and a path to the output.
        x: samples [n, ...].
        form: "exact" as `dag.kernels.ntk`, or "paper": the means of ReLU outputs left out.
        stem: factor of the stem's share. In the standard parameterization a layer's share is
            fan_in / 2 times that of the NTK parameterization: width / 2 times this with
            stem = d_in / width.

    Raises:
        ValueError: as `dag.kernels.nngp`.
    """
    cosine, scale = cosines_and_scales(x)
    duals, outer = DualKernels(cosine, form, stem), 2 * np.outer(scale, scale)

    def largest(dual: Dual) -> float:
        kernel = dual.top + dual.tangent_top - dual.lack - dual.tangent_lack
        return float(np.linalg.eigvalsh(outer * kernel)[-1])

    return duals.each(dags, largest)
