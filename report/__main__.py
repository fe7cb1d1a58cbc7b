"""Entry: python -m report WHAT ...; see --help."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dag import Dag
from report.convergence import convergence_table, draw_convergence
from report.draw import draw_dags
from report.style import save_figure

FIGURE_3 = ("DAG#1=2_02_002", "DAG#2=1_01_222", "DAG#3=2_21_112")


def main(args: list[str] | None = None) -> None:
    """Draws what the command line asks for and says where it lies."""
    options = _parser().parse_args(args)
    try:
        files = options.run(options)
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"python -m report: {error}")
    for file in files:
        print(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m report", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    dags = commands.add_parser("dags", help="draw DAGs given as NAME=CODE or CODE")
    dags.add_argument("codes", nargs="*", default=FIGURE_3, metavar="NAME=CODE")
    dags.add_argument("--out", type=Path, default=Path("runs/report/dags"), help="path, no suffix")
    dags.set_defaults(run=_draw_dags)
    convergence = commands.add_parser("convergence", help="curves and table of an MLP run")
    convergence.add_argument("folder", type=Path, help="a run, such as runs/mlp/digits")
    convergence.set_defaults(run=_draw_convergence)
    return parser


def _draw_dags(options: argparse.Namespace) -> list[Path]:
    pairs = [code.rpartition("=") for code in options.codes]
    dags = {name or code: Dag.parse(code) for name, _, code in pairs}
    return save_figure(draw_dags(dags), options.out)


def _draw_convergence(options: argparse.Namespace) -> list[Path]:
    if not (options.folder / "result.json").is_file():
        raise FileNotFoundError(f"{options.folder} holds no finished run (no result.json)")
    table = options.folder / "convergence.md"
    table.write_text(convergence_table(options.folder))
    return [*save_figure(draw_convergence(options.folder), options.folder / "convergence"), table]


if __name__ == "__main__":
    main()
