"""Commands of the report about searches: fig5, table1, table2, table3, scatter."""

from __future__ import annotations

import argparse
from pathlib import Path

from common.runs import environment, read_json, write_json
from report.fig5 import draw_fig5, draw_scatter
from report.genotypes import IMAGENET, table1, tenas_darts, trained_genotypes
from report.records import find_records
from report.search_tables import read_results, table2, table3
from report.sections import read_published
from report.style import save_figure


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds the commands; each has a function `run` of the options that returns files."""
    fig5 = commands.add_parser("fig5", help="accuracy over effective depth and width")
    fig5.add_argument("files", nargs="+", type=Path, help="CSV files by wot_dag.landscape")
    fig5.add_argument("--out", type=Path, default=Path("runs/report/fig5"), help="path, no suffix")
    fig5.set_defaults(run=_fig5)
    table = commands.add_parser("table1", help="genotypes trained from scratch, and published")
    table.add_argument("folders", nargs="+", type=Path, help="runs, such as runs/retrain/digits")
    table.add_argument("--out", type=Path, default=Path("runs/report/table1.md"))
    table.set_defaults(run=_table1)
    for name, make in (("table2", table2), ("table3", table3)):
        table = commands.add_parser(name, help=f"{name}, published beside measured")
        table.add_argument("folders", nargs="+", type=Path, help="runs, such as runs/wot/digits")
        table.add_argument("--out", type=Path, default=Path(f"runs/report/{name}.md"))
        table.set_defaults(run=_table, make=make)
    scatter = commands.add_parser("scatter", help="accuracy against score")
    scatter.add_argument("folder", type=Path, help="run of python -m wot_dag.correlate")
    scatter.set_defaults(run=_scatter)


def _fig5(options: argparse.Namespace) -> list[Path]:
    figure, numbers = draw_fig5(options.files)
    files = save_figure(figure, options.out)
    record = {"panels": numbers, "environment": environment("cpu")}
    write_json(options.out.with_name(options.out.name + ".json"), record)
    for panel in numbers:
        print(
            f"{panel['space']}, {panel['dataset']}: R {panel['r_architectures']:.3f} over "
            f"{panel['architectures']:,} architectures, {panel['r_circles']:.3f} over "
            f"{panel['circles']} circles"
        )
    return files


def _table1(options: argparse.Namespace) -> list[Path]:
    """Table 1 for runs on ImageNet, TE-NAS' rows for others."""
    records = find_records(options.folders)
    trained, published = trained_genotypes(records), read_published()
    imagenet = any(t.images == IMAGENET for t in trained)
    if not trained:
        names = ", ".join(map(str, options.folders))
        raise FileNotFoundError(f"found no finished training of a DARTS genotype in {names}")
    if imagenet:
        table = table1(published["table1"], trained)
    else:
        table = tenas_darts(published["tenas"]["darts"], trained)
    return _written(f"{table.caption}.\n\n{table.markdown()}", options.out)


def _table(options: argparse.Namespace) -> list[Path]:
    return _written(options.make(read_results(options.folders)), options.out)


def _written(text: str, out: Path) -> list[Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    print(text)
    return [out]


def _scatter(options: argparse.Namespace) -> list[Path]:
    record = read_json(options.folder / "correlation.json")
    figure = draw_scatter(options.folder / "architectures.csv.gz", record)
    return save_figure(figure, options.folder / "scatter")
