"""A few lines at a quickstart's end: what its runs found beside what was published."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from report.records import find_named, of_kind
from report.sections import DATASETS, read_published

_METHODS = (("WOT", "WOT + DAG"), ("TE-NAS", "TE-NAS + DAG"))


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `summary` to `python -m report`."""
    summary = commands.add_parser("summary", help="a few lines: found beside published")
    summary.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="runs")
    summary.set_defaults(run=_summary)


def _summary(options: argparse.Namespace) -> list[Path]:
    records, _ = find_named(options.folders)
    published = read_published()
    lines = (*_fig4(of_kind(records, "mlp"), published), *_table2(records, published))
    print("\n".join((*lines, *_kernel(of_kind(records, "wot")))))
    return []


def _fig4(runs: Sequence, published: Mapping[str, Any]) -> Iterator[str]:
    for run in runs[:1]:
        means = {name: row["train_accuracy"]["mean"] for name, row in run.result["dags"].items()}
        found = sorted(means, key=lambda name: -means[name])
        shown = ", ".join(f"{name} {means[name]:.2f}" for name in found)
        order = ", ".join(name.removeprefix("DAG") for name in published["fig4"]["order"])
        yield f"Fig. 4   {shown} %, published order {order}"


def _table2(records: Sequence, published: Mapping[str, Any]) -> Iterator[str]:
    """Means on the first data set, without and with the DAG principle."""
    found = {
        run.result["method"]: run.result["accuracy"][DATASETS[0]]["mean"]
        for run in reversed(of_kind(records, "wot", "tenas"))
        if DATASETS[0] in run.result.get("accuracy", {}) and run.result["fraction"] in (None, 0.5)
    }
    for plain, dag in _METHODS:
        if plain in found and dag in found:
            theirs = (published["table2"][method][DATASETS[0]][0] for method in (plain, dag))
            here = f"{plain} {found[plain]:.2f}, + DAG {found[dag]:.2f} % on CIFAR-10"
            yield f"Table 2  {here}, published {', '.join(f'{a:.2f}' for a in theirs)}"


def _kernel(runs: Sequence) -> Iterator[str]:
    """The search that looks at kernels alone."""
    found = [run for run in runs if run.result["method"] == "NNGP" and "accuracy" in run.result]
    for run in found[:1]:
        accuracy = run.result["accuracy"][DATASETS[0]]["mean"]
        seconds = run.result["seconds_per_repeat"]["total"]
        cost = f"no network, {seconds:.2g} seconds"
        yield f"Table 2  kernel alone {accuracy:.2f} % on CIFAR-10, {cost}"
