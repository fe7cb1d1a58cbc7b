"""What TE-NAS published of its indicators and its DARTS cells, beside what is measured."""

from __future__ import annotations

from collections.abc import Mapping

from report.genotypes import tenas_darts, trained_genotypes
from report.records import Record, first_file, of_kind
from report.sections import NOT_RUN, Image, Section, Sources, run_image
from report.tables import ABSENT, Cell, Number, Table
from report.tenas import RANKINGS, draw_correlation, draw_preference, preference_shares


def tenas_sections(sources: Sources) -> list[Section]:
    """Correlations of kappa and R, operator preference, the DARTS rows."""
    return [_correlations(sources), _preference(sources), _darts(sources)]


def _correlations(sources: Sources) -> Section:
    published = sources.published["tenas"]["kendall_tau"]
    runs = of_kind(sources.records, "correlate")
    paper = published["cifar100"]["kappa"]
    rows = [row for run in runs for row in _correlation_rows(published, run)]
    if not rows:
        rows = [("kappa", "cifar100", Number(paper), NOT_RUN, ABSENT, ABSENT)]
        rows.append(("R", "cifar100", ABSENT, NOT_RUN, ABSENT, ABSENT))
    columns = ("indicator", "accuracy", "published tau", "tau here", "p", "n")
    note = "Cells without kappa (a singular kernel) rank last; of R no tau is in published.yaml."
    caption = "Kendall's tau of TE-NAS' indicators with test accuracy of cells of NAS-Bench-201"
    return Section(
        "tenas_correlations",
        "TE-NAS: do kappa and regions predict accuracy?",
        sources.cite("tenas", f"Kendall's tau of kappa with accuracy on CIFAR-100 is {paper:g}"),
        ("bash scripts/tenas_indicators.sh cifar10",),
        status="" if runs else NOT_RUN,
        tables=(Table("tenas_correlations", caption, columns, tuple(rows), note),),
        images=tuple(_correlation_image(run) for run in runs),
        records=tuple(runs),
    )


def _correlation_image(run: Record) -> Image:
    names = list(run.result["correlations"])
    dataset = "cifar100" if "cifar100" in names else names[0]
    caption = f"Indicators of {run.result['architectures']} cells against accuracy on {dataset}"
    name = f"correlation_{dataset}"
    return run_image(run, name, caption, lambda: draw_correlation(run.folder, dataset))


def _correlation_rows(published: Mapping, run: Record) -> list[tuple[Cell, ...]]:
    rows = []
    for dataset, found in run.result["correlations"].items():
        for key, name in (
            ("kappa", "kappa"),
            ("kappa_only_finite", "kappa, finite only"),
            ("regions", "R"),
        ):
            paper = published.get(dataset, {}).get(key)
            shown = ABSENT if paper is None else Number(paper)
            values = Number(found[key]["tau"]), Number(found[key]["p"], spec=".2g")
            rows.append((name, dataset, shown, *values, found[key]["n"]))
    return rows


def _preference(sources: Sources) -> Section:
    runs = _preference_runs(sources)
    shares = preference_shares([run.folder for run in runs]) if runs else {}
    names = sorted({name for row in shares.values() for name in row})
    searches = {run.result["rank_by"]: len(run.result["searches"]) for run in runs}
    rows = tuple(
        (RANKINGS[r], *(Number(row.get(n, 0.0), spec=".1f") for n in names), searches[r])
        for r, row in shares.items()
    )
    dataset = runs[0].dataset if runs else ""
    caption = f"Share of edges (%) on which each operator survives; images: {dataset}"
    table = Table("tenas_preference", caption, ("pruned", *names, "n"), rows)
    return Section(
        "tenas_preference",
        "TE-NAS: which operators survive",
        sources.cite("tenas", sources.published["tenas"]["preference"]),
        ("bash scripts/tenas_indicators.sh",),
        status="" if runs else NOT_RUN,
        tables=(table,) if runs else (),
        images=(_preference_image(runs),) if runs else (),
        records=tuple(runs),
    )


def _preference_image(runs: list[Record]) -> Image:
    folders = [run.folder for run in runs]
    file = first_file([folder.parent for folder in folders], "tenas_preference.png")
    caption = "Operators that survive, by what prunes them"
    return Image("tenas_preference", caption, lambda: draw_preference(folders), file)


def _preference_runs(sources: Sources) -> list[Record]:
    """One run of each ranking that pruned NAS-Bench-201 alike, without the filter.

    Alike: on the same images, with as many searches, in neighbouring folders.
    """
    runs: dict[tuple, dict[str, Record]] = {}
    for run in of_kind(sources.records, "tenas"):
        result = run.result
        if result["space"] == "nas-bench-201" and result["filter"] == "none":
            kind = run.dataset, len(result["searches"]), run.folder.parent
            runs.setdefault(kind, {}).setdefault(result.get("rank_by", "both"), run)
    found = [rows for rows in runs.values() if len(rows) == len(RANKINGS)]
    return [found[0][ranking] for ranking in RANKINGS] if found else []


def _darts(sources: Sources) -> Section:
    searches = [
        r for r in of_kind(sources.records, "tenas") if r.result["space"] != "nas-bench-201"
    ]
    trained = [t for t in trained_genotypes(sources.records) if t.of_tenas]
    tables = [tenas_darts(sources.published["tenas"]["darts"], trained)]
    if searches:
        tables.append(_darts_searches(searches))
    return Section(
        "tenas_darts",
        "TE-NAS: cells of the DARTS space",
        sources.cite("tenas", "Test errors of the cells found"),
        ("bash scripts/tenas_darts.sh cifar10", "bash scripts/table1.sh cifar10 GENOTYPE"),
        status="" if searches else NOT_RUN,
        tables=tuple(tables),
        records=(*searches, *(run for t in trained for run in t.runs)),
    )


def _darts_searches(runs: list[Record]) -> Table:
    rows = []
    for run in runs:
        for search in run.result["searches"]:
            shapes = [Number(v) for shape in search["shapes"] for v in shape]
            kept = "yes" if all(search["in_box"]) else "no"
            seconds = search["ntk_seconds"] + search["regions_seconds"]
            rows.append(
                (run.dataset, run.result["filter"], search["seed"], search["evaluations"],
                 search["exempt"], Number(seconds, spec=".3g"), *shapes, kept)
            )  # fmt: skip
    columns = ("images", "filter", "seed", "evaluations", "exempt", "process seconds",
               "depth, normal", "width, normal", "depth, reduction", "width, reduction",
               "in WOT's box")  # fmt: skip
    return Table("tenas_darts_searches", "Searches made here", columns, tuple(rows))
