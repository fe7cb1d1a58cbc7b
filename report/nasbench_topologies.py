"""Do kernels of a cell's DAG predict its accuracy? NAS-Bench-201, by topology.

python -m report.nasbench_topologies --table nasbench201.csv.gz --images cifar10.npz

Cells whose DAGs are equal form a topology; its accuracy is their mean. Multiple correlations R
with effective depth and width (paper, Fig. 5) stand beside R with features of the DAG's kernels on
real images, cross-validated. Topologies with the same kernel are never on both sides of a split,
and the bootstrap draws them together: the kernels, not the cells, are the independent samples.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from common.runs import environment, write_json
from common.statistics import gain_interval, kendall_tau, out_of_fold, regressions
from dag import (
    Dag,
    depth_histogram,
    effective_depth_width,
    eq12_bound,
    kernel_features,
    nngp,
)
from report.cells import NASBENCH201, read_topologies
from report.draw_topologies import draw_prediction
from report.style import save_figure

ACCURACIES = ("cifar10/test@200", "cifar100/test@200", "ImageNet16-120/test@200")
BASE, FULL = "depth, width", "depth, width, kernel"


def main(args: list[str] | None = None) -> None:
    """Writes nasbench201.json and nasbench201.png/.pdf into the folder --out."""
    options = _parser().parse_args(args)
    try:
        accuracies = read_topologies(options.table, options.accuracy, NASBENCH201)
        images = read_images(options.images, options.n)
    except (ValueError, OSError) as error:
        sys.exit(f"python -m report.nasbench_topologies: {error}")
    dags = [dag for dag in accuracies if dag.has_path]
    y = np.array([accuracies[dag] for dag in dags])
    features = topology_features(dags, images)
    record = {
        "environment": environment("cpu"),
        "images": f"first {options.n} training images, standardized per channel",
        "topologies": len(accuracies),
        "bootstrap_samples": options.bootstrap,
        "results": {
            name: analyse(features, y[:, i], options.bootstrap)
            for i, name in enumerate(options.accuracy)
        },
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "nasbench201.json", record)
    save_figure(_draw(features, y[:, 0], options.accuracy[0]), options.out / "nasbench201")
    print_record(record)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m report.nasbench_topologies")
    parser.add_argument("--table", type=Path, required=True, help="CSV, may be .gz, with arch")
    parser.add_argument("--images", type=Path, required=True, help=".npz with x_train [n, ...]")
    parser.add_argument("--out", type=Path, default=Path("results/topologies"))
    parser.add_argument("--n", type=int, default=128, help="images in a kernel")
    parser.add_argument("--accuracy", nargs="+", default=ACCURACIES, help="columns of the table")
    parser.add_argument("--bootstrap", type=int, default=1000, help="bootstrap samples")
    return parser


def read_images(path: Path, n: int) -> np.ndarray:
    """The first n training images [n, ...] of an .npz, zero mean and unit variance per channel."""
    with np.load(path) as data:
        images = data["x_train"]
    if not 2 <= n <= len(images):
        raise ValueError(f"--n: found {n}, expected 2 .. {len(images)} images of {path}")
    images = images[:n] / 255.0
    axes = tuple(range(images.ndim - 1))
    return (images - images.mean(axes)) / images.std(axes)


def topology_features(dags: Sequence[Dag], images: np.ndarray) -> dict[str, np.ndarray]:
    """Predictors [topologies] of each DAG by name, and "kernel id", equal for equal kernels."""
    shape = np.array([effective_depth_width(dag) for dag in dags])
    table = {"depth": shape[:, 0], "width": shape[:, 1]}
    table["paths"] = np.array([sum(depth_histogram(dag).values()) for dag in dags], float)
    for name, form, tangent in (
        ("NNGP", "exact", False),
        ("NTK", "exact", True),
        ("paper form", "paper", False),
    ):
        features = kernel_features(dags, images, form, tangent)
        if name == "NNGP":
            known = {f: i for i, f in enumerate(dict.fromkeys(features))}
            table["kernel id"] = np.array([known[f] for f in features])
        for key in features[0]._fields:
            table[f"{name} {key.replace('_', ' ')}"] = np.array([getattr(f, key) for f in features])
    K0 = nngp(Dag.parse("1"), images, "paper")
    table["Eq. 12 bound"] = np.array([eq12_bound(dag, K0) for dag in dags])
    return table


def analyse(table: Mapping[str, np.ndarray], y: np.ndarray, samples: int) -> dict:
    """R's, gain and Kendall's taus over topologies with a path, and over those with depth > 0."""
    subsets = {"with a path": np.full(len(y), True), "with depth > 0": table["depth"] > 0}
    results = {}
    for name, rows in subsets.items():
        chosen = {key: values[rows] for key, values in table.items()}
        groups = chosen.pop("kernel id")
        sets = predictor_sets(chosen)
        fits = regressions(sets, y[rows], groups, samples)
        results[name] = {
            "topologies": int(rows.sum()),
            "different_kernels": len(np.unique(groups)),
            "regressions": {key: fit._asdict() for key, fit in fits.items()},
            "gain_over_depth_width_interval": gain_interval(
                sets[BASE], sets[FULL], y[rows], groups, samples
            ),
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


def _draw(table: Mapping[str, np.ndarray], y: np.ndarray, name: str) -> Figure:
    """The figure, over topologies with depth > 0: the others would fill the axes with failures."""
    rows = table["depth"] > 0
    table, y = {key: values[rows] for key, values in table.items()}, y[rows]
    sets = predictor_sets(table)
    predicted = {key: out_of_fold(sets[key], y, table["kernel id"]) for key in (BASE, FULL)}
    return draw_prediction(table["depth"], table["width"], y, predicted, name)


def print_record(record: Mapping) -> None:
    """Prints the multiple correlations as lines of a table."""
    for accuracy, subsets in record["results"].items():
        for subset, result in subsets.items():
            kernels = f"{result['different_kernels']} kernels"
            print(f"{accuracy}: {result['topologies']} topologies {subset}, {kernels}")
            for name, fit in result["regressions"].items():
                low, high = fit["r_interval"]
                cv = fit["cross_validated_r"]
                print(f"  {name:32s} R {fit['r']:.3f} [{low:.3f}, {high:.3f}]  held out {cv:.3f}")
            low, high = result["gain_over_depth_width_interval"]
            print(f"  gain of '{FULL}' over '{BASE}': [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
