"""Entry: python -m report WHAT ...; see --help."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from common.runs import read_json, write_json
from dag import Dag
from report import page, planes, results, tenas
from report.convergence import convergence_table, draw_convergence
from report.draw import draw_dags
from report.models import draw_models
from report.searches import add_commands
from report.style import save_figure
from report.theory import draw_spectra, draw_training, theory_table
from report.topologies import analyse, draw_topologies, read_table, topologies_table

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
    theory = commands.add_parser("theory", help="kernels and predicted training of a run")
    theory.add_argument("folder", type=Path, help="a run, such as runs/theory/digits")
    theory.set_defaults(run=_draw_theory)
    keep = commands.add_parser("keep", help="copy a run's records, without weights, into results/")
    keep.add_argument("folder", type=Path, help="a finished run, such as runs/mlp/fig4_mnist")
    keep.add_argument("into", type=Path, help="such as results/fig4_mnist")
    keep.set_defaults(run=_keep)
    topologies = commands.add_parser("topologies", help="what predicts training, by topology")
    topologies.add_argument("folder", type=Path, help="a run, such as runs/mlp/topologies_digits")
    topologies.set_defaults(run=_draw_topologies)
    models = commands.add_parser("models", help="depth and width of torchvision's classifiers")
    models.add_argument("folder", type=Path, help="a run, such as runs/models/torchvision")
    models.set_defaults(run=_draw_models)
    add_commands(commands)
    tenas.add_commands(commands)
    results.add_commands(commands)
    page.add_commands(commands)
    planes.add_commands(commands)
    return parser


def _draw_dags(options: argparse.Namespace) -> list[Path]:
    pairs = [code.rpartition("=") for code in options.codes]
    dags = {name or code: Dag.parse(code) for name, _, code in pairs}
    return save_figure(draw_dags(dags), options.out)


def _result(folder: Path) -> dict:
    if not (folder / "result.json").is_file():
        raise FileNotFoundError(f"{folder} holds no finished run (no result.json)")
    return read_json(folder / "result.json")


def _keep(options: argparse.Namespace) -> list[Path]:
    """Copies records up to 1 MB: no weights, no locks, no long logs."""
    _result(options.folder)
    kept = (".json", ".jsonl", ".yaml", ".csv", ".gz", ".md", ".png", ".pdf")
    files = [f for f in sorted(options.folder.iterdir()) if f.suffix in kept]
    files = [f for f in files if f.stat().st_size <= 2**20]
    options.into.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(file, options.into / file.name)) for file in files]


def _draw_theory(options: argparse.Namespace) -> list[Path]:
    result = _result(options.folder)
    table = options.folder / "theory.md"
    table.write_text(theory_table(result))
    spectra = save_figure(draw_spectra(result), options.folder / "spectra")
    return [*spectra, *save_figure(draw_training(result), options.folder / "training"), table]


def _draw_models(options: argparse.Namespace) -> list[Path]:
    return save_figure(draw_models(_result(options.folder)), options.folder / "models")


def _draw_topologies(options: argparse.Namespace) -> list[Path]:
    dataset = Path(_result(options.folder)["dataset"]).stem
    columns = read_table(options.folder / "topologies.csv")
    found = analyse(columns)
    summary = read_json(options.folder / "topologies.json")
    write_json(options.folder / "statistics.json", summary | found)
    table = options.folder / "topologies.md"
    table.write_text(topologies_table(found, summary))
    return [*save_figure(draw_topologies(columns, dataset), options.folder / "topologies"), table]


def _draw_convergence(options: argparse.Namespace) -> list[Path]:
    _result(options.folder)
    table = options.folder / "convergence.md"
    table.write_text(convergence_table(options.folder))
    return [*save_figure(draw_convergence(options.folder), options.folder / "convergence"), table]


if __name__ == "__main__":
    main()
