"""Entry: python -m spaces.measure WHAT ...: paths, effective depth and width of anything.

Prints a table. Widths and large numbers of paths are powers of two; layers: the fewest and the
most linear operations on a path.
"""

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from dag import DagCodeError
from spaces.errors import SpaceError
from spaces.measure.correlations import correlations
from spaces.measure.subjects import FORMS, Row, subjects

PROG = "python -m spaces.measure"
_NAME = 29  # columns of a name; the table has 80


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what the command line names; status 1 if something could not be measured."""
    options = _parser().parse_args(arguments)
    try:
        measurings = [m for text in options.what for m in subjects(text, options.shape)]
    except (SpaceError, DagCodeError) as error:
        sys.exit(f"{PROG}: {error}")
    rows, failures = [], []
    for measuring in measurings:
        try:
            rows.append(measuring())
        except SpaceError as error:
            failures.append(f"{PROG}: {error}")
    try:
        _write(rows, options)
    except OSError as error:
        sys.exit(f"{PROG}: {error}")
    if failures:
        sys.exit("\n".join(failures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    parser.add_argument("what", nargs="+", metavar="WHAT", help=FORMS)
    example = "of an example input, for models that torch.fx cannot trace"
    parser.add_argument("--shape", type=_shape, metavar="N,C,H,W", help=example)
    parser.add_argument("--json", metavar="FILE", help="write JSON too; - for stdout, and no table")
    parser.add_argument("--csv", metavar="FILE", help="write CSV too; - for stdout, and no table")
    return parser


def _shape(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) if size.isdecimal() else 0 for size in text.split(","))
    if not 0 < math.prod(sizes) <= 10**9:
        expected = "sizes as 1,3,224,224, of 10^9 numbers at most"
        raise argparse.ArgumentTypeError(f"found {text!r}, expected {expected}")
    return sizes


def _write(rows: Sequence[Row], options: argparse.Namespace) -> None:
    texts = {options.json: as_json, options.csv: as_csv}
    for target, form in texts.items():
        if target == "-":
            sys.stdout.write(form(rows))
        elif target:
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            Path(target).write_text(form(rows))
    if "-" not in texts and rows:
        print(as_table(rows))


def as_json(rows: Sequence[Row]) -> str:
    """A record of kind "models": the rows, and how their numbers go with accuracy."""
    record = {
        **{"kind": "models", "method": "", "filter": "", "fraction": None, "dataset": None},
        "network": {"space": "torchvision"} if rows and all(r.family for r in rows) else None,
        "n": len(rows),
        "models": [row.as_dict() for row in rows],
        "spearman_with_top1": correlations(rows),
    }
    return json.dumps(record, indent=1) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """One line per row; what is unknown is empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [f.name for f in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.as_dict() for row in rows)
    return buffer.getvalue()


def as_table(rows: Sequence[Row]) -> str:
    """At most 80 columns; a longer name has a line of its own."""
    head = f"{'':{_NAME}}{'parameters':>11}{'paths':>10}{'depth':>8}{'width':>9}{'layers':>11}"
    lines = [head]
    for row in rows:
        name = row.model
        if len(name) >= _NAME:
            lines += [name[i : i + 80] for i in range(0, len(name), 80)]
            name = ""
        parameters = "" if row.parameters is None else f"{row.parameters / 1e6:,.2f}M"
        width = "0" if row.log2_width is None else f"2^{row.log2_width:.2f}"
        layers = f"{row.shortest} to {row.longest}"
        lines.append(
            f"{name:{_NAME}}{parameters:>11}{_paths(row):>10}{row.depth:>8.2f}{width:>9}{layers:>11}"
        )
    return "\n".join(lines)


def _paths(row: Row) -> str:
    return f"{row.paths:,}" if row.paths < 10**6 else f"2^{row.log2_paths:.2f}"


if __name__ == "__main__":
    main()
