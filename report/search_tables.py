"""Tables 2 and 3: what searches found, beside the published numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from common.runs import read_json
from report.sections import DATASETS, read_published


def read_results(folders: Sequence[Path]) -> list[dict]:
    """Results of finished searches by WOT or TE-NAS, as `one_form` has them.

    Raises:
        FileNotFoundError: a folder holds no finished run.
    """
    for folder in folders:
        if not (folder / "result.json").is_file():
            raise FileNotFoundError(f"{folder} holds no finished run (no result.json)")
    return [one_form(read_json(folder / "result.json")) for folder in folders]


def one_form(result: Mapping) -> Mapping:
    """A search's result in the form of WOT's, which others are brought into.

    It has `method`, `repeats`, `accuracy` (dataset: mean, std, n; absent without a table),
    `evaluations_saved` where a filter was on, and `seconds_per_repeat` with its `total`.
    """
    if "searches" not in result:
        return result
    searches = result["searches"]
    filtered = result["filter"] == "exempt"
    row = {
        "method": "TE-NAS + DAG" if filtered else "TE-NAS",
        "repeats": len(searches),
        "seconds_per_repeat": {"total": result["seconds_per_search"]["mean"]},
        "accuracy": result.get("accuracy", {}),
    }
    if filtered:
        exempt = sum(search["exempt"] for search in searches)
        made = sum(search["evaluations"] for search in searches)
        row["evaluations_saved"] = exempt / (exempt + made)
    return row


def table2(results: Sequence[Mapping]) -> str:
    """Markdown: methods measured here, then all rows of the paper's Table 2."""
    published = read_published()["table2"]
    datasets = _datasets(results)
    lines = [
        "Test accuracy (%) of the cells found on NAS-Bench-201, mean (std) over the repeats; "
        "images and accuracies of the named datasets; seconds of one search, "
        "here on the hardware of the run, published on a GTX 1080Ti.",
        "",
        _row("method", *datasets, "seconds", "evaluations saved", "repeats"),
        _row("---", *["---:"] * (len(datasets) + 3)),
    ]
    for result in results:
        cells = [_measured(result, dataset) for dataset in datasets]
        seconds = f"{result['seconds_per_repeat']['total']:.3g}"
        saved = percent(result.get("evaluations_saved"))
        lines.append(_row(result["method"], *cells, seconds, saved, result["repeats"]))
    best = {
        dataset: row["best"]
        for result in results
        for dataset, row in result.get("accuracy", {}).items()
        if "best" in row
    }
    if best:
        cells = [_mean_std(best[d]) if d in best else "" for d in datasets]
        lines.append(_row("Optimal of the table", *cells, "", "", ""))
    for method, row in published.items() if set(datasets) & set(DATASETS) else ():
        cells = [_mean_std(*row[d]) if d in row else "" for d in datasets]
        lines.append(_row(f"{method}, published", *cells, row.get("seconds", ""), "", ""))
    return "\n".join(lines) + "\n"


def table3(results: Sequence[Mapping]) -> str:
    """Markdown: the fractions of the box rule, beside the paper's Table 3 (CIFAR-100)."""
    published = read_published()["table3"]
    datasets = _datasets(results)
    lines = [
        "Test accuracy (%) of the cells that WOT finds with the box rule, by its fraction f, "
        "mean (std) over the repeats. The paper gives CIFAR-100, searched on its images.",
        "",
        _row("f", *datasets, "evaluations saved", "repeats", "published, CIFAR-100"),
        _row("---:", *["---:"] * (len(datasets) + 3)),
    ]
    for result in results:
        cells = [_measured(result, dataset) for dataset in datasets]
        saved = percent(result.get("evaluations_saved"))
        paper = published.get(result["fraction"], {}).get("cifar100")
        paper = _mean_std(*paper) if paper else ""
        lines.append(_row(f"{result['fraction']:g}", *cells, saved, result["repeats"], paper))
    return "\n".join(lines) + "\n"


def _datasets(results: Sequence[Mapping]) -> list[str]:
    return list(dict.fromkeys(name for r in results for name in r.get("accuracy", {})))


def _measured(result: Mapping, dataset: str) -> str:
    row = result.get("accuracy", {}).get(dataset)
    return _mean_std(row["mean"], row["std"]) if row and row["mean"] is not None else ""


def percent(share: float | None) -> str:
    """A share in percent; empty for none."""
    return "" if share is None else f"{100 * share:.1f} %"


def _mean_std(mean: float, std: float | None = None) -> str:
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ({std:.2f})"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
