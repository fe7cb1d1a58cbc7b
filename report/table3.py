"""Table 3: how much of the box to keep, by WOT with fractions of its radius; then the kernel."""

from collections.abc import Mapping, Sequence

from report.records import Record
from report.searches import COST, WHERE, accuracies, cost, datasets_of, searches_of, where
from report.sections import NOT_RUN, Parts, Sources, headed
from report.tables import ABSENT, Table, mean_std

_KERNEL = (
    "Kept is what reaches the quantile, over all cells with a depth, of the mean correlation of "
    "the exact NNGP kernel of a cell's DAG: cells of one kernel stand or fall together."
)


@headed("table3", "Table 3: how much of the box to keep", "bash scripts/table3.sh cifar10")
def section(sources: Sources) -> Parts:
    """The box's fractions, and the kernel's where there is a search with it."""
    yield sources.cite("paper", "WOT with fractions of the radius, CIFAR-100")
    searches = [run for run in searches_of(sources, "wot") if "queries" not in run.result]
    box = [run for run in searches if run.result["method"] == "WOT + DAG"]
    yield _of_box(box, sources.published["table3"])
    kernel = [run for run in searches if run.result["filter"] == "kernel"]
    if kernel:
        yield _of_kernel(kernel)
    yield from (*box, *kernel)


def _of_box(runs: Sequence[Record], published: Mapping) -> Table:
    """A row for each run, and for each published fraction without one."""
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
    return Table("table3", caption, columns, tuple(rows))


def _of_kernel(runs: Sequence[Record]) -> Table:
    names = datasets_of(runs)
    rows = [
        (f"{run.result['fraction']:g}", run.result["method"], *where(run),
         *accuracies(run, names), *cost(run))
        for run in sorted(runs, key=lambda r: (r.result["method"], -r.result["fraction"]))
    ]  # fmt: skip
    columns = ("fraction", "method", *WHERE, *(f"{name}, here" for name in names), *COST)
    caption = "Test accuracy (%) behind the box of f = 1/2 and the kernel, by the kernel's fraction"
    return Table("table3_kernel", caption, columns, tuple(rows), _KERNEL)
