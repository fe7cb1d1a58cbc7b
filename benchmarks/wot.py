"""WOT's score against the plain one, in one run: `python -m benchmarks.wot [--out FILE]`.

Both score the same networks (same initial weights, same mini-batch); the plain version builds
the modules, runs a backward pass first, and hooks every ReLU, as the published procedure does.
bfloat16 gains on GPUs and on CPUs with AMX; other CPUs emulate it and lose.
"""

import math
from functools import cache, partial

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from benchmarks.harness import compared, fastest, keep, make_parser, whole
from benchmarks.plain_wot import plain_wot_score
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


def measure(cells: list[Cell], images: Tensor) -> list[dict]:
    """A row for each precision: seconds per architecture, and how far scores are apart.

    All versions take turns, twice for each architecture; the faster time counts.
    """
    found = []
    plain_score(cells[0], images, 0)  # warm
    for seed, cell in enumerate(cells):
        versions = {
            "plain": partial(plain_score, cell, images, seed),
            "float32": partial(fast_score, cell, images, seed),
            "bfloat16": partial(fast_score, cell, images.bfloat16(), seed),
        }
        found.append(fastest(versions, 2))
    rows = []
    for name in ("float32", "bfloat16"):
        pairs = [(of["plain"], of[name]) for of in found]
        plain, ours = (sum(own.wall for own in column) / len(cells) for column in zip(*pairs))
        scores = [(a.result, b.result) for a, b in pairs if math.isfinite(a.result)]
        gap = max(abs(b / a - 1) for a, b in scores) if name == "float32" else None
        median = float(np.median([a.wall / b.wall for a, b in pairs]))
        what = f"WOT score, NAS-Bench-201, C 16, N 5, batch {tuple(images.shape)}, {name}"
        more = {"architectures": len(cells), "median_ratio": median}
        rows.append(compared(what, plain, ours, "score", gap, **more))
    return rows


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

    with exact_float32():
        record = {"rows": measure(draw(options.architectures), images)}
        if options.ranked:
            record["bfloat16_against_float32"] = rank_agreement(draw(options.ranked), images)
            print(f"bfloat16 against float32: {record['bfloat16_against_float32']}")
    keep(options, describe(images.device), record, dataset=dataset.header)


if __name__ == "__main__":
    run_main("python -m benchmarks.wot", main)
