"""Entry: python -m wot_dag.topologies: do kernels of a cell's DAG predict its accuracy?

Cells of NAS-Bench-201 whose DAGs are equal form a topology; its accuracy is their mean. Multiple
correlations R with effective depth and width (paper, Fig. 5) stand beside R with features of the
DAG's kernels on real images, cross-validated. Topologies with the same kernel are never on both
sides of a split, and the bootstrap draws them together: the kernels, not the cells, are the
independent samples.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common.config import free, identity, require, run_entry
from common.data import data_root, load_dataset, require_dataset
from common.dataset import Dataset
from common.files import write_columns
from common.ranges import Positive, check
from common.runs import Run, RunSettings
from common.statistics import equal_rows, gain_interval, kendall_tau, out_of_fold, regressions
from dag import Dag, depth_histogram, effective_depth_width, eq12_bound, kernel_features, nngp
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import Cell

PROG = "python -m wot_dag.topologies"
KIND = "nasbench201_topologies"
_FEWEST = 20  # topologies, for regressions on up to seven predictors
BASE, FULL = "depth, width", "depth, width, kernel"
_FORMS = (("NNGP", "exact", False), ("NTK", "exact", True), ("paper form", "paper", False))


@dataclass(frozen=True)
class CellTopologiesConfig:
    """What is correlated.

    Args:
        table: accuracies of nas-bench-201: nasbench201 (ships with the code), or a CSV file.
        dataset: one that `python -m common.prepare` lists, or PATH.npz: the images whose kernels
            are computed.
        kernel_samples: training images in a kernel.
        bootstrap: samples behind each confidence interval.
        run: where results go, runs/nasbench201_topologies/<name>/.
    """

    table: str = free("nasbench201")  # its digest counts
    dataset: str = "digits"
    kernel_samples: int = 128
    bootstrap: Positive = 1000
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        require_dataset("dataset", self.dataset)
        found = self.kernel_samples
        require(found >= 2, "kernel_samples", found, "at least 2")


def correlate(config: CellTopologiesConfig) -> dict:
    """The result, which the run's folder keeps beside topologies.csv, a row per topology.

    Raises:
        DataError, RunError, ConfigError, SpaceError: before any work.
    """
    benchmark = AccuracyTable.find(config.table, data_root())
    data = load_dataset(config.dataset)
    images = kernel_images(config, data)
    dags, cells, accuracies = topologies(benchmark)
    _check_topologies(config, dags)
    settings = identity(config) | {"table": benchmark.header}
    with Run(config.run, KIND, settings, "cpu", data.header) as run:
        if run.finished:
            return run.result
        table = topology_features(dags, images)
        result = {
            "table": benchmark.header,
            "kernel_samples": config.kernel_samples,
            "bootstrap_samples": config.bootstrap,
            "topologies": len(dags),
            "results": {
                name: over_subsets(table, y, config.bootstrap) for name, y in accuracies.items()
            },
        }
        first = next(iter(accuracies.values()))
        columns = {"code": [dag.code for dag in dags], "cells": cells, **table, **accuracies}
        columns |= held_out(table, first)
        write_columns(run.folder / "topologies.csv", columns)
        return run.finish(result, network={"space": "nas-bench-201"}, n=len(dags))


def _check_topologies(config: CellTopologiesConfig, dags: Sequence[Dag]) -> None:
    """Raises a SpaceError unless there are enough to be held out in turn."""
    deep = sum(effective_depth_width(dag).depth > 0 for dag in dags)
    if deep < _FEWEST:
        raise SpaceError(
            f"table {config.table}: found {deep} topologies of depth above 0 with an accuracy on "
            f"each data set, expected {_FEWEST} or more"
        )


def topologies(table: AccuracyTable) -> tuple[list[Dag], np.ndarray, dict[str, np.ndarray]]:
    """The DAGs with a path, number of cells of each, and mean test accuracies per data set.

    Cells without an accuracy on one of them are left out.
    """
    rows: dict[Dag, list[int]] = defaultdict(list)
    tests = np.array([table.columns[column] for column in table.test_columns().values()])
    for row in np.flatnonzero(~np.isnan(tests).any(axis=0)).tolist():
        rows[Cell.parse(table.architectures[row]).to_dag()].append(row)
    dags = sorted((dag for dag in rows if dag.has_path), key=lambda dag: dag.code)
    means = {
        name: np.array([table.columns[column][rows[dag]].mean() for dag in dags])
        for name, column in table.test_columns().items()
    }
    return dags, np.array([len(rows[dag]) for dag in dags]), means


def kernel_images(config: CellTopologiesConfig, data: Dataset) -> np.ndarray:
    """The first training images [n, d], normalized by the mean and deviation of all of them."""
    n, most = config.kernel_samples, len(data.train)
    require(n <= most, "kernel_samples", n, f"at most {most}, the training images")
    return data.normalize(data.train.images[:n]).flatten(1).double().numpy()


def topology_features(dags: Sequence[Dag], images: np.ndarray) -> dict[str, np.ndarray]:
    """Predictors [topologies] of each DAG by name, and "kernel id", equal for equal kernels."""
    shape = np.array([effective_depth_width(dag) for dag in dags])
    table = {"depth": shape[:, 0], "width": shape[:, 1]}
    table["paths"] = np.array([sum(depth_histogram(dag).values()) for dag in dags], float)
    for name, form, tangent in _FORMS:
        features = kernel_features(dags, images, form, tangent)
        for key in features[0]._fields:
            table[f"{name} {key.replace('_', ' ')}"] = np.array([getattr(f, key) for f in features])
    K0 = nngp(Dag.parse("1"), images, "paper")
    table["Eq. 12 bound"] = np.array([eq12_bound(dag, K0) for dag in dags])
    keys = ("NNGP smallest eigenvalue", "NNGP mean correlation")
    return table | {"kernel id": equal_rows(*(table[key] for key in keys))}


def over_subsets(table: Mapping[str, np.ndarray], y: np.ndarray, samples: int) -> dict:
    """R's, gain and Kendall's taus over topologies with a path, and over those with depth > 0."""
    subsets = {"with a path": np.full(len(y), True), "with depth > 0": table["depth"] > 0}
    results = {}
    for name, rows in subsets.items():
        chosen = {key: values[rows] for key, values in table.items()}
        groups = chosen.pop("kernel id")
        sets = predictor_sets(chosen)
        gain = gain_interval(sets[BASE], sets[FULL], y[rows], groups, samples)
        results[name] = {
            "topologies": int(rows.sum()),
            "different_kernels": len(np.unique(groups)),
            "regressions": regressions(sets, y[rows], groups, samples),
            "gain_over_depth_width_interval": gain,
            "kendall_tau": {key: kendall_tau(v, y[rows]) for key, v in chosen.items()},
        }
    return results


def predictor_sets(table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The sets of predictors that are compared, each [topologies, p]."""
    shape = np.column_stack([table["depth"], table["width"]])
    products = np.column_stack([shape, shape**2, shape.prod(axis=1)])

    def kernel(name: str) -> np.ndarray:
        keys = ("smallest normalized eigenvalue", "mean correlation")
        return np.column_stack([table[f"{name} {key}"] for key in keys])

    return {
        BASE: shape,
        "depth, width, squares, product": products,
        "kernel": kernel("NNGP"),
        FULL: np.hstack([shape, kernel("NNGP")]),
        "depth, width, NTK": np.hstack([shape, kernel("NTK")]),
        "depth, width, paper-form kernel": np.hstack([shape, kernel("paper form")]),
        "squares, product, kernel": np.hstack([products, kernel("NNGP")]),
    }


def held_out(table: Mapping[str, np.ndarray], y: np.ndarray) -> dict[str, np.ndarray]:
    """Out-of-fold predictions of y over topologies with depth > 0, nan for the others.

    Those without depth would fill a figure with failures.
    """
    rows = table["depth"] > 0
    sets = predictor_sets({key: values[rows] for key, values in table.items()})
    predictions = {}
    for name in (BASE, FULL):
        predictions[f"predicted by {name}"] = np.full(len(y), np.nan)
        found = out_of_fold(sets[name], y[rows], table["kernel id"][rows])
        predictions[f"predicted by {name}"][rows] = found
    return predictions


def main() -> None:
    """Prints the multiple correlations as lines of a table."""
    about = "What predicts the accuracy of topologies."
    run_entry(PROG, CellTopologiesConfig, KIND, correlate, print_result, SpaceError, about=about)


def print_result(result: Mapping) -> None:
    """Prints R's of each accuracy, over topologies with a path and over those with depth > 0."""
    for accuracy, subsets in result["results"].items():
        for subset, found in subsets.items():
            kernels = f"{found['different_kernels']} kernels"
            print(f"{accuracy}: {found['topologies']} topologies {subset}, {kernels}")
            for name, fit in found["regressions"].items():
                low, high = fit["r_interval"]
                cv = fit["cross_validated_r"]
                print(f"  {name:32s} R {fit['r']:.3f} [{low:.3f}, {high:.3f}]  held out {cv:.3f}")
            low, high = found["gain_over_depth_width_interval"]
            print(f"  gain of '{FULL}' over '{BASE}': [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
