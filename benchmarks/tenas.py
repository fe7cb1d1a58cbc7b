"""Seconds per evaluation of kappa, ours against the plain procedure: python -m benchmarks.tenas.

The plain procedure makes two kernels for each evaluation, with and without an operator, by one
backward pass per image. Ours makes all reverse passes of a kernel together, and the kernel of the
unpruned supernet once for all evaluations of a round: its cost is spread over them. Both run in
one process, alternating; the kernels must agree to 1e-5.
"""

import time
from collections.abc import Callable

import torch

from benchmarks.command_line import make_parser, whole
from benchmarks.plain_supernet import PlainSupernet
from benchmarks.plain_tenas import plain_kernel, plain_weights
from benchmarks.record import keep_record
from common.devices import choose_device, describe, exact_float32
from common.errors import run_main
from common.memory import keep_freed_memory
from spaces.initialization import initialize
from tenas_dag.filters import FILTERS
from tenas_dag.ntk import tangent_kernel
from tenas_dag.regions import count_distinct
from tenas_dag.rounds import next_round
from tenas_dag.supernet import DartsSupernet, NasBench201Supernet

SPACES = {
    "nas-bench-201": (NasBench201Supernet, (72, 3, 32, 32), 1),
    "darts": (DartsSupernet, (14, 3, 32, 32), 3),
}


def timed(work: Callable[[], object]) -> tuple[float, float, object]:
    """(wall seconds, CPU seconds of all threads, result)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def measure(space: str, device: torch.device, repeats: int) -> dict:
    """The fastest of some repeats of the plain pair, and of our share of a round."""
    build, shape, prune_number = SPACES[space]
    network = build().to(device)
    initialize(network.cpu(), "kaiming_fan_out", torch.Generator().manual_seed(0))
    network.to(device)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(device)
    left = network.full()
    current = next_round(left, prune_number, FILTERS["none"].exempt)
    smaller = current.evaluated[1].apply(left)
    plain = PlainSupernet(network)
    weights = plain_weights(network, plain)
    tangent_kernel(network, images, left)  # warm
    pairs, gap = [], 0.0
    for _ in range(repeats):
        rows, kernels = [], []
        for candidates in (left, smaller):
            *slow, expected = timed(lambda c=candidates: plain_kernel(plain, weights, images, c))
            *fast, found = timed(lambda c=candidates: tangent_kernel(network, images, c))
            rows.append((slow, fast))
            kernels.append(((found - expected).norm() / expected.norm()).item())
        gap = max(gap, *kernels)
        share = 1 / len(current.evaluated)
        pairs.append(
            [(rows[0][0][i] + rows[1][0][i], rows[0][1][i] * share + rows[1][1][i]) for i in (0, 1)]
        )
    wall, cpu = ([min(p[i][j] for p in pairs) for j in (0, 1)] for i in (0, 1))
    return {
        "what": f"one evaluation of kappa, {space}, batch {shape[0]}, first round",
        "device": describe(device),
        "plain_seconds": wall[0],
        "our_seconds": wall[1],
        "ratio": wall[0] / wall[1],
        "plain_cpu_seconds": cpu[0],
        "our_cpu_seconds": cpu[1],
        "cpu_ratio": cpu[0] / cpu[1],
        "largest_relative_kernel_difference": gap,
        "threads": torch.get_num_threads(),
        "repeats": repeats,
    }


def measure_regions(n: int = 3000, relus: int = 100_000) -> dict:
    """Distinct patterns of n random rows, and the n x n product of the published code."""
    rows = torch.rand(n, relus, generator=torch.Generator().manual_seed(0)) < 0.5
    rows[1] = rows[0]

    def product() -> int:
        values = rows.float()
        agreements = values @ values.T + (1 - values) @ (1 - values).T
        return int((1 / (agreements == relus).sum(dim=1)).sum().round())

    times = []
    for _ in range(2):
        ours, _, found = timed(lambda: count_distinct([rows]))
        slow, _, expected = timed(product)
        times.append((slow, ours))
    slow, ours = map(min, zip(*times))
    if found != expected:
        raise RuntimeError(f"regions: found {found}, the plain count is {expected}")
    return {
        "what": f"distinct patterns of {n:,} inputs and {relus:,} ReLUs",
        "plain_seconds": slow,
        "our_seconds": ours,
        "ratio": slow / ours,
    }


def main() -> None:
    """Prints one line per space; --out keeps a record."""
    parser = make_parser("tenas", __doc__)
    parser.add_argument("--space", nargs="*", choices=SPACES, default=list(SPACES))
    parser.add_argument("--repeats", type=whole(1), default=2)
    options = parser.parse_args()
    device = choose_device(options.device)
    keep_freed_memory()
    with exact_float32():  # as the searches measure it
        rows = [measure(space, device, options.repeats) for space in options.space]
    for row in rows:
        print(
            f"{row['what']}: plain pair {row['plain_seconds']:.2f} s, ours "
            f"{row['our_seconds']:.2f} s, ratio {row['ratio']:.1f} (CPU {row['cpu_ratio']:.1f}), "
            f"kernels agree to {row['largest_relative_kernel_difference']:.0e}"
        )
    rows.append(measure_regions())
    print("{what}: plain {plain_seconds:.2f} s, ours {our_seconds:.2f} s".format(**rows[-1]))
    keep_record(options.out, {"rows": rows}, describe(device))


if __name__ == "__main__":
    run_main("python -m benchmarks.tenas", main)
