"""python -m spaces.benchmark convert|show: makes and sums up accuracy tables."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spaces.benchmark.table import EMBEDDED, AccuracyTable
from spaces.errors import SpaceError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spaces.benchmark", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    convert = commands.add_parser(
        "convert", help="make a table of an official NAS-Bench-201 or NATS-Bench archive"
    )
    convert.add_argument(
        "archive",
        type=Path,
        help="NAS-Bench-201-v1_0-e61699.pth, NAS-Bench-201-v1_1-096897.pth, "
        "NATS-tss-v1_0-3ffb9.pickle.pbz2, or the folder NATS-tss-v1_0-3ffb9-simple",
    )
    convert.add_argument("table", type=Path, help="the file to write, .csv or .csv.gz")
    show = commands.add_parser("show", help="print a table's columns, means and maxima")
    show.add_argument("table", nargs="?", default=EMBEDDED, help=f"a file, or {EMBEDDED} (default)")
    return parser


def _show(path: str) -> None:
    table = AccuracyTable.find(path)
    print(f"{path}: {len(table):,} architectures, digest {table.header['digest']}")
    for name, values in table.columns.items():
        known = values[~np.isnan(values)]
        if len(known):
            print(
                f"{name:28} n {len(known):6,}  mean {known.mean():11.2f}  max {known.max():11.2f}"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "show":
            _show(options.table)
        else:
            from spaces.benchmark.archive import convert  # needs the package nats-bench

            options.table.parent.mkdir(parents=True, exist_ok=True)
            table, notes = convert(options.archive, progress=sys.stderr)
            table.write(options.table)
            print("\n".join([*notes, f"wrote {options.table}: {len(table):,} architectures"]))
    except (SpaceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
