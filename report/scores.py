"""Training-free scores against each other: what orders cells, and what searches find by it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from report.records import Record, by_n
from report.sections import DATASETS, Parts, Sources
from report.tables import ABSENT, Cell, Number, Table, general, interval, measured, percent

_BASE = "parameters"
_NOTE = (
    "All: all cells scored; depth > 0: those with a path of depth above 0, with 95 % bootstrap "
    "intervals. Against parameters: tau minus that of the number of parameters on the same cells "
    "of depth > 0; a score whose intervals lie above 0 on all three data sets beats it. By {seeds} "
    "seeds: tau of the sum of ranks over them. From the seed: share of the variance of ranks over "
    "weights and mini-batches. Sums of ranks are written with +; the chosen one has the highest "
    "tau of all sums of two to four scores on CIFAR-10, by all seeds, and is only read on the "
    "others. "
    "{ceiling} Seconds: as measured where a score was made, beside whatever ran there{devices}."
)
_SEARCH_NOTE = (
    "Searches draw 100 of the cells that were scored; mean (std) of the chosen cells' test "
    "accuracy. Seconds: of one search, each cell scored alone. A score on fewer than 15,625 cells "
    "chooses among those."
)
_QUERY_NOTE = (
    "The best {n} of all cells scored by one search of all of them are looked at once, by their "
    "{looked_at}: the choice has seen test data. Mean (std) over seeds of the score. By CIFAR-10: "
    "the look is at CIFAR-10 alone. Held: the best accuracy among them."
)


def section(sources: Sources) -> Parts:
    """Three tables for each run, those of most cells first."""
    claim = "Kendall's tau of scores on NAS-Bench-201, on CIFAR-10, CIFAR-100 and ImageNet16-120"
    yield sources.cite("vkdnw", claim)
    for run in by_n(sources.of_kind("scores")):
        yield run
        yield _taus(run, sources)
        yield _searches(run)
        yield _queries(run)


def _taus(run: Record, sources: Sources) -> Table:
    published = sources.published["scores"]
    names = _datasets(run)
    rows = [*_measured_rows(run, published["tau"], names), *_tenas_rows(sources, names)]
    for label, taus in published["others"].items():
        rows.append((f"{label}, published", *[ABSENT] * (len(rows[0]) - 2), _joined(taus)))
    columns = ("score", "cells", *(f"{n}, all" for n in names), *(f"{n}, depth > 0" for n in names),
               "depth > 0, by all seeds", "against parameters", "beats parameters",
               "Spearman, depth > 0", "from the seed", "seconds a cell",
               "published tau")  # fmt: skip
    whole, best = published["ceiling"]
    ceiling = (
        f"Noise ceiling: two trainings of the same cells agree with tau {whole} on CIFAR-10 over "
        f"all cells, and {best} in the best tenth."
    )
    seeds = run.result["network"]["seeds"]
    note = _NOTE.format(seeds=seeds, ceiling=ceiling, devices=_devices(run))
    caption = f"Kendall's tau of scores with test accuracy, images of {run.dataset}, {run.network}"
    return Table("scores", caption, columns, tuple(rows), note)


def _devices(run: Record) -> str:
    """Which scores were not made on the CPU alone, by device."""
    made: dict[str, list[str]] = {}
    for row in run.result["rows"]:
        if len(row["names"]) == 1:
            made.setdefault(" and ".join(row["devices"]), []).append(row["score"])
    return "".join(f"; on {on} {', '.join(of)}" for on, of in made.items() if on != "cpu")


def _measured_rows(
    run: Record, published: Mapping[str, Sequence], names: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    for row in run.result["rows"]:
        found = [row["datasets"][name] for name in names]
        deep = [of["deep"] for of in found]
        own, summed = row["names"] == [_BASE], row["over_seeds"]
        yield (
            _label(row),
            f"{row['n']:,}",
            *(Number(of["all"]["kendall"], spec=".3f") for of in found),
            *(f"{of['kendall']:.3f} {interval(of['kendall_interval'], '.3f')}" for of in deep),
            _joined([summed[name]["deep"]["kendall"] for name in names if row["seeds"] > 1]),
            ABSENT if own else _joined([of["kendall_minus_parameters"] for of in deep], "+.3f"),
            ABSENT if own else _verdict(deep),
            _joined([of["spearman"] for of in deep]),
            percent(row["seed_share"]),
            general(row["seconds"]),
            _joined(published.get("+".join(row["names"]), ())),
        )


def _tenas_rows(sources: Sources, names: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """TE-NAS' indicators, from their own records, whose cells are their own sample."""
    for run in by_n(sources.of_kind("tenas_correlation")):
        for key, label in (("kappa", "TE-NAS' kappa"), ("regions", "TE-NAS' R")):
            found = [run.result["correlations"].get(name, {}).get(key) for name in names]
            taus = [Number(of["tau"], spec=".3f") if of else ABSENT for of in found]
            n = max((of["n"] for of in found if of), default=0)
            yield (f"{label}, images of {run.dataset}", str(n), *taus, *[ABSENT] * (len(names) + 7))


def _verdict(deep: Sequence[Mapping[str, Any]]) -> str:
    intervals = [of["kendall_minus_parameters_interval"] for of in deep]
    if all(low > 0 for low, _ in intervals):
        return "yes"
    return "no, worse" if all(high < 0 for _, high in intervals) else "no"


def _label(row: Mapping[str, Any]) -> str:
    return row["score"] + " (chosen)" * row["chosen"]


def _joined(values: Sequence[float], spec: str = ".3f") -> str:
    return " / ".join(format(value, spec) for value in values)


def _searches(run: Record) -> Table:
    names, rows = _datasets(run), []
    for row in run.result["rows"]:
        for filter_, found in row["searches"].items():
            accuracies = (measured(found["accuracy"].get(name)) for name in names)
            seconds = general(found["seconds_per_repeat"]["total"])
            kept = found["evaluated"] / found["repeats"]
            rows.append((_label(row), f"{row['n']:,}", filter_, *accuracies,
                         Number(kept, spec=".1f"), seconds, found["repeats"]))  # fmt: skip
    columns = ("score", "cells", "filter", *names, "evaluations", "seconds", "n")
    caption = f"Test accuracy (%) that random search finds by each score, images of {run.dataset}"
    return Table("scores_searches", caption, columns, tuple(rows), _SEARCH_NOTE)


def _queries(run: Record) -> Table:
    names, rows = _datasets(run), []
    for row in run.result["rows"]:
        found = row["queries"]
        rows.append((_label(row), f"{row['n']:,}", str(found["accuracy"][names[0]]["n"]), *(
            measured(found[key][name])
            for key in ("accuracy", "accuracy_by_first", "held") for name in names
        )))  # fmt: skip
    note = _QUERY_NOTE.format(n=found["number"], looked_at=found["looked_at"])
    whats = ("", ", by CIFAR-10", ", held")
    columns = ("score", "cells", "seeds", *(f"{name}{what}" for what in whats for name in names))
    caption = f"Test accuracy (%) by {found['number']} queries, images of {run.dataset}"
    return Table("scores_queries", caption, columns, tuple(rows), note)


def _datasets(run: Record) -> list[str]:
    found = run.result["rows"][0]["datasets"]
    return [name for name in DATASETS if name in found] or list(found)
