"""Chosen cells, trained from scratch."""

from report.records import Record
from report.sections import Parts, Sources, headed
from report.tables import ABSENT, Cell, Number, Table, general

_COLUMNS = ("record", "images", "epochs", "top-1 error (%)", "top-5 error (%)",
            "parameters", "hours", "seed", "n")  # fmt: skip
_FINALISTS = ("place by score", "validation accuracy (%)", "test error (%)", "architecture")


@headed(
    "retrain",
    "Chosen cells, trained from scratch",
    "python -m retrain --config configs/retrain/NAME.yaml --genotype CHOICE",
)
def section(sources: Sources) -> Parts:
    """A row for each training; the finalists of each search by queries."""
    runs = sources.of_kind("retrain")
    if runs:
        yield Table("retrain", "Test errors of single trainings", _COLUMNS, tuple(map(_row, runs)))
    yield from runs
    for run in sources.of_kind("queries"):
        yield _finalists(run)
        yield run


def _finalists(run: Record) -> Table:
    result = run.result
    rows = tuple(
        (place, Number(row["validation_top1"]), Number(row["test_error"]), row["arch"])
        for place, row in enumerate(result["finalists"], start=1)
    )
    caption = f"{run.name}: finalists of {result['method']}, trained on {run.dataset}"
    note = (
        f"After {result['epochs']} epochs each; that of place {result['chosen']} by score has the "
        f"highest validation accuracy, and is chosen."
    )
    return Table(f"{run.key}_finalists", caption, _FINALISTS, rows, note)


def _row(run: Record) -> tuple[Cell, ...]:
    result = run.result
    found = (result["test"].get(key) for key in ("top1_error", "top5_error"))
    errors = (ABSENT if error is None else Number(error) for error in found)
    cost = result.get("parameters", ABSENT), general(result["seconds"] / 3600)
    return (run.name, run.dataset, result["epochs"], *errors, *cost, result["seed"], 1)
