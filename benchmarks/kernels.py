"""Kernels of DAGs: shared and in place, against all pairs of nodes anew for each code.

python -m benchmarks.kernels [--out results/benchmarks/kernels]    (1 minute on 2 cores)
"""

import resource
import time

import numpy as np

from benchmarks.command_line import make_parser
from benchmarks.plain_kernels import pairwise_kernels
from benchmarks.record import keep_record
from common.errors import run_main
from dag import FIGURE_3, Dag, all_codes, kernel_features, nngp_and_ntk


def main() -> None:
    """Prints equality and ratio over all codes with H = 3, then the growth with n."""
    options = make_parser("kernels", __doc__, device=False).parse_args()
    rng = np.random.default_rng(0)
    codes = compare_codes(rng.standard_normal((128, 192)))
    growth = grow(rng.standard_normal((4096, 192)))
    keep_record(options.out, {"rows": [codes], "growth": growth}, "cpu")


def compare_codes(x: np.ndarray) -> dict:
    """Smallest NTK eigenvalue of every code that has a path, both ways; the fastest of three."""
    dags = [dag for dag in map(Dag.parse, all_codes(3)) if dag.has_path]
    times = []
    for _ in range(3):
        start = time.perf_counter()
        plain = [np.linalg.eigvalsh(pairwise_kernels(dag, x)[1])[0] for dag in dags]
        middle = time.perf_counter()
        features = kernel_features(dags, x, tangent=True)
        times.append((middle - start, time.perf_counter() - middle))
    slow, fast = map(min, zip(*times))
    shared = np.array([f.smallest_eigenvalue for f in features])
    row = {
        "what": f"smallest NTK eigenvalue of {len(dags)} codes, n = {len(x)}",
        "different_kernels": len(set(features)),
        "plain_seconds": slow,
        "our_seconds": fast,
        "ratio": slow / fast,
        "largest_relative_difference": float(np.abs(shared / plain - 1).max()),
    }
    print(
        f"{row['what']}: plain {row['plain_seconds']:.2f} s, ours {row['our_seconds']:.3f} s, "
        f"ratio {row['ratio']:.1f}, relative difference {row['largest_relative_difference']:.1e}"
    )
    return row


def grow(x: np.ndarray) -> list[dict]:
    """NNGP and NTK of one code together, as n doubles."""
    dag = Dag.parse(FIGURE_3["DAG#3"])
    print("NNGP and NTK of DAG#3 (2_21_112)")
    rows = []
    for n in (512, 1024, 2048, 4096):
        start = time.perf_counter()
        nngp, ntk = nngp_and_ntk(dag, x[:n])
        row = {"n": n, "seconds": time.perf_counter() - start}
        row["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
        row["symmetric"] = np.array_equal(nngp, nngp.T) and np.array_equal(ntk, ntk.T)
        line = f"  n = {n:4d}: {row['seconds']:.3f} s, peak memory {row['peak_gib']:.2f} GiB"
        if n <= 1024:
            start = time.perf_counter()
            pairwise_kernels(dag, x[:n])
            row["ratio"] = (time.perf_counter() - start) / row["seconds"]
            line += f", ratio to plain {row['ratio']:.1f}"
        print(line)
        rows.append(row)
    return rows


if __name__ == "__main__":
    run_main("python -m benchmarks.kernels", main)
