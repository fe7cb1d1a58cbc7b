"""Entry: python -m wot_dag.landscape --table T | --nds FILE ...: accuracy by depth and width.

What Fig. 5 shows: R, the multiple correlation of accuracy with effective depth and width, over
architectures and over circles; a circle is all architectures of one depth and width.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.data import data_root
from common.errors import run_main
from common.runs import Run, RunSettings
from common.statistics import bootstrap_interval, multiple_correlation
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from spaces.depth_width import genotype_shapes
from spaces.genotype_lists import read_genotypes
from wot_dag.config import WotConfig
from wot_dag.header import list_header
from wot_dag.space import Space, make_space

PROG = "python -m wot_dag.landscape"
KIND = "landscape"
_FILES = "NDS files, or CSV files of genotypes and accuracies"
Columns = dict[str, np.ndarray]


def landscape(config: WotConfig, space: Space) -> tuple[Columns, Columns, dict]:
    """Of a config's space: arch, effective_depth, effective_width; and accuracies per dataset.

    The shape of a genotype is that of its normal cell; columns of the reduction cell stand beside
    it. Third are name and digest of the table, or of the list of genotypes.

    Raises:
        ConfigError, SpaceError: no table, or a list of genotypes that cannot be read.
    """
    if config.space == "darts":
        columns, accuracy, (header,) = genotypes_landscape([config.genotypes])
        return columns, {"accuracy": accuracy}, header
    table = AccuracyTable.find(config.table, data_root())
    archs = list(table.architectures)
    shapes = space.shapes(archs)
    columns = {
        "arch": np.array(archs),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
    }
    accuracies = {name: table.columns[c] for name, c in table.test_columns().items()}
    return columns, accuracies, table.header


def genotypes_landscape(files: Sequence[str]) -> tuple[Columns, np.ndarray, list[dict]]:
    """Columns and accuracies of lists of genotypes together, and name and digest of each list."""
    rated = [entry for file in files for entry in read_genotypes(file)]
    shapes = genotype_shapes([entry.genotype for entry in rated])
    columns = {
        "arch": np.array([entry.genotype.to_json() for entry in rated]),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
        "reduction_depth": shapes.depth[:, 1],
        "reduction_width": shapes.width[:, 1],
    }
    accuracy = np.array([entry.accuracy for entry in rated])
    return columns, accuracy, [list_header(file) for file in files]


def panels(columns: Columns, accuracies: Columns) -> list[dict]:
    """A panel for each data set, and for each cell of genotypes."""
    cells = {"": ("effective_depth", "effective_width")}
    if "reduction_depth" in columns:
        cells = {"normal": cells[""], "reduction": ("reduction_depth", "reduction_width")}
    return [
        {"dataset": name, "cell": cell} | panel(columns[depth], columns[width], accuracy)
        for name, accuracy in accuracies.items()
        for cell, (depth, width) in cells.items()
    ]


def panel(depth: np.ndarray, width: np.ndarray, accuracy: np.ndarray) -> dict:
    """R and the circles of one data set; architectures of depth 0 or no accuracy are left out.

    The intervals of R are those of 1,000 bootstrap samples, of architectures and of circles.

    Args:
        depth: effective depth [n].
        width: effective width [n].
        accuracy: in % [n], nan for none.

    Raises:
        SpaceError: an accuracy is no share of 100, or fewer than three architectures have one.
    """
    known = (depth > 0) & ~np.isnan(accuracy)
    y = accuracy[known]
    if len(y) < 3 or y.min() < 0 or y.max() > 100:
        raise SpaceError(
            f"found {len(y)} accuracies from {min(y, default=0):g} to {max(y, default=0):g}, "
            f"expected at least 3 from 0 to 100"
        )
    points = np.column_stack([depth, width])[known]
    circles = circles_of(points, y)
    where, mean, variance, count = circles[:, :2], *circles[:, 2:].T
    best = int(mean.argmax())
    return {
        "architectures": len(y),
        "circles": len(where),
        "r_architectures": multiple_correlation(points, y),
        "r_architectures_interval": r_interval(points, y),
        "r_circles": multiple_correlation(where, mean),
        "r_circles_interval": r_interval(where, mean),
        "largest_variance": float(variance.max()),
        "best_mean": float(mean[best]),
        "best_depth_width": where[best].tolist(),
        "best_mean_architectures": int(count[best]),
        "circles_at": circles.tolist(),
    }


def circles_of(points: np.ndarray, y: np.ndarray) -> np.ndarray:
    """[circles, 5]: depth, width, and of their y mean, variance and number.

    Points [n, 2] that differ by rounding are one circle.
    """
    where, index = np.unique(points.round(9), axis=0, return_inverse=True)
    index = index.ravel()
    count = np.bincount(index)
    mean = np.bincount(index, y) / count
    variance = np.bincount(index, (y - mean[index]) ** 2) / count
    return np.column_stack([where, mean, variance, count])


def r_interval(points: np.ndarray, y: np.ndarray) -> list[float]:
    """95 % of the R of samples of the rows with replacement.

    Sums of a row's products, each as often as the row was drawn, give a sample's R: one product of
    matrices instead of a fit of thousands of rows.
    """
    n, z = len(y), np.column_stack([points, y])
    spread = z.std(0)
    z = np.column_stack([(z - z.mean(0)) / np.where(spread > 0, spread, 1), np.ones(n)])
    products = np.einsum("ni,nj->nij", z, z).reshape(n, -1)

    def r(rows: np.ndarray) -> float:
        moments = (np.bincount(rows, minlength=n) @ products / n).reshape(2 * [z.shape[1]])
        covariance = moments[:-1, :-1] - np.outer(moments[-1, :-1], moments[-1, :-1])
        fit, variance = covariance[:-1, -1], covariance[-1, -1]
        inverse = np.linalg.pinv(covariance[:-1, :-1], 1e-10, hermitian=True)
        return math.sqrt(max(fit @ inverse @ fit, 0) / variance) if variance > 1e-12 else 0.0

    return list(bootstrap_interval(r, np.arange(n)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Keeps what the command line asks for in a run's folder, and prints R."""
    options = _parser().parse_args(arguments)
    run_main(PROG, lambda: _keep_and_print(options), SpaceError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--table", help="nasbench201 (ships with the code), or a file, here or in $DATA_ROOT"
    )
    source.add_argument("--nds", nargs="+", metavar="FILE", help=_FILES)
    parser.add_argument("--run.name", dest="name", default="", help="the table's, or NDS")
    parser.add_argument("--run.root", dest="root", default="runs", help="folder of all runs")
    return parser


def _keep_and_print(options: argparse.Namespace) -> None:
    name = options.name or ("NDS" if options.nds else Path(options.table).name.split(".")[0])
    settings = RunSettings(name, options.root, fresh=True)
    for found in keep(options, settings)["panels"]:
        what = " ".join([found["dataset"], found["cell"] and f"{found['cell']} cell"]).strip()
        print(
            f"{what}: R {found['r_architectures']:.3f} {_interval(found, 'architectures')} over "
            f"{found['architectures']:,} architectures,\n    {found['r_circles']:.3f} "
            f"{_interval(found, 'circles')} over {found['circles']} circles"
        )
    print(f"\nRecords: {settings.folder(KIND)}/")


def _interval(found: dict, over: str) -> str:
    low, high = found[f"r_{over}_interval"]
    return f"[{low:.3f}, {high:.3f}]"


def keep(options: argparse.Namespace, settings: RunSettings) -> dict:
    """The run's result, made anew each time: half a minute."""
    if options.nds:
        columns, accuracy, lists = genotypes_landscape(options.nds)
        # A list does not say what its accuracies are of: they are called as the lists are.
        accuracies = {" + ".join(dict.fromkeys(found["name"] for found in lists)): accuracy}
        what = {"nds": lists}
    else:
        config = WotConfig(table=options.table)
        columns, accuracies, what = landscape(config, make_space(config))
        what = {"table": what}
    found = panels(columns, accuracies)
    network = {"space": "nds" if options.nds else "nas-bench-201"}
    n = max(panel["architectures"] for panel in found)
    with Run(settings, KIND, what, "cpu") as run:
        return run.finish({**what, "panels": found}, network=network, n=n)


if __name__ == "__main__":
    main()
