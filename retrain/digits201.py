"""Entry: python -m retrain.digits201 --config configs/retrain/digits201.yaml: builds digits-201.

Every distinct cell of NAS-Bench-201 is trained on small images, and its accuracies stand in a
table for all cells that compute the same. torchrun splits the cells over processes.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from common.config import (
    ConfigError,
    free,
    identity,
    parse_config,
    require,
    require_choice,
    require_seeds,
)
from common.data import load_dataset, require_dataset
from common.dataset import DataError, Dataset
from common.devices import DEVICES, choose_device, describe
from common.memory import keep_freed_memory
from common.runs import (
    Run,
    RunError,
    RunSettings,
    StopRequest,
    drop_cut_line,
    environment,
    stop_on_signals,
    write_json,
)
from common.workers import Workers
from retrain.miniature import build_table, compare_rows, summarize
from retrain.side_by_side import Protocol, TrainingDivergedError, train_cells
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import Cell, all_cells
from spaces.networks import NasBench201Layout

PROG = "python -m retrain.digits201"
Missing = tuple[Cell, tuple[int, ...]]  # a cell and the seeds that it lacks
_AT_ONCE = {"cpu": 1, "cuda": 64}  # cells; one cell's seeds fill a CPU core's cache


@dataclass(frozen=True)
class Digits201Config:
    """How the table is made; the defaults are those of the committed one.

    Args:
        dataset: one that `python -m common.prepare` lists, or PATH.npz.
        channels: C of the first stage.
        cells_per_stage: N.
        stages: stages of the network, a residual block of stride 2 between each two.
        epochs: passes over the training images.
        batch_size: images per step.
        lr: learning rate of the first step; a cosine takes it to 0.
        seeds: networks per cell; one more may be added to a finished run.
        cells_at_once: cells that train as one network; 0 for 1 on a CPU, 64 on CUDA.
        check: 0, or train so many random cells of `table` again and compare.
        table: the table that is checked.
        device: cpu, cuda, or auto: cuda where there is one.
        run: where results go, runs/digits201/<name>/.
    """

    dataset: str = "digits"
    channels: int = 8
    cells_per_stage: int = 1
    stages: int = 2
    epochs: int = 4
    batch_size: int = 100
    lr: float = 0.2
    seeds: list[int] = free(lambda: [0, 1])
    cells_at_once: int = free(0)
    check: int = free(0)
    table: str = free("results/digits201/table.csv.gz")
    device: str = free("auto")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        require_dataset("dataset", self.dataset)
        for key in ("channels", "cells_per_stage", "stages", "epochs"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "an integer >= 1")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "an integer >= 2")
        require(0 < self.lr < float("inf"), "lr", self.lr, "a number > 0")
        for key in ("cells_at_once", "check"):
            require(getattr(self, key) >= 0, key, getattr(self, key), "an integer >= 0")
        require_seeds("seeds", self.seeds)
        require_choice("device", self.device, DEVICES)

    @property
    def protocol(self) -> Protocol:
        """How a network is trained."""
        return Protocol(self.epochs, self.batch_size, self.lr)

    def layout(self, data: Dataset) -> NasBench201Layout:
        """The network around a cell."""
        channels = data.image_shape[0]
        return NasBench201Layout(
            self.channels, self.cells_per_stage, self.stages, data.num_classes, channels
        )

    def train(self, cells: list[Cell], seeds: list[int], data: Dataset) -> list[dict]:
        """Trains cells at once; one record per cell and seed."""
        started = time.perf_counter()
        found = train_cells(cells, seeds, self.layout(data), self.protocol, data)
        seconds = (time.perf_counter() - started) / (len(cells) * len(seeds))
        return [
            {"arch": str(cell), "seed": seed, **accuracies._asdict(), "seconds": seconds}
            for cell, of_cell in zip(cells, found)
            for seed, accuracies in zip(seeds, of_cell)
        ]


def main() -> None:
    """Builds the table, or checks rows of the committed one."""
    config = parse_config(Digits201Config, PROG, "Train every distinct cell of NAS-Bench-201.")
    keep_freed_memory()
    workers = Workers()
    try:
        if config.check:
            check(config)
        else:
            build(config, workers)
    except (
        ConfigError,
        DataError,
        RunError,
        SpaceError,
        TrainingDivergedError,
        OSError,
    ) as error:
        sys.exit(f"{PROG}: {error}")
    finally:
        workers.close()


def build(config: Digits201Config, workers: Workers) -> None:
    """Trains what is missing in the run's folder, then writes its table and result."""
    device = choose_device(config.device)
    if workers.size > 1 and device.type == "cpu":
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers.size))
    run = None
    if workers.first:
        run = Run(config.run, "digits201", identity(config), describe(device))
    try:
        folder = Path(workers.from_first(str(run.folder) if run else None))
        data = workers.together(lambda: _load(config, device))
        own = missing_cells(config, folder)[workers.rank :: workers.size]
        workers.gather(None)  # nobody writes before all have read
        path = folder / f"records-{workers.rank}.jsonl"
        with stop_on_signals() as request:
            train_missing(config, data, own, path, request, shown=workers.first)
        workers.gather(None)  # all are done
        if run:
            finish(config, run, data)
            print(f"\nRecords: {run.folder}/")
    finally:
        if run:
            run.close()


def _load(config: Digits201Config, device: torch.device) -> Dataset:
    """The config's images, enough for a batch."""
    data = load_dataset(config.dataset, device)
    check_size(config, data)
    return data


def check_size(config: Digits201Config, data: Dataset) -> None:
    """Raises a ConfigError if the training images make no whole batch."""
    expected = f"2 .. {len(data.train)}, the training images"
    require(config.batch_size <= len(data.train), "batch_size", config.batch_size, expected)


def distinct_cells() -> list[Cell]:
    """The cells that stand for their class, in the order of the table."""
    return list(dict.fromkeys(cell.canonical() for cell in all_cells()))


def missing_cells(config: Digits201Config, folder: Path) -> list[Missing]:
    """Cells and the seeds that they lack, shuffled: so the estimate of the time left is fair."""
    known = {(record["arch"], record["seed"]) for record in read_records(folder)}
    cells = distinct_cells()
    random.Random(0).shuffle(cells)
    missing = [(c, tuple(s for s in config.seeds if (str(c), s) not in known)) for c in cells]
    return [(cell, seeds) for cell, seeds in missing if seeds]


def train_missing(
    config: Digits201Config,
    data: Dataset,
    missing: list[Missing],
    path: Path,
    request: StopRequest,
    shown: bool = True,
) -> None:
    """Trains cells for the seeds that they lack, and appends each record to `path` at once."""
    size = config.cells_at_once or _AT_ONCE[data.train.labels.device.type]
    bar = tqdm(total=len(missing), desc="cells", disable=not shown, mininterval=2, ncols=79)
    drop_cut_line(path)
    with bar, path.open("ab") as file:
        for first in range(0, len(missing), size):
            if request:
                request.exit("all cells trained so far are recorded")
            chunk = missing[first : first + size]
            for seeds in dict.fromkeys(seeds for _, seeds in chunk):
                cells = [cell for cell, lacking in chunk if lacking == seeds]
                for record in config.train(cells, list(seeds), data):
                    file.write(json.dumps(record).encode() + b"\n")
            file.flush()
            bar.update(len(chunk))


def read_records(folder: Path) -> Iterator[dict]:
    """Records of all processes so far."""
    for path in sorted(folder.glob("records-*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)


def finish(config: Digits201Config, run: Run, data: Dataset) -> None:
    """Writes table.csv.gz and result.json, and prints what is in them."""
    records = _of_seeds(read_records(run.folder), config.seeds)
    table = build_table(records, config.dataset, config.epochs, config.layout(data))
    path = run.folder / "table.csv.gz"
    table.write(path)
    result = {"seeds": config.seeds, **identity(config), **summarize(records)}
    run.finish(result)
    print(f"{path}: {len(table):,} cells, {result['cells']:,} of them trained")
    for split in ("train", "validation", "test"):
        row = result[split]
        quartiles = ", ".join(f"{value:.2f}" for value in row["quantiles"])
        print(f"{split:<11} min, quartiles, max: {quartiles} %; seed std {row['seed_std']:.2f}")


def _of_seeds(records: Iterable[dict], seeds: list[int]) -> list[dict]:
    return [record for record in records if record["seed"] in seeds]


def check(config: Digits201Config) -> None:
    """Trains random rows of the table again, says how far they are off, and keeps the record.

    On the table's own hardware rows are equal; elsewhere float32 rounding grows in training.

    Raises:
        ConfigError: half the rows or more are off by over a point.
    """
    device = choose_device(config.device)
    torch.set_num_threads(1)  # as in the processes of a build
    data, table = _load(config, device), AccuracyTable.read(config.table)
    cells = random.Random(config.check).sample(distinct_cells(), config.check)
    records = []
    for cell in tqdm(cells, desc="cells", mininterval=2, ncols=79):
        records += config.train([cell], config.seeds, data)
    found = compare_rows(table, records, config.dataset, config.epochs)
    print(
        f"{config.table}: {found['equal']} of {found['rows']} rows equal; difference "
        f"{found['mean']:.3f} points on average, {found['largest']:.2f} at most"
    )
    file = Path(config.run.root) / "digits201/check.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, found | {"environment": environment(describe(device))})
    require(
        found["median"] <= 1,
        "check",
        f"a median difference of {found['median']:.2f} points",
        "at most 1: is the table made by the same settings?",
    )


if __name__ == "__main__":
    main()
