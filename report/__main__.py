"""Entry: python -m report WHAT ...; see --help."""

import argparse
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common.errors import run_main
from dag import FIGURE_3, Dag
from report.fig3 import draw_dags
from report.page import write_page
from report.records import UNREADABLE, read_record
from report.results import COMMITTED, FILE, show, write_results
from report.sections import Sources
from report.style import save_figure
from report.summary import summary

_LARGEST = 2 * 2**20  # bytes of a record in a repository
_RUNS = Path("runs")


def main(args: list[str] | None = None) -> None:
    """Draws what the command line asks for and says where it lies."""
    options = _parser().parse_args(args)

    def work() -> None:
        for file in options.run(options):
            print(file)

    run_main("python -m report", work, ValueError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m report", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    out, records = (argparse.ArgumentParser(add_help=False) for _ in range(2))
    out.add_argument("--out", type=Path, default=_RUNS / "report", help="folder to write to")
    records.add_argument("--records", type=Path, nargs="+", default=[COMMITTED], metavar="FOLDER",
                         help="where records lie, such as results runs; "
                         "those of the last folder stand first")  # fmt: skip

    def add(name: str, run: Callable, text: str, *parents: argparse.ArgumentParser) -> Callable:
        command = commands.add_parser(name, help=text, parents=parents)
        command.set_defaults(run=run)
        return partial(command.add_argument, type=Path, metavar="FOLDER")

    add(
        "results",
        partial(_write, page=False),
        "RESULTS.md, tables and figures of all records",
        records,
        out,
    )
    add(
        "page",
        partial(_write, results=False),
        "report.html, one file that needs no network",
        records,
        out,
    )
    add("all", _write, "results and page, each figure drawn once", records, out)
    argument = add("show", _show, "print the tables of a figure, table or question", out)
    argument("key", type=str, metavar="KEY", help="such as table2; all for every one with a run")
    argument("folders", nargs="*", help="runs to show; all in results and runs by default")
    add("summary", _summary, "a few lines: found beside published")("folders", nargs="+")
    argument = add("dags", _draw_dags, "draw DAGs given as NAME=CODE or CODE")
    argument("codes", nargs="*", type=str, metavar="NAME=CODE", help="those of Fig. 3 by default")
    argument("--out", default=_RUNS / "report/dags", metavar="PATH", help="path, no suffix")
    argument = add("keep", _keep, "copy a run's records, without weights, into results/")
    argument("folder", help="a finished run, such as runs/mlp/fig4_mnist")
    argument("into", help="such as results/fig4_mnist")
    return parser


def _write(options: argparse.Namespace, results: bool = True, page: bool = True) -> list[Path]:
    sources, out, files, drawn = Sources.read(options.records), options.out, [], set()
    if results:
        drawn = write_results(sources, out)
        files += [out / FILE, out / "figures"]
    return [*files, write_page(sources, out, drawn)] if page else files


def _show(options: argparse.Namespace) -> list[Path]:
    every = [folder for folder in (COMMITTED, _RUNS) if folder.is_dir()] or [COMMITTED]
    sources = Sources.read(options.folders or every, some=bool(options.folders))
    files, left = show(sources, options.key, options.out)
    for line in left.lines() if options.folders else ():
        print(f"Not shown: {line}")
    return files


def _summary(options: argparse.Namespace) -> list[Path]:
    print("\n".join(summary(Sources.read(options.folders, some=True))))
    return []


def _draw_dags(options: argparse.Namespace) -> list[Path]:
    codes = [f"{name}={code}" for name, code in FIGURE_3.items()]
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
