"""Kernels of DAGs: shared and in place, against all pairs of nodes anew for each code.

python benchmarks/kernels.py    (1 minute on 2 cores)
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.plain_kernels import pairwise_kernels
from dag import Dag, all_codes, kernel_features, nngp_and_ntk

FIG3 = {"DAG#1": "2_02_002", "DAG#2": "1_01_222", "DAG#3": "2_21_112"}


def main() -> None:
    """Prints equality and ratio over all codes with H = 3, then the growth with n."""
    rng = np.random.default_rng(0)
    compare_codes(rng.standard_normal((128, 192)))
    grow(rng.standard_normal((4096, 192)))


def compare_codes(x: np.ndarray) -> None:
    """Smallest NTK eigenvalue of every code that has a path, both ways."""
    dags = [dag for dag in map(Dag.parse, all_codes(3)) if dag.has_path]
    start = time.perf_counter()
    plain = [np.linalg.eigvalsh(pairwise_kernels(dag, x)[1])[0] for dag in dags]
    middle = time.perf_counter()
    features = kernel_features(dags, x, tangent=True)
    end = time.perf_counter()
    shared = np.array([f.smallest_eigenvalue for f in features])
    worst = np.abs(shared / plain - 1).max()
    print(f"{len(dags)} codes, {len(set(features))} different kernels, n = {len(x)}")
    print(f"  plain {middle - start:.2f} s, shared {end - middle:.3f} s")
    print(f"  ratio {(middle - start) / (end - middle):.1f}, largest difference {worst:.1e}")


def grow(x: np.ndarray) -> None:
    """NNGP and NTK of one code together, as n doubles."""
    dag = Dag.parse(FIG3["DAG#3"])
    print("NNGP and NTK of DAG#3 (2_21_112)")
    for n in (512, 1024, 2048, 4096):
        start = time.perf_counter()
        nngp, ntk = nngp_and_ntk(dag, x[:n])
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
        symmetric = np.array_equal(nngp, nngp.T) and np.array_equal(ntk, ntk.T)
        line = f"  n = {n:4d}: {seconds:.3f} s, peak memory {peak:.2f} GiB, symmetric {symmetric}"
        if n <= 1024:
            start = time.perf_counter()
            pairwise_kernels(dag, x[:n])
            line += f", ratio to plain {(time.perf_counter() - start) / seconds:.1f}"
        print(line)


if __name__ == "__main__":
    main()
