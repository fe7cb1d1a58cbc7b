"""Entry: python -m report WHAT ...; see --help."""

import argparse
import shutil
import sys
from pathlib import Path

from dag import Dag
from report import page, results, summary
from report.draw import draw_dags
from report.records import UNREADABLE, read_record
from report.sections import read_published
from report.style import save_figure

_LARGEST = 2 * 2**20  # bytes of a record in a repository


def main(args: list[str] | None = None) -> None:
    """Draws what the command line asks for and says where it lies."""
    options = _parser().parse_args(args)
    try:
        files = options.run(options)
    except (ValueError, OSError) as error:
        sys.exit(f"python -m report: {error}")
    for file in files:
        print(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m report", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    dags = commands.add_parser("dags", help="draw DAGs given as NAME=CODE or CODE")
    dags.add_argument("codes", nargs="*", metavar="NAME=CODE", help="those of Fig. 3 by default")
    dags.add_argument("--out", type=Path, default=Path("runs/report/dags"), help="path, no suffix")
    dags.set_defaults(run=_draw_dags)
    keep = commands.add_parser("keep", help="copy a run's records, without weights, into results/")
    keep.add_argument("folder", type=Path, help="a finished run, such as runs/mlp/fig4_mnist")
    keep.add_argument("into", type=Path, help="such as results/fig4_mnist")
    keep.set_defaults(run=_keep)
    results.add_commands(commands)
    page.add_commands(commands)
    summary.add_commands(commands)
    return parser


def _draw_dags(options: argparse.Namespace) -> list[Path]:
    codes = [f"{name}={code}" for name, code in read_published()["fig3"].items()]
    pairs = [code.rpartition("=") for code in options.codes or codes]
    names = [name or code for name, _, code in pairs]
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        raise ValueError(f"found {doubled[0]!r} twice, expected a name of its own for each DAG")
    dags = {name: Dag.parse(code) for name, (_, _, code) in zip(names, pairs)}
    return save_figure(draw_dags(dags), options.out)


def _keep(options: argparse.Namespace) -> list[Path]:
    """Copies records: no weights, no locks, no pictures.

    Raises:
        ValueError: it is no finished run, or a record is larger than a repository should hold.
    """
    try:
        read_record(options.folder.parent, options.folder)
    except UNREADABLE as error:
        raise ValueError(f"{options.folder} holds no finished run ({error})") from error
    kept = (".json", ".jsonl", ".yaml", ".csv", ".gz")
    files = [f for f in sorted(options.folder.iterdir()) if f.suffix in kept and f.is_file()]
    large = [f"{f} of {f.stat().st_size / 2**20:.1f}" for f in files if f.stat().st_size > _LARGEST]
    if large:
        raise ValueError(f"found {large[0]} MiB, expected records of {_LARGEST >> 20} MiB at most")
    options.into.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(file, options.into / file.name)) for file in files]


if __name__ == "__main__":
    main()
