"""Entry: python -m retrain.queries --config ... --genotype runs/wot/NAME: finalists, trained.

A search by `python -m wot_dag --queries q` keeps its q best by score. Here each is trained by the
same settings as `python -m retrain` takes, and the best on validation images is chosen; its
test error, like that of the others, has no part in that.
"""

import dataclasses
from functools import partial
from pathlib import Path

from common.config import ConfigError, identity, require, run_entry
from common.devices import choose_device, describe
from common.files import read_json, read_metrics
from common.runs import Run
from common.workers import Workers
from retrain.config import RetrainConfig
from retrain.training import train

PROG = "python -m retrain.queries"
KIND = "queries"


def read_finalists(folder: str, search: int | None) -> tuple[str, list[str]]:
    """How a search was made, and its finalists, that of the highest score first.

    Raises:
        ConfigError: no run of wot_dag with `queries`, or not clear which repeat `search` means.
    """
    path = Path(folder).expanduser()
    there = bool(folder) and (path / "result.json").is_file() and (path / "metrics.jsonl").is_file()
    result = read_json(path / "result.json") if there else {}
    kind = result.get("kind")
    repeats = read_metrics(path) if kind == "wot" else []
    if not repeats or not repeats[0].get("finalists"):
        what = f", a record of kind {kind!r}" if there else ""
        raise ConfigError(
            f"genotype: found {folder!r}{what}, expected the folder of a search with finalists: "
            f"python -m wot_dag ... --queries 5"
        )
    number = 1 if search is None and len(repeats) == 1 else search or 0
    ok = 1 <= number <= len(repeats)
    require(ok, "search", search, f"one of the repeats 1 .. {len(repeats)} of {folder}")
    return result["method"], repeats[number - 1]["finalists"]


def query(config: RetrainConfig, workers: Workers) -> dict:
    """Trains the finalists that are not trained yet; the record of the choice (rank 0).

    Each is a run of its own, runs/retrain/<name>_<place>/; of equally good ones the higher score
    is chosen.

    Raises:
        As `train`; ConfigError: no finalists, or no validation images.
    """

    def checked() -> tuple[str, list[str]]:
        expected = "true: finalists are compared on such images"
        require(config.validation, "validation", False, expected)
        return read_finalists(config.genotype, config.search)

    method, finalists = workers.together(checked)
    name = _name(config)
    results = []
    for place, arch in enumerate(finalists, start=1):
        run = dataclasses.replace(config.run, name=f"{name}_{place}")
        one = dataclasses.replace(config, genotype=arch, search=None, run=run)
        results.append(train(one, workers))
    if not workers.first:
        return {}
    rows = [_row(*found) for found in zip(finalists, results, strict=True)]
    chosen = max(range(len(rows)), key=lambda i: rows[i]["validation_top1"])  # the first of equals
    settings = identity(config) | {"finalists": finalists}
    device, data = describe(choose_device(config.device)), results[0]["dataset"]
    with Run(dataclasses.replace(config.run, name=name), KIND, settings, device, data) as run:
        if run.finished:
            return run.result
        found = {"epochs": config.epochs, "finalists": rows, "chosen": chosen + 1}
        return run.finish(found, method=method, network=results[0]["network"], n=len(rows))


def _name(config: RetrainConfig) -> str:
    """The run's, else that of the search."""
    return config.run.name or Path(config.genotype).name


def _row(arch: str, result: dict) -> dict:
    found = {"arch": arch, "validation_top1": result["best_validation"]["top1"]}
    return found | {"test_error": result["test"]["top1_error"], "seconds": result["seconds"]}


def main() -> None:
    """Trains the finalists of a search and prints them."""
    about = "Train a search's finalists and choose the best."
    workers = partial(Workers, tensors=True)
    run_entry(PROG, RetrainConfig, "", _queried, _print, about=about, workers=workers)


def _queried(config: RetrainConfig, workers: Workers) -> tuple[dict, Path]:
    result = query(config, workers)
    return result, dataclasses.replace(config.run, name=_name(config)).folder(KIND)


def _print(found: tuple[dict, Path]) -> None:
    result, folder = found
    print(f"\n{result['method']}: after {result['epochs']} epochs on {result['dataset']['name']}")
    print("place by score   validation accuracy (%)   test error (%)   seconds")
    for place, row in enumerate(result["finalists"], start=1):
        chosen = "  chosen" if place == result["chosen"] else ""
        rates = f"{row['validation_top1']:>23.2f}   {row['test_error']:>14.2f}"
        print(f"{place:>14}   {rates}   {row['seconds']:>7.0f}{chosen}")
    print(f"\nchosen: {result['finalists'][result['chosen'] - 1]['arch']}")
    print(f"\nRecords: {folder}/")


if __name__ == "__main__":
    main()
