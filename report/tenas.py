"""Figures of TE-NAS searches: what is left by round, which operators survive, indicators."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from common.runs import read_json
from report.style import COLOURS, new_figure, save_figure

RANKINGS = {"kappa": "by kappa alone", "regions": "by R alone", "both": "by both"}


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds tenas, tenas-preference and tenas-correlation to `python -m report`."""
    history = commands.add_parser("tenas", help="operators left by round, for each search of a run")
    history.add_argument("folder", type=Path, help="a run, such as runs/tenas/digits")
    history.set_defaults(run=_save_histories)
    preference = commands.add_parser("tenas-preference", help="which operators survive")
    preference.add_argument("folders", type=Path, nargs="+", help="runs of different rank_by")
    preference.add_argument("--out", type=Path, default=Path("runs/report/tenas_preference"))
    preference.set_defaults(run=lambda o: save_figure(draw_preference(o.folders), o.out))
    correlation = commands.add_parser("tenas-correlation", help="indicators against accuracy")
    correlation.add_argument("folder", type=Path, help="a run of tenas_dag.correlate")
    correlation.add_argument("--dataset", help="of the accuracies; cifar100 if it is there")
    correlation.set_defaults(run=_save_correlation)


def _save_histories(options: argparse.Namespace) -> list[Path]:
    searches = read_result(options.folder, "searches")["searches"]
    files = []
    for number, entry in enumerate(searches):
        path = options.folder / f"history_seed{entry['seed']}"
        files += save_figure(draw_history(options.folder, number), path)
    return files


def _save_correlation(options: argparse.Namespace) -> list[Path]:
    known = list(read_result(options.folder, "correlations")["correlations"])
    dataset = options.dataset or ("cifar100" if "cifar100" in known else known[0])
    figure = draw_correlation(options.folder, dataset)
    return save_figure(figure, options.folder / f"correlation_{dataset}")


def read_result(folder: Path, key: str) -> dict:
    """result.json of a finished run.

    Raises:
        FileNotFoundError: the run is not finished.
        ValueError: the run is of another kind: it has no `key`.
    """
    path = folder / "result.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no finished run (no result.json)")
    result = read_json(path)
    if key not in result:
        raise ValueError(f"{path}: found no {key!r}, expected a run of tenas_dag")
    return result


def draw_history(folder: Path, search: int = 0) -> Figure:
    """Operators left on each edge at the start of every round and at the end.

    One row per cell type, one panel per round; edges downwards, operators to the right.
    """
    rounds = read_result(folder, "searches")["searches"][search]["rounds"]
    start = rounds[0]["left"]
    names = list(dict.fromkeys(name for cell in start for edge in cell for name in edge))
    edges = len(start[0])
    height = 0.6 + 0.16 * edges + 0.06 * max(map(len, names))
    figure = new_figure(1.0 + 1.3 * len(rounds), height * len(start))
    axes = figure.subplots(len(start), len(rounds), sharex=True, sharey=True, squeeze=False)
    for number, entry in enumerate(rounds):
        for cell, left in enumerate(entry["left"]):
            _draw_left(axes[cell][number], left, names)
        last = number == len(rounds) - 1
        axes[0][number].set_title("chosen" if last else f"round {number + 1}")
    labels = ("edge",) if len(start) == 1 else ("normal cell, edge", "reduction cell, edge")
    for axis, label in zip(axes[:, 0], labels):
        axis.set_ylabel(label)
        axis.set_yticks(range(edges))
    axes[0][0].invert_yaxis()
    return figure


def _draw_left(axis: object, left: Sequence[Sequence[str]], names: list[str]) -> None:
    for edge, operators in enumerate(left):
        for name in operators:
            column = names.index(name)
            axis.plot(column, edge, "o", markersize=5, color=COLOURS[column % len(COLOURS)])
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_xlim(-0.6, len(names) - 0.4)


def chosen_operators(folder: Path) -> tuple[str, Counter]:
    """(rank_by, operator -> times chosen) over all searches of a run."""
    result = read_result(folder, "searches")
    final = [search["rounds"][-1]["left"] for search in result["searches"]]
    return result["rank_by"], Counter(
        name for left in final for cell in left for edge in cell for name in edge
    )


def preference_shares(folders: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Ranking -> operator -> share of the edges that chose it, in %.

    Raises:
        ValueError: two runs rank by the same indicators.
    """
    found: dict[str, dict[str, float]] = {}
    for folder in folders:
        ranking, counts = chosen_operators(folder)
        if ranking in found:
            raise ValueError(f"{folder}: a second run with rank_by: {ranking}")
        found[ranking] = {n: 100 * c / counts.total() for n, c in counts.items()}
    return {ranking: found[ranking] for ranking in RANKINGS if ranking in found}


def draw_preference(folders: Sequence[Path]) -> Figure:
    """Which operators survive, one group of bars per ranking."""
    shares = preference_shares(folders)
    names = sorted({name for row in shares.values() for name in row})
    figure = new_figure(5.5, 2.8)
    axis = figure.subplots()
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        heights = [row.get(name, 0.0) for row in shares.values()]
        places = [x + (i - (len(names) - 1) / 2) * width for x in range(len(shares))]
        axis.bar(places, heights, width, label=name, color=COLOURS[i % len(COLOURS)])
    axis.set_xticks(range(len(shares)), [f"pruned {RANKINGS[r]}" for r in shares])
    axis.set_ylabel("edges (%)")
    axis.legend(fontsize=7)
    return figure


def draw_correlation(folder: Path, dataset: str = "cifar100") -> Figure:
    """kappa and R of single architectures against their accuracy.

    Raises:
        ValueError: the run has no accuracies on the dataset.
    """
    result = read_result(folder, "correlations")
    if dataset not in result["correlations"]:
        raise ValueError(f"{folder}: no accuracies on {dataset}: {list(result['correlations'])}")
    row = result["correlations"][dataset]
    figure = new_figure(6.5, 2.8)
    for axis, key, label in zip(figure.subplots(1, 2), ("kappa", "regions"), ("kappa", "R")):
        points = [
            (record[key], accuracy)
            for record, accuracy in zip(result["records"], row["accuracy"])
            if record[key] is not None
        ]
        axis.plot(*zip(*points), ".", color=COLOURS[0], markersize=4)
        axis.set_xlabel(label)
        axis.set_ylabel(f"test accuracy, {dataset} (%)")
        axis.set_title(f"Kendall's tau {row[key]['tau']:+.2f}, n = {row[key]['n']}", fontsize=9)
        if key == "kappa":
            axis.set_xscale("log")
    return figure
