"""Entry: python -m tenas_dag --config configs/tenas/digits.yaml."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

from common.config import ConfigError, parse_config
from common.data import DataError, data_root, load_dataset
from common.devices import choose_device, describe
from common.memory import keep_freed_memory
from common.runs import Run, RunError, read_metrics, stop_on_signals
from common.statistics import mean_std
from common.workers import Workers
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from tenas_dag.config import TenasConfig
from tenas_dag.indicators import Indicators
from tenas_dag.results import summarize_seed
from tenas_dag.search import Searcher

PROG = "python -m tenas_dag"


def main() -> None:
    """Searches as the config says and prints what was found."""
    config = parse_config(TenasConfig, PROG, "TE-NAS' pruning, with or without the exempt rule.")
    keep_freed_memory()
    workers = Workers()
    try:
        result = run_search(config, workers)
    except (ConfigError, DataError, RunError, SpaceError, OSError) as error:
        sys.exit(f"{PROG}: {error}")
    finally:
        workers.close()
    if workers.first:
        print_result(result)
        print(f"\nRecords: {config.run.root}/tenas/{config.run.name or 'default'}/")


def run_search(config: TenasConfig, workers: Workers) -> dict:
    """Searches from where an earlier run stopped, or returns the finished run's result."""
    device = choose_device(config.indicators.device)
    run = Run(config.run, "tenas", config.identity(), describe(device)) if workers.first else None
    try:
        finished = workers.from_first(run is not None and run.finished)
        if finished:
            return _looked_up(run, config) if run else {}
        return _search(config, workers, run, device)
    finally:
        if run:
            run.close()


def _search(config: TenasConfig, workers: Workers, run: Run | None, device: object) -> dict:
    # stops early if it is absent
    table = AccuracyTable.find(config.table, data_root()) if config.table else None
    data = workers.together(lambda: load_dataset(config.indicators.dataset, device))
    indicators = Indicators(config.space, config.indicators, data, device)
    known = workers.from_first(read_metrics(run.folder) if run else None)
    log = run.log if run else _ignore
    started, seeds = time.perf_counter(), []
    with stop_on_signals() as request:
        searcher = Searcher(config, indicators, known, log, workers, request)
        for seed in config.seeds:
            left, history = searcher.search(seed)
            records = list(searcher.records.values())
            seeds.append(summarize_seed(config, seed, left, history, records))
    seconds = time.perf_counter() - started
    result = _result(config, seeds, table, workers.size, seconds)
    if run:
        _write_genotypes(run.folder, seeds, config)
        run.finish(result)
    return result


def _looked_up(run: Run, config: TenasConfig) -> dict:
    """A finished run's result, with accuracies of the config's table."""
    if config.table and run.result.get("table") != config.table:
        archs = [search["arch"] for search in run.result["searches"]]
        table = AccuracyTable.find(config.table, data_root())
        run.finish(run.result | {"table": config.table, "accuracy": table.look_up(archs)})
    return run.result


def _ignore(_record: dict) -> None:
    """Other processes than the first log nothing."""


def _result(
    config: TenasConfig,
    seeds: list[dict],
    table: AccuracyTable | None,
    processes: int,
    seconds: float,
) -> dict:
    result = {
        "space": config.space,
        "filter": config.filter,
        "rank_by": config.rank_by,
        "dataset": config.indicators.dataset,
        "processes": processes,
        "seconds_of_this_process": seconds,  # since its start or its last resume
        "seconds_per_search": mean_std([s["ntk_seconds"] + s["regions_seconds"] for s in seeds]),
        "searches": seeds,
    }
    if table is not None:
        result["table"] = config.table
        result["accuracy"] = table.look_up([s["arch"] for s in seeds])
    return result


def _write_genotypes(folder: Path, seeds: list[dict], config: TenasConfig) -> None:
    """A file per DARTS genotype, and the command that trains it."""
    data = "imagenet" if config.indicators.stem == "imagenet" else "cifar10"
    for entry in seeds:
        if "genotype" in entry:
            file = folder / f"genotype_seed{entry['seed']}.json"
            file.write_text(json.dumps(entry["genotype"], indent=1) + "\n")
            words = ("python", "-m", "retrain", "--config", f"configs/retrain/darts_{data}.yaml")
            entry["train_with"] = shlex.join([*words, "--genotype", str(file)])


def print_result(result: dict) -> None:
    """Prints the result; lines of at most 79 characters, but for architectures and commands."""
    print(f"\n{result['space']}, filter: {result['filter']}")
    for dataset, row in result.get("accuracy", {}).items():
        print(f"{dataset:<16} {row['mean']:6.2f} ({row['std']:.2f}) %, n = {row['n']}")
    for entry in result["searches"]:
        shapes = ", ".join(_shape(entry, cell) for cell in range(len(entry["shapes"])))
        print(
            f"seed {entry['seed']}: {entry['evaluations']} evaluations, {entry['exempt']} exempt; "
            f"NTK {entry['ntk_seconds']:.1f} s, regions {entry['regions_seconds']:.1f} s"
        )
        print(f"  {entry.get('arch') or json.dumps(entry['genotype'])}")
        print(f"  effective (depth, width): {shapes}")
        _print_warnings(entry)
        if "train_with" in entry:
            print(f"  train it: {entry['train_with']}")


def _shape(entry: dict, cell: int) -> str:
    depth, width = entry["shapes"][cell]
    return f"({depth:.2f}, {width:.2f}) {'in' if entry['in_box'][cell] else 'outside'} WOT's box"


def _print_warnings(entry: dict) -> None:
    if entry["kappa_without_value"]:
        print(
            f"  {entry['kappa_without_value']} of {entry['kappa_measured']} kernels were singular "
            f"and have no kappa"
        )
    if entry["regions_saturated"]:
        print(
            f"  {entry['regions_saturated']} of {entry['regions_measured']} counts of regions were "
            f"saturated: every input its own region"
        )


if __name__ == "__main__":
    main()
