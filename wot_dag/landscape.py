"""Entry: python -m wot_dag.landscape --table T | --nds FILE ... --out FILE: data of Fig. 5.

Writes one row per architecture: effective depth and width and its accuracies in %, as CSV.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.config import ConfigError
from common.data import data_root
from common.runs import write_atomically
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from spaces.genotype_lists import read_genotypes
from spaces.shapes import genotype_shapes
from wot_dag.config import WotConfig
from wot_dag.space import Space, make_space

PROG = "python -m wot_dag.landscape"
Columns = dict[str, np.ndarray]


def landscape(config: WotConfig, space: Space) -> tuple[Columns, Columns]:
    """Of a config's space: arch, effective_depth, effective_width; and accuracies per dataset.

    The shape of a genotype is that of its normal cell.

    Raises:
        ConfigError, SpaceError: no table, or a list of genotypes that cannot be read.
    """
    if config.space == "darts":
        return genotypes_landscape([Path(config.genotypes)])
    table = AccuracyTable.find(config.table, data_root())
    archs = list(table.architectures)
    shapes = space.shapes(archs)
    columns = {
        "arch": np.array(archs),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
    }
    return columns, {name: table.columns[c] for name, c in table.test_columns().items()}


def genotypes_landscape(files: Sequence[Path]) -> tuple[Columns, Columns]:
    """The same of lists of genotypes together; accuracies of NDS files are those of CIFAR-10."""
    rated = [entry for file in files for entry in read_genotypes(file)]
    shapes = genotype_shapes([entry.genotype for entry in rated])
    dataset = "accuracy" if any(file.suffix == ".csv" for file in files) else "cifar10"
    columns = {
        "arch": np.array([entry.genotype.to_json() for entry in rated]),
        "effective_depth": shapes.depth[:, 0],
        "effective_width": shapes.width[:, 0],
    }
    return columns, {dataset: np.array([entry.accuracy for entry in rated])}


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the file that the command line asks for."""
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--table", help="accuracy table, here or in $DATA_ROOT")
    source.add_argument("--nds", nargs="+", type=Path, metavar="FILE", help="NDS or CSV files")
    parser.add_argument("--out", type=Path, required=True, help="CSV, may be .gz")
    options = parser.parse_args(arguments)
    try:
        if options.nds:
            columns, accuracies = genotypes_landscape(options.nds)
        else:
            config = WotConfig(table=options.table)
            columns, accuracies = landscape(config, make_space(config))
    except (ConfigError, SpaceError, OSError) as error:
        sys.exit(f"{PROG}: {error}")
    del columns["arch"]
    write_columns(options.out, {**columns, **accuracies})
    print(options.out)


if __name__ == "__main__":
    main()
