"""WOT's score against the plain one, in one run: `python -m benchmarks.wot [--out FILE]`.

Both score the same networks (same initial weights, same mini-batch); the plain version builds
the modules, runs a backward pass first, and hooks every ReLU, as the published procedure does.
bfloat16 gains on GPUs and on CPUs with AMX; other CPUs emulate it and lose.
"""

import math
import time
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from benchmarks.command_line import make_parser, whole
from benchmarks.plain_wot import plain_wot_score
from benchmarks.record import keep_record
from common.data import load_dataset
from common.devices import choose_device, describe, exact_float32
from common.errors import run_main
from spaces.initialization import initialize
from spaces.nasbench201 import Cell, all_cells
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network
from wot_dag.batches import draw_batch
from wot_dag.kernel import log_determinants
from wot_dag.nasbench201 import nasbench201_kernels
from wot_dag.passes import pass_of


def layout_for(images: Tensor) -> NasBench201Layout:
    """The benchmark's network, C = 16, N = 5, for images [n, channels, h, w]."""
    return NasBench201Layout(classes=1, input_channels=images.shape[1])


def plain_score(cell: Cell, images: Tensor, seed: int) -> float:
    """Builds, initializes and scores; weights that can matter are those of the fast version."""
    layout = layout_for(images)
    network = NasBench201Network(cell, layout)
    initialize(network, "default", torch.Generator().manual_seed(seed))
    network.load_state_dict(_weights(pass_of(cell), seed, layout), strict=False)
    return plain_wot_score(network.to(images.device), images)[0]


@cache  # the faster of two calls counts, and it finds them here
def _weights(cell: Cell, seed: int, layout: NasBench201Layout) -> dict[str, Tensor]:
    network = NasBench201Network(cell, layout)
    initialize(network, "default", torch.Generator().manual_seed(seed))
    return network.state_dict()


def fast_score(cell: Cell, images: Tensor, seed: int) -> float:
    """The same by `wot_dag`."""
    generator = torch.Generator().manual_seed(seed)
    return log_determinants(nasbench201_kernels([cell], images, generator, layout_for(images)))[0]


def measure(cells: list[Cell], images: Tensor) -> dict:
    """Seconds per architecture of all versions, and how far their scores are apart.

    They take turns, twice for each architecture; the faster time counts.
    """
    versions: dict[str, Callable[[Cell, int], float]] = {
        "plain": lambda cell, seed: plain_score(cell, images, seed),
        "float32": lambda cell, seed: fast_score(cell, images, seed),
        "bfloat16": lambda cell, seed: fast_score(cell, images.bfloat16(), seed),
    }
    seconds, scores = ({name: [] for name in versions} for _ in range(2))
    for score in versions.values():
        score(cells[0], 0)  # warm
    for seed, cell in enumerate(cells):
        rounds = {name: [] for name in versions}
        for _ in range(2):
            for name, score in versions.items():
                started = time.perf_counter()
                value = score(cell, seed)
                rounds[name].append((time.perf_counter() - started, value))
        for name, found in rounds.items():
            fastest, value = min(found)
            seconds[name].append(fastest)
            scores[name].append(value)
    totals = {name: sum(values) for name, values in seconds.items()}
    gaps = [abs(a / b - 1) for a, b in zip(scores["float32"], scores["plain"]) if math.isfinite(b)]
    per_cell = {
        name: np.divide(seconds["plain"], seconds[name]).tolist()
        for name in ("float32", "bfloat16")
    }
    return {
        "architectures": len(cells),
        "seconds_per_architecture": {n: total / len(cells) for n, total in totals.items()},
        "ratio": {name: totals["plain"] / totals[name] for name in per_cell},
        "median_ratio": {name: float(np.median(values)) for name, values in per_cell.items()},
        "largest_relative_difference": max(gaps),
    }


def rank_agreement(cells: list[Cell], images: Tensor) -> dict:
    """Spearman's rho of bfloat16 scores with float32 ones, over finite scores."""
    pairs = [
        (fast_score(cell, images, seed), fast_score(cell, images.bfloat16(), seed))
        for seed, cell in enumerate(cells)
    ]
    finite = np.array([pair for pair in pairs if np.isfinite(pair).all()])
    rho = stats.spearmanr(finite[:, 0], finite[:, 1]).statistic
    return {"architectures": len(finite), "spearman": float(rho)}


def main() -> None:
    """Prints times, ratios and agreement; --out keeps a record."""
    parser = make_parser("wot", __doc__)
    parser.add_argument("--dataset", default="cifar10", help="a dataset, or PATH.npz (cifar10)")
    parser.add_argument("--architectures", type=whole(1, 15_625), default=16, help="timed (16)")
    parser.add_argument(
        "--ranked", type=whole(0, 15_625), default=300, help="for the rank agreement (300)"
    )
    parser.add_argument("--threads", type=whole(1), default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = load_dataset(options.dataset, choose_device(options.device))
    images = draw_batch(dataset, 128, seed=0)
    space, rng = list(all_cells()), np.random.default_rng(0)

    def draw(n: int) -> list[Cell]:
        return [space[i] for i in rng.choice(len(space), n, replace=False)]

    record = {
        "what": f"WOT score, NAS-Bench-201, C 16, N 5, batch {tuple(images.shape)}",
        "threads": options.threads,
    }
    with exact_float32():
        record |= measure(draw(options.architectures), images)
        if options.ranked:
            record["bfloat16_against_float32"] = rank_agreement(draw(options.ranked), images)
    seconds = record["seconds_per_architecture"]
    print(f"{record['what']}, {options.architectures} architectures, {options.threads} threads")
    for name in seconds:
        ratio = f", ratio {record['ratio'][name]:.1f}" if name in record["ratio"] else ""
        print(f"  {name:<9} {seconds[name]:.3f} s per architecture{ratio}")
    print(f"  largest relative difference in float32 {record['largest_relative_difference']:.0e}")
    if options.ranked:
        print(f"  bfloat16 against float32: {record['bfloat16_against_float32']}")
    record["rows"] = _rows(record)
    keep_record(options.out, record, describe(images.device), dataset.header)


def _rows(record: dict) -> list[dict]:
    """The rows of the report's table of speed."""
    seconds = record["seconds_per_architecture"]
    return [
        {
            "what": f"{record['what']}, {name}",
            "plain_seconds": seconds["plain"],
            "our_seconds": seconds[name],
            "ratio": record["ratio"][name],
        }
        for name in record["ratio"]
    ]


if __name__ == "__main__":
    run_main("python -m benchmarks.wot", main)
