"""Seconds per evaluation of kappa, ours against the plain procedure: python -m benchmarks.tenas.

The plain procedure makes two kernels for each evaluation, with and without an operator, by one
backward pass per image. Ours makes all reverse passes of a kernel together, and the kernel of the
unpruned supernet once for all evaluations of a round: its cost is spread over them. Both run in
one process, alternating; the kernels must agree to 1e-5.
"""

import torch

from benchmarks.harness import compared, fastest, keep, make_parser, whole
from benchmarks.plain_supernet import PlainSupernet
from benchmarks.plain_tenas import plain_kernel, plain_weights
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


def measure(space: str, device: torch.device, repeats: int) -> dict:
    """The fastest of some repeats of the plain pair, and of our share of a round."""
    build, shape, prune_number = SPACES[space]
    network = build()
    initialize(network, "kaiming_fan_out", torch.Generator().manual_seed(0))
    network.to(device)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(device)
    left = network.full()
    current = next_round(left, prune_number, FILTERS["none"].exempt)
    plain = PlainSupernet(network)
    weights = plain_weights(network, plain)
    tangent_kernel(network, images, left)  # warm
    before, after = (
        fastest(
            {
                "plain": lambda c=candidates: plain_kernel(plain, weights, images, c),
                "ours": lambda c=candidates: tangent_kernel(network, images, c),
            },
            repeats,
        )
        for candidates in (left, current.evaluated[1].apply(left))
    )
    share = 1 / len(current.evaluated)  # of the kernel that a round makes once
    slow, fast = (
        [a * part + b for a, b in zip(before[name][:2], after[name][:2])]
        for name, part in (("plain", 1), ("ours", share))
    )
    kernels = [(pair["plain"].result, pair["ours"].result) for pair in (before, after)]
    return compared(
        f"one evaluation of kappa, {space}, batch {shape[0]}, first round",
        slow[0],
        fast[0],
        "kernel",
        max(((b - a).norm() / a.norm()).item() for a, b in kernels),
        plain_cpu_seconds=slow[1],
        our_cpu_seconds=fast[1],
        cpu_ratio=slow[1] / fast[1],
        threads=torch.get_num_threads(),
    )


def measure_regions() -> dict:
    """Distinct patterns of random rows, and the product of all pairs of the published code."""
    n, relus = 3000, 100_000
    rows = torch.rand(n, relus, generator=torch.Generator().manual_seed(0)) < 0.5
    rows[1] = rows[0]

    def product() -> int:
        values = rows.float()
        agreements = values @ values.T + (1 - values) @ (1 - values).T
        return int((1 / (agreements == relus).sum(dim=1)).sum().round())

    versions = {"plain": product, "ours": lambda: count_distinct([rows])}
    plain, ours = fastest(versions, 2).values()
    if plain.result != ours.result:
        raise RuntimeError(f"regions: found {ours.result}, the plain count is {plain.result}")
    what = f"distinct patterns of {n:,} inputs and {relus:,} ReLUs"
    return compared(what, plain.wall, ours.wall)


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
    rows.append(measure_regions())
    keep(options, describe(device), {"rows": rows})


if __name__ == "__main__":
    run_main("python -m benchmarks.tenas", main)
