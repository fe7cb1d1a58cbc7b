"""Entry: python -m tenas_dag --config configs/tenas/digits.yaml."""

import json
import shlex
from pathlib import Path

from common.config import identity, run_entry
from common.data import data_root, load_dataset
from common.dataset import Dataset
from common.devices import choose_device, describe
from common.files import read_metrics
from common.memory import keep_freed_memory
from common.runs import Run
from common.statistics import mean_std
from common.stopping import stop_on_signals
from common.workers import Workers
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from tenas_dag.config import TenasConfig
from tenas_dag.filters import FILTERS
from tenas_dag.indicators import Indicators
from tenas_dag.results import accuracies_of, summarize_seed
from tenas_dag.search import Searcher

PROG = "python -m tenas_dag"


def main() -> None:
    """Searches as the config says and prints what was found."""
    keep_freed_memory()
    about = "TE-NAS' pruning, with or without the exempt rule."
    how = run_search, print_result, SpaceError
    run_entry(PROG, TenasConfig, "tenas", *how, about=about, workers=Workers)


def run_search(config: TenasConfig, workers: Workers) -> dict:
    """Searches from where an earlier run stopped; {} but for the first of `workers`."""
    device = choose_device(config.indicators.device)
    data = workers.together(lambda: load_dataset(config.indicators.dataset, device))
    table = workers.together(
        lambda: AccuracyTable.find_for(config.space, config.table, data_root())
    )
    workers.agree(identity(config) | {"data": data.header})
    how = config.run, "tenas", identity(config), describe(device), data.header
    with workers.open_run(*how) as run:
        if not workers.from_first(run is not None and run.finished):
            _search(config, workers, run, data, device)
        if run and table:
            table.add_to(run, lambda: accuracies_of(run.result["searches"], table))
        return run.result if run else {}


def _search(
    config: TenasConfig, workers: Workers, run: Run | None, data: Dataset, device: object
) -> None:
    indicators = Indicators(config.space, config.indicators, data, device)
    known = workers.from_first(read_metrics(run.folder) if run else None)
    log, seeds = run.log if run else _ignore, []
    with stop_on_signals() as request:
        searcher = Searcher(config, indicators, known, log, workers, request)
        with searcher.progress:
            for seed in config.seeds:
                left, history = searcher.search(seed)
                records = list(searcher.records.values())
                seeds.append(summarize_seed(config, seed, left, history, records))
    if run:
        _write_genotypes(run.folder, seeds, config)
        _finish(run, config, seeds, workers.size)


def _finish(run: Run, config: TenasConfig, seeds: list[dict], processes: int) -> None:
    result = {
        "space": config.space,
        "rank_by": config.rank_by,
        "procedure": config.indicators.procedure,
        "processes": processes,
        "seconds_per_search": mean_std([s["ntk_seconds"] + s["regions_seconds"] for s in seeds]),
        "searches": seeds,
    }
    method = FILTERS[config.filter].method
    network = {"space": config.space, "channels": config.indicators.channels}
    run.finish(result, method, config.filter, network=network, n=len(seeds))


def _ignore(_record: dict) -> None:
    """Other processes than the first log nothing."""


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
        if row["mean"] is not None:
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
