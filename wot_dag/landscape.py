"""Entry: python -m wot_dag.landscape --table T | --nds FILE ...: accuracy by depth and width.

What Fig. 5 shows: R, the multiple correlation of accuracy with effective depth and width, over
architectures and over circles; a circle is all architectures of one depth and width.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from common.config import ConfigError
from common.data import data_root
from common.runs import Run, RunError, RunSettings, write_atomically
from common.statistics import multiple_correlation
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from spaces.nds import read_nds
from spaces.shapes import genotype_shapes
from wot_dag.config import WotConfig
from wot_dag.space import Space, make_space

PROG = "python -m wot_dag.landscape"
Columns = dict[str, np.ndarray]


def landscape(config: WotConfig, space: Space) -> tuple[Columns, Columns]:
    """Of a config's space: arch, effective_depth, effective_width; and accuracies per dataset.

    The shape of a genotype is that of its normal cell.

    Raises:
        ConfigError, SpaceError: no table, or an NDS file that cannot be read.
    """
    if config.space == "darts":
        return nds_landscape([Path(config.genotypes)])
    table = AccuracyTable.find(config.table, data_root())
    archs = list(table.architectures)
    shapes = space.shapes(archs)
    columns = {
        "arch": np.array(archs),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
    }
    return columns, {name: table.columns[c] for name, c in table.test_columns().items()}


def nds_landscape(files: Sequence[Path]) -> tuple[Columns, Columns]:
    """The same of NDS files together; their accuracies are those of CIFAR-10."""
    trained = [entry for file in files for entry in read_nds(file)]
    shapes = genotype_shapes([entry.genotype for entry in trained])
    columns = {
        "arch": np.array([entry.genotype.to_json() for entry in trained]),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
    }
    return columns, {"cifar10": np.array([100 - entry.test_error for entry in trained])}


def write_columns(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes columns as CSV, gzipped if the name ends in .gz."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    formatted = [[_text(value) for value in values.tolist()] for values in columns.values()]
    writer.writerows(zip(*formatted))
    data = buffer.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def _text(value: float | str) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def panel(columns: Columns, accuracy: np.ndarray) -> dict:
    """R and the circles of one data set; architectures of depth 0 or no accuracy are left out.

    Args:
        columns: effective_depth and effective_width [n].
        accuracy: in % [n], nan for none.

    Raises:
        SpaceError: an accuracy is no share of 100, or fewer than three architectures have one.
    """
    known = (columns["effective_depth"] > 0) & ~np.isnan(accuracy)
    y = accuracy[known]
    if len(y) < 3 or y.min() < 0 or y.max() > 100:
        raise SpaceError(
            f"found {len(y)} accuracies from {min(y, default=0):g} to {max(y, default=0):g}, "
            f"expected at least 3 from 0 to 100"
        )
    points = np.column_stack([columns["effective_depth"], columns["effective_width"]])[known]
    where, index = np.unique(points.round(9), axis=0, return_inverse=True)
    index = index.ravel()
    count = np.bincount(index)
    mean = np.bincount(index, y) / count
    variance = np.bincount(index, (y - mean[index]) ** 2) / count
    best = int(mean.argmax())
    return {
        "architectures": len(y),
        "circles": len(where),
        "r_architectures": multiple_correlation(points, y),
        "r_circles": multiple_correlation(where, mean),
        "largest_variance": float(variance.max()),
        "best_mean": float(mean[best]),
        "best_depth_width": where[best].tolist(),
        "best_mean_architectures": int(count[best]),
        # depth, width, mean, variance, architectures
        "circles_at": np.column_stack([where, mean, variance, count]).tolist(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Keeps what the command line asks for in a run's folder, and prints R."""
    options = _parser().parse_args(arguments)
    name = options.name or ("nds" if options.nds else Path(options.table).name.split(".")[0])
    try:
        result = keep(options, RunSettings(name))
    except (ConfigError, RunError, SpaceError, OSError) as error:
        sys.exit(f"{PROG}: {error}")
    for found in result["panels"]:
        print(
            f"{found['dataset']}: R {found['r_architectures']:.3f} over "
            f"{found['architectures']:,} architectures, {found['r_circles']:.3f} over "
            f"{found['circles']} circles"
        )
    print(f"\nRecords: {RunSettings().root}/landscape/{name}/")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--table", help="nasbench201 (ships with the code), or a file, here or in $DATA_ROOT"
    )
    source.add_argument("--nds", nargs="+", type=Path, metavar="FILE", help="NDS files")
    parser.add_argument("--name", help="of the run; the table's, or nds, by default")
    return parser


def keep(options: argparse.Namespace, settings: RunSettings) -> dict:
    """The result, computed anew each time: it takes seconds, and the files may have changed."""
    if options.nds:
        columns, accuracies = nds_landscape(options.nds)
    else:
        config = WotConfig(table=options.table)
        columns, accuracies = landscape(config, make_space(config))
    panels = [{"dataset": name, **panel(columns, y)} for name, y in accuracies.items()]
    what = {"nds": [str(file) for file in options.nds or ()], "table": options.table}
    run = Run(replace(settings, fresh=True), "landscape", what, "cpu")
    try:
        header = {"kind": "landscape", "method": "", "filter": "", "fraction": None}
        space = "nds" if options.nds else "nas-bench-201"
        header |= {"dataset": None, "network": {"space": space}}
        header["n"] = max(found["architectures"] for found in panels)
        run.finish(header | {"panels": panels})
        return run.result
    finally:
        run.close()


if __name__ == "__main__":
    main()
