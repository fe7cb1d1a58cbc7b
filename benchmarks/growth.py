"""How costs grow with size: python -m benchmarks.growth [--out FILE]    (2 minutes on 2 cores).

Effective depth and width against nodes, kernels against samples, WOT's score against batch and
channels, regions against inputs, the NTK against the batch. Each curve names the power of the size
that its two largest sizes show.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import fastest, keep, make_parser
from common.devices import choose_device, describe
from common.errors import run_main
from common.memory import keep_freed_memory
from dag import Dag, effective_depth_width, nngp_and_ntk
from spaces.initialization import initialize
from spaces.nasbench201 import Cell
from spaces.nasbench201_networks import NasBench201Layout
from tenas_dag.ntk import tangent_kernel
from tenas_dag.regions import count_distinct
from tenas_dag.supernet import NasBench201Supernet
from wot_dag.nasbench201 import nasbench201_kernels

CELL = Cell(("nor_conv_3x3", "nor_conv_3x3", "skip_connect", *["nor_conv_3x3"] * 3))
Work = Callable[[], object]


def shape(nodes: int, _device: torch.device) -> Work:
    """Effective depth and width of the densest DAG of so many nodes."""
    dag = Dag.parse("_".join("2" * row for row in range(1, nodes)))  # each two nodes are joined
    return lambda: effective_depth_width(dag)


def kernels(n: int, _device: torch.device) -> Work:
    """NNGP and NTK of DAG#3 over n samples."""
    x = np.random.default_rng(0).standard_normal((n, 192))
    dag = Dag.parse("2_21_112")
    return lambda: nngp_and_ntk(dag, x)


def _images(batch: int, side: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, side, side, generator=generator).to(device)


def _wot(batch: int, channels: int, device: torch.device) -> Work:
    images = _images(batch, 32, device)
    layout = NasBench201Layout(channels=channels, cells_per_stage=1, classes=1)

    def score() -> Tensor:
        return nasbench201_kernels([CELL], images, torch.Generator().manual_seed(0), layout)

    return score


def wot_batch(batch: int, device: torch.device) -> Work:
    """WOT's kernel of a cell, C = 16, N = 1, 32x32 images."""
    return _wot(batch, 16, device)


def wot_channels(channels: int, device: torch.device) -> Work:
    """WOT's kernel of a cell, batch 64, N = 1, 32x32 images."""
    return _wot(64, channels, device)


def regions(inputs: int, device: torch.device) -> Work:
    """Distinct patterns of inputs with 20,000 ReLUs."""
    generator = torch.Generator().manual_seed(0)
    patterns = (torch.rand(inputs, 20_000, generator=generator) < 0.5).to(device)
    return lambda: count_distinct([patterns])


def ntk_batch(batch: int, device: torch.device) -> Work:
    """NTK of TE-NAS' supernet on NAS-Bench-201, all operators, C = 3, 32x32 images."""
    network = NasBench201Supernet()
    initialize(network, "kaiming_fan_out", torch.Generator().manual_seed(0))
    network.to(device)
    images, left = _images(batch, 32, device), network.full()
    return lambda: tangent_kernel(network, images, left)


CURVES: dict[str, tuple[str, Callable[[int, torch.device], Work], Sequence[int]]] = {
    "shape": ("nodes", shape, (8, 16, 32, 64, 128)),
    "kernels": ("samples", kernels, (256, 512, 1024, 2048)),
    "wot_batch": ("images", wot_batch, (16, 32, 64, 128)),
    "wot_channels": ("channels", wot_channels, (8, 16, 32, 64)),
    "regions": ("inputs", regions, (500, 1000, 2000, 4000)),
    "ntk_batch": ("images", ntk_batch, (6, 12, 24)),
}


def curve(name: str, device: torch.device) -> dict:
    """Seconds by size, and the power of the size that the last two show."""
    size_name, make, sizes = CURVES[name]
    # the first of four runs is to warm up
    seconds = [fastest({"": make(size, device)}, 4)[""].wall for size in sizes]
    power = math.log(seconds[-1] / seconds[-2]) / math.log(sizes[-1] / sizes[-2])
    what = (make.__doc__ or name).rstrip(".")
    return {
        "name": name,
        "what": what,
        "size": size_name,
        "sizes": list(sizes),
        "seconds": seconds,
        "power": power,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one line per curve; --out keeps a record."""
    parser = make_parser("growth", __doc__)
    parser.add_argument("--curve", nargs="*", choices=CURVES, default=list(CURVES))
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    keep_freed_memory()
    curves = [curve(name, device) for name in options.curve]
    for found in curves:
        points = ", ".join(f"{n}: {s:.2g}" for n, s in zip(found["sizes"], found["seconds"]))
        print(
            f"{found['what']}\n  seconds by {found['size']}: {points}; power {found['power']:.1f}"
        )
    keep(options, describe(device), {"curves": curves}, kind="growth")


if __name__ == "__main__":
    run_main("python -m benchmarks.growth", main)
