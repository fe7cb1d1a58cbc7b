"""Table 3: how much of the box to keep, by WOT with fractions of its radius."""

from __future__ import annotations

from report.searches import COST, WHERE, accuracies, cost, datasets_of, searches_of, where
from report.sections import NOT_RUN, Section, Sources
from report.tables import ABSENT, Table, mean_std


def section(sources: Sources) -> Section:
    """A row for each run, and for each published fraction without one."""
    published = sources.published["table3"]
    runs = [run for run in searches_of(sources, "wot") if run.result["filter"] == "box"]
    names = datasets_of(runs)
    rows = []
    fractions = {run.result["fraction"] for run in runs} | set(published)
    for fraction in sorted(fractions, reverse=True):
        paper = mean_std(published.get(fraction, {}).get("cifar100"))
        own = [run for run in runs if run.result["fraction"] == fraction]
        for run in own:
            cells = accuracies(run, names)
            rows.append((f"{fraction:g}", *where(run), paper, *cells, *cost(run)))
        if not own:
            absent = [ABSENT] * (len(names) + 2)
            rows.append((f"{fraction:g}", NOT_RUN, ABSENT, ABSENT, paper, *absent))
    here = [f"{name}, here" for name in names]
    columns = ("f", *WHERE, "cifar100, published", *here, *COST)
    caption = "Test accuracy (%) that WOT finds with the box rule, by its fraction f"
    return Section(
        "table3",
        "Table 3: how much of the box to keep",
        sources.cite("paper", "WOT with fractions of the radius, CIFAR-100"),
        ("bash scripts/table3.sh cifar10",),
        tables=(Table("table3", caption, columns, tuple(rows)),),
        records=tuple(runs),
    )
