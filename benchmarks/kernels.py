"""Kernels of DAGs: shared and in place, against all pairs of nodes anew for each code.

python -m benchmarks.kernels [--out results/benchmarks/kernels]    (1 minute on 2 cores)
"""

import numpy as np

from benchmarks.harness import compared, fastest, keep, make_parser
from benchmarks.plain_kernels import pairwise_kernels
from common.errors import run_main
from dag import Dag, all_codes, kernel_features


def main() -> None:
    """Compares the smallest NTK eigenvalue of every code with H = 3 that has a path."""
    options = make_parser("kernels", __doc__, device=False).parse_args()
    x = np.random.default_rng(0).standard_normal((128, 192))
    dags = [dag for dag in map(Dag.parse, all_codes(3)) if dag.has_path]
    versions = {
        "plain": lambda: [np.linalg.eigvalsh(pairwise_kernels(dag, x)[1])[0] for dag in dags],
        "ours": lambda: kernel_features(dags, x, tangent=True),
    }
    plain, ours = fastest(versions, 3).values()
    shared = np.array([features.smallest_eigenvalue for features in ours.result])
    row = compared(
        f"smallest NTK eigenvalue of {len(dags)} codes, n = {len(x)}",
        plain.wall,
        ours.wall,
        "eigenvalue",
        float(np.abs(shared / plain.result - 1).max()),
        different_kernels=len(set(ours.result)),
    )
    keep(options, "cpu", {"rows": [row]})


if __name__ == "__main__":
    run_main("python -m benchmarks.kernels", main)
