"""digits-201 in the report: spread and noise, what it shares with NAS-Bench-201, searches on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from common.runs import read_json
from report.paper import cost_of, measured, method_of
from report.records import Record, first_file, of_kind
from report.sections import NOT_RUN, Image, Section, Sources
from report.tables import ABSENT, Cell, Number, Table

DIGITS = "digits"
_WHAT = (
    "A miniature of NAS-Bench-201, made here for trying methods end to end right after cloning; "
    "its accuracies are not the paper's. n networks of different cells, each the mean over its "
    "seeds."
)


def digits201_section(sources: Sources) -> Section:
    """Spread, noise, rank correlation with NAS-Bench-201, Fig. 5's R, and searches on digits."""
    runs = of_kind(sources.records, "digits201")
    tables = []
    if runs:
        tables = [_spread(runs), *_comparison(runs), *_landscape(sources)]
    searches = [run for run in sources.records if DIGITS in run.result.get("accuracy", {})]
    searches = [run for run in searches if method_of(run)]
    if searches:
        tables.append(_searches(searches))
    picture = first_file(sources.roots, "fig5/fig5_digits201.png", "report/fig5_digits201.png")
    caption = "Fig. 5 on digits-201: accuracy over effective depth and width"
    return Section(
        "digits201",
        "digits-201: every cell of NAS-Bench-201 trained on digits",
        "",
        ("bash scripts/build_digits201.sh", "bash scripts/table2.sh digits",
         "bash scripts/table3.sh digits", "bash scripts/fig5.sh digits"),
        status="" if runs else NOT_RUN,
        tables=tuple(tables),
        images=(Image("fig5_digits201", caption, file=picture),) if picture else (),
        records=(*runs, *searches),
    )  # fmt: skip


def _spread(runs: list[Record]) -> Table:
    columns = ("record", "split", "least (%)", "quarter (%)", "median (%)", "three quarters (%)",
               "best (%)", "std between seeds", "Spearman between seeds", "n")  # fmt: skip
    rows = tuple(row for run in runs for row in _spread_rows(run))
    return Table("digits201", "Accuracies of all distinct cells", columns, rows, _WHAT)


def _spread_rows(run: Record) -> Iterator[tuple[Cell, ...]]:
    for split in ("train", "validation", "test"):
        found = run.result[split]
        quantiles = (Number(value) for value in found["quantiles"])
        noise = [ABSENT if found[k] is None else Number(found[k]) for k in _NOISE]
        yield (run.name, split, *quantiles, *noise, run.result["cells"])


_NOISE = ("seed_std", "seed_spearman")


def _comparison(runs: list[Record]) -> Iterator[Table]:
    """Rank correlation with NAS-Bench-201, where `spaces.benchmark compare` has left it."""
    rows = []
    for run in runs:
        file: Path = run.folder / "compare.json"
        for row in read_json(file).values() if file.is_file() else ():
            values = Number(row["spearman"]), Number(row["upper_half"])
            rows.append((" ~ ".join(row["datasets"]), *values, row["cells"]))
    if rows:
        columns = ("test accuracies", "Spearman", "Spearman, upper half", "n")
        caption = "Rank correlation of digits-201 with NAS-Bench-201 after 200 epochs"
        note = "Upper half: the cells above NAS-Bench-201's median, among which a search ends."
        yield Table("digits201_ranks", caption, columns, tuple(rows), note)


def _landscape(sources: Sources) -> Iterator[Table]:
    """R of accuracy with effective depth and width, beside NAS-Bench-201's."""
    rows = []
    for name in ("digits201", "nasbench201"):
        file = first_file(sources.roots, f"fig5/fig5_{name}.json", f"report/fig5_{name}.json")
        for panel in read_json(file)["panels"] if file else ():
            values = (Number(panel[key]) for key in ("r_architectures", "r_circles", "best_mean"))
            where = (Number(value) for value in panel["best_depth_width"])
            rows.append((name, panel["dataset"], *values, *where, panel["architectures"]))
    if rows:
        columns = ("table", "accuracy", "R over architectures", "R over circles", "best mean (%)",
                   "at depth", "at width", "n")  # fmt: skip
        caption = "Accuracy and effective depth and width, as in Fig. 5"
        yield Table("digits201_fig5", caption, columns, tuple(rows))


def _searches(runs: list[Record]) -> Table:
    columns = ("method", "accuracy (%)", "best cell (%)", "mean of all cells (%)", "seconds",
               "evaluations saved", "n")  # fmt: skip
    rows = []
    for run in {method_of(run): run for run in reversed(runs)}.values():
        found: Mapping = run.result["accuracy"][DIGITS]
        table = (Number(found[key]) for key in ("best", "mean_of_space"))
        rows.append((method_of(run), measured(found), *table, *cost_of(run)))
    caption = "Searches on images of digits: test accuracy in digits-201, mean (std)"
    return Table("digits201_searches", caption, columns, tuple(rows), "Seconds of one search.")
