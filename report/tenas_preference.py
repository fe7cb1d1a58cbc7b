"""TE-NAS: which operators survive, by the indicator that prunes them."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial

from matplotlib.figure import Figure

from report.records import Record
from report.searches import searches_of
from report.sections import Image, Parts, Sources, headed
from report.style import COLOURS, new_figure
from report.tables import Number, Table

_RANKINGS = {"kappa": "by kappa alone", "regions": "by R alone", "both": "by both"}


@headed("tenas_preference", "TE-NAS: which operators survive", "bash scripts/tenas_indicators.sh")
def section(sources: Sources) -> Parts:
    """Searches by one indicator, beside the one by both that was made alike."""
    yield sources.cite("tenas", sources.published["tenas"]["preference"])
    groups = _groups(searches_of(sources, "tenas"))
    runs = [run for group in groups for run in group]
    yield from runs
    names = sorted({name for run in runs for name in shares(run)})
    rows = tuple(
        (_label(run), run.dataset, *(Number(shares(run).get(n, 0.0), spec=".1f") for n in names),
         len(run.result["searches"]))
        for run in runs
    )  # fmt: skip
    if rows:
        title = "Share of edges (%) on which each operator survives"
        yield Table("tenas_preference", title, ("pruned", "images", *names, "n"), rows)
    for group in groups:
        caption = f"Operators that survive, by what prunes them; images: {group[0].dataset}"
        draw = partial(draw_preference, group)
        yield Image(f"{group[0].key}_preference", caption, draw, tuple(group))


def _groups(runs: Sequence[Record]) -> list[list[Record]]:
    """Runs that differ by their indicators alone, without those by both that stand alone."""
    alike: dict[str, list[Record]] = {}
    for run in runs:
        settings = {key: value for key, value in run.config.items() if key != "rank_by"}
        seeds = [search["seed"] for search in run.result["searches"]]
        made = [run.result["dataset"], run.result["filter"], seeds, settings]
        alike.setdefault(json.dumps(made, sort_keys=True, default=str), []).append(run)
    order = list(_RANKINGS)
    groups = [sorted(g, key=lambda run: order.index(_ranking(run))) for g in alike.values()]
    return [group for group in groups if {_ranking(run) for run in group} != {"both"}]


def _ranking(run: Record) -> str:
    return run.result.get("rank_by", "both")


def _label(run: Record) -> str:
    filtered = "" if run.result["filter"] == "none" else f", {run.result['filter']}"
    return _RANKINGS[_ranking(run)] + filtered


def shares(run: Record) -> dict[str, float]:
    """Operator -> share of the edges of all searches that chose it, in %."""
    final = [search["rounds"][-1]["left"] for search in run.result["searches"]]
    counts = Counter(name for left in final for cell in left for edge in cell for name in edge)
    return {name: 100 * count / counts.total() for name, count in counts.items()}


def draw_preference(runs: Sequence[Record]) -> Figure:
    """Which operators survive, one group of bars for each ranking."""
    names = sorted({name for run in runs for name in shares(run)})
    figure = new_figure(5.5, 2.8)
    axis = figure.subplots()
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        heights = [shares(run).get(name, 0.0) for run in runs]
        places = [x + (i - (len(names) - 1) / 2) * width for x in range(len(runs))]
        axis.bar(places, heights, width, label=name, color=COLOURS[i % len(COLOURS)])
    axis.set_xticks(range(len(runs)), [f"pruned {_label(run)}" for run in runs])
    axis.set_ylabel("edges (%)")
    axis.legend(fontsize=7)
    return figure
