"""Training many cells on digits: python -m benchmarks.digits201 [--out FILE]    (1 minute).

Plain: `NasBench201Network`, one network after the other, PyTorch's own optimizer and schedule.
Ours: a cell's seeds as one grouped network, as digits-201's builder trains them. They take turns.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.plain_digits201 import accuracy_of, train_alone
from benchmarks.record import keep_record
from common.data import load_dataset
from common.dataset import Dataset
from common.devices import DEVICES, choose_device, describe
from common.memory import keep_freed_memory
from retrain.digits201 import Digits201Config, distinct_cells
from spaces.initialization import initialize
from spaces.nasbench201 import Cell
from spaces.networks import NasBench201Network


def train_plainly(config: Digits201Config, cell: Cell, seed: int, data: Dataset) -> float:
    """Test accuracy in % of one network trained alone."""
    network = NasBench201Network(cell, config.layout(data))
    initialize(network, "default", torch.Generator().manual_seed(seed))
    network.to(data.train.labels.device)
    train_alone(network, seed, config.protocol, data)
    return accuracy_of(network, data)


def measure(cells: int, threads: int, device: torch.device) -> dict:
    """Seconds per trained network of both, and how far test accuracies are apart."""
    config, data = Digits201Config(), load_dataset("digits", device)
    chosen = random.Random(1).sample(distinct_cells(), cells)
    torch.set_num_threads(threads)
    config.train(chosen[:1], config.seeds, data)  # warm
    plain = ours = 0.0
    gaps = []
    for cell in chosen:
        started = time.perf_counter()
        alone = [train_plainly(config, cell, seed, data) for seed in config.seeds]
        between = time.perf_counter()
        records = config.train([cell], config.seeds, data)
        plain, ours = plain + between - started, ours + time.perf_counter() - between
        gaps += [abs(record["test"] - test) for record, test in zip(records, alone)]
    networks = cells * len(config.seeds)
    return {
        "what": f"training of one digits-201 network, {threads} thread(s) a process",
        "plain_seconds": plain / networks,
        "our_seconds": ours / networks,
        "ratio": plain / ours,
        "networks": networks,
        "mean_accuracy_difference": sum(gaps) / len(gaps),
        "largest_accuracy_difference": max(gaps),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one line; --out keeps a record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits201", description=__doc__)
    parser.add_argument("--cells", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1, help="of the process (1)")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--out", type=Path, help="such as results/benchmarks/digits201.json")
    options = parser.parse_args(arguments)
    keep_freed_memory()
    device = choose_device(options.device)
    row = measure(options.cells, options.threads, device)
    print(
        f"{row['what']}: plain {row['plain_seconds']:.2f} s, ours {row['our_seconds']:.2f} s, "
        f"ratio {row['ratio']:.1f}; test accuracy differs by {row['mean_accuracy_difference']:.2f} "
        f"points on average (float32 rounding grows in training)"
    )
    keep_record(options.out, {"rows": [row]}, describe(device))


if __name__ == "__main__":
    main()
