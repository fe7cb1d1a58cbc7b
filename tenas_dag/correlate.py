"""kappa and R of single architectures of NAS-Bench-201 beside their accuracy.

python -m tenas_dag.correlate --config configs/tenas/correlate.yaml
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from common.config import free, identity, require, run_entry
from common.data import data_root, load_dataset
from common.devices import choose_device, describe
from common.files import or_null, read_metrics
from common.memory import keep_freed_memory
from common.progress import progress
from common.ranges import Positive, check
from common.runs import Run, RunSettings
from common.stopping import stop_on_signals
from spaces import Cell, SpaceError, all_cells
from spaces.benchmark import NUM_ARCHITECTURES, AccuracyTable
from tenas_dag.candidates import Candidates
from tenas_dag.config import IndicatorSettings
from tenas_dag.indicators import Indicators, Setting

PROG = "python -m tenas_dag.correlate"
KIND = "tenas_correlation"
SHOWN = (("kappa", "kappa"), ("regions", "R"))


@dataclass(frozen=True)
class CorrelateConfig:
    """Which architectures are measured, and how.

    Args:
        architectures: how many cells, drawn at random without replacement.
        seed: of the draw, of weights and of inputs.
        repetitions: weights and batches over which an architecture's indicators are averaged.
        indicators: how kappa and R are measured.
        table: accuracies of nas-bench-201, looked up after the measurements: the table that
            ships with the code (nasbench201), or a CSV file.
        run: where results go, runs/tenas_correlation/<name>/.
    """

    architectures: int = 100
    seed: int = 0
    repetitions: Positive = 1
    indicators: IndicatorSettings = field(default_factory=IndicatorSettings)
    table: str = free("nasbench201")
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        ok = 3 <= self.architectures <= NUM_ARCHITECTURES
        require(ok, "architectures", self.architectures, f"3 .. {NUM_ARCHITECTURES}")
        require(bool(self.table), "table", self.table, "the path of an accuracy table")


def draw_cells(number: int, seed: int) -> list[Cell]:
    """Different cells of NAS-Bench-201."""
    cells = list(all_cells())
    chosen = np.random.default_rng(seed).choice(len(cells), number, replace=False)
    return [cells[i] for i in chosen]


def _check_known(config: CorrelateConfig, table: AccuracyTable) -> None:
    """Raises a SpaceError unless three cells of the draw have an accuracy on each data set."""
    archs = [str(cell) for cell in draw_cells(config.architectures, config.seed)]
    for dataset, column in table.test_columns().items():
        known = int(np.isfinite(table.values(column, archs)).sum())
        if known < 3:
            raise SpaceError(
                f"table {config.table}: found accuracies on {dataset} of {known} of the "
                f"{len(archs)} cells that are drawn, expected 3 or more"
            )


def measure_cell(indicators: Indicators, cell: Cell, config: CorrelateConfig) -> dict:
    """Indicators of one cell; kappa is null if a repetition has none."""
    left = (Candidates.of_cell(cell),)
    values = [
        indicators.measure(left, Setting(config.seed, 0, repetition))
        for repetition in range(config.repetitions)
    ]
    return {
        "arch": str(cell),
        "kappa": or_null(np.mean([v.kappa for v in values])),
        "regions": float(np.mean([v.regions for v in values])),
    }


def correlations(records: list[dict], table: AccuracyTable) -> dict[str, dict]:
    """Kendall's tau of kappa and of R with test accuracy, over the architectures that have both.

    Beside it stand its p-value, n, and the number of architectures whose indicator is undefined.
    """
    kappa, regions = (np.array([r[k] for r in records], float) for k in ("kappa", "regions"))
    found = {}
    archs = [record["arch"] for record in records]
    for dataset, column in table.test_columns().items():
        accuracy = table.values(column, archs)
        found[dataset] = {
            "kappa": _tau(kappa, accuracy),
            "regions": _tau(regions, accuracy),
            "accuracy": [or_null(a) for a in accuracy.tolist()],
        }
    return found


def _tau(values: np.ndarray, accuracy: np.ndarray) -> dict:
    known = np.isfinite(values) & np.isfinite(accuracy)
    test = stats.kendalltau(values[known], accuracy[known])
    return {
        "tau": or_null(test.statistic),
        "p": or_null(test.pvalue),
        "n": int(known.sum()),
        "undefined": int((~np.isfinite(values)).sum()),
    }


def run_correlate(config: CorrelateConfig) -> dict:
    """Measures, or goes on with, the config's architectures."""
    table = AccuracyTable.find(config.table, data_root())
    _check_known(config, table)
    device = choose_device(config.indicators.device)
    data = load_dataset(config.indicators.dataset, device)
    with Run(config.run, KIND, identity(config), describe(device), data.header) as run:
        if not run.finished:
            records = _measure(
                config, run, Indicators("nas-bench-201", config.indicators, data, device)
            )
            result = {
                "architectures": len(records),
                "without_kappa": sum(r["kappa"] is None for r in records),
                "saturated": sum(r["regions"] == config.indicators.region_inputs for r in records),
                "records": records,
            }
            network = {"space": "nas-bench-201", "channels": config.indicators.channels}
            run.finish(result, "TE-NAS", network=network, n=len(records))
        records = run.result["records"]
        table.add_to(run, lambda: {"correlations": correlations(records, table)})
        return run.result


def _measure(config: CorrelateConfig, run: Run, indicators: Indicators) -> list[dict]:
    """Records of all cells, those of an earlier start first."""
    done = {record["arch"] for record in read_metrics(run.folder)}
    bar = progress(config.architectures, len(done), "architectures")
    with stop_on_signals() as request, bar:
        for cell in draw_cells(config.architectures, config.seed):
            if str(cell) not in done:
                run.log(measure_cell(indicators, cell, config))
                bar.update()
            if request:
                request.exit("all architectures measured so far are recorded")
    return read_metrics(run.folder)


def main() -> None:
    """Prints Kendall's tau per dataset."""
    keep_freed_memory()
    about = "kappa and R against accuracy on NAS-Bench-201 (Kendall's tau)."
    run_entry(PROG, CorrelateConfig, KIND, run_correlate, print_result, SpaceError, about=about)


def print_result(result: dict) -> None:
    """Prints Kendall's tau of both indicators on each data set."""
    print(f"\n{result['architectures']} architectures, {result['without_kappa']} without kappa")
    for dataset, row in result["correlations"].items():
        print(f"{dataset:<16} tau: {', '.join(_shown(row[key], name) for key, name in SHOWN)}")


def _shown(found: dict, name: str) -> str:
    tau = "none" if found["tau"] is None else f"{found['tau']:+.2f}"
    return f"{name} {tau} (n = {found['n']})"


if __name__ == "__main__":
    main()
