"""Searches of NAS-Bench-201 by WOT and TE-NAS: what Tables 2 and 3 share."""

from collections.abc import Iterable

from report.records import Record, by_n
from report.sections import DATASETS, Sources
from report.tables import Cell, general, measured, percent

WHERE = ("images here", "network here", "seeds of the score")
COST = ("evaluations saved", "n")


def searches_of(sources: Sources, *kinds: str) -> list[Record]:
    """Searches of NAS-Bench-201, those with the most repeats first."""
    return by_n(run for run in sources.of_kind(*kinds) if run.space == "nas-bench-201")


def datasets_of(runs: Iterable[Record]) -> list[str]:
    """Data sets that have accuracies: the paper's, then those of other tables."""
    found = (name for run in runs for name in run.result.get("accuracy", {}))
    return list(dict.fromkeys([*DATASETS, *found]))


def where(run: Record) -> tuple[Cell, ...]:
    """What a search saw and built: images, network, seeds of the score."""
    return run.dataset, run.network, run.score_seeds


def accuracies(run: Record, names: Iterable[str], key: str = "accuracy") -> list[Cell]:
    """Mean (std) of the chosen cells' accuracy on each data set."""
    return [measured(run.result.get(key, {}).get(name)) for name in names]


def cost(run: Record) -> tuple[Cell, ...]:
    """Evaluations saved, and the searches that chose a cell."""
    result = run.result
    saved = result.get("evaluations_saved")
    if run.kind == "tenas" and result["filter"] == "exempt":
        exempt = sum(search["exempt"] for search in result["searches"])
        saved = exempt / (exempt + sum(search["evaluations"] for search in result["searches"]))
    found = [row["n"] for row in result.get("accuracy", {}).values()]
    return percent(saved), max(found, default=result["n"])


def seconds(run: Record) -> Cell:
    """Of one search."""
    if run.kind == "tenas":
        return general(run.result["seconds_per_search"]["mean"])
    return general(run.result["seconds_per_repeat"]["total"])
