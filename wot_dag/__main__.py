"""Entry: python -m wot_dag --config configs/wot/digits.yaml."""

import dataclasses
import json
import shlex
from pathlib import Path

from common.config import run_entry
from common.data import data_root
from common.files import read_metrics
from common.runs import Run
from common.stopping import stop_on_signals
from common.workers import Workers
from spaces import SpaceError
from spaces.benchmark import AccuracyTable
from wot_dag.config import WotConfig
from wot_dag.header import run_identity
from wot_dag.queries import queried
from wot_dag.search import Choice, search, summarize
from wot_dag.space import make_space

PROG = "python -m wot_dag"


def main() -> None:
    """Searches as the config says and prints what was found."""
    about = "Random search by a score, filtered or not."
    how = run_search, print_result, SpaceError
    run_entry(PROG, WotConfig, "wot", *how, about=about, workers=Workers)


def run_search(config: WotConfig, workers: Workers | None = None) -> dict:
    """Searches, or returns the result of the finished run; {} but for the first of `workers`."""
    workers = workers or Workers(alone=True)
    table = workers.together(
        lambda: AccuracyTable.find_for(config.space, config.table, data_root())
    )
    settings, device, header, data = workers.together(lambda: run_identity(config))
    workers.agree(settings | {"data": header})
    how = config.run, "wot", settings, device, header
    with workers.open_run(*how) as run:
        if not workers.from_first(run is not None and run.finished):
            with stop_on_signals() as request:
                choices = search(config, make_space(config), request, data, workers)
            if run:
                _record(config, run, choices)
        if run and table:
            table.add_to(run, lambda: _accuracies(run, table))
        return run.result if run else {}


def _record(config: WotConfig, run: Run, choices: list[Choice]) -> None:
    run.rewind(0)
    for choice in choices:
        run.log(_as_record(choice, config))
    _finish(config, run, choices)


def _as_record(choice: Choice, config: WotConfig) -> dict:
    record = dataclasses.asdict(choice)
    if not config.queries:
        del record["finalists"]  # the architecture itself
    return record


def _finish(config: WotConfig, run: Run, choices: list[Choice]) -> None:
    result = summarize(choices)
    if result["repeats_without_choice"] < result["repeats"]:
        result["best"] = _best(config, choices, run.folder)
    what = config.method, config.filter, config.kept_fraction
    run.finish(result, *what, config.network(), config.repeats)


def _accuracies(run: Run, table: AccuracyTable) -> dict:
    """Those of the chosen, or of the finalists, in a table."""
    found = [r for r in read_metrics(run.folder) if r["arch"] is not None]
    if found and "finalists" in found[0]:
        return queried(table, [r["finalists"] for r in found])
    return {"accuracy": table.look_up([r["arch"] for r in found])}


def _best(config: WotConfig, choices: list[Choice], folder: Path) -> dict:
    """The highest score of all repeats; a genotype is written to genotype.json too."""
    best = max((c for c in choices if c.arch is not None), key=lambda c: c.score)
    found = {"arch": best.arch, "score": best.score}
    if config.space == "darts":
        file = folder / "genotype.json"
        file.write_text(json.dumps(json.loads(best.arch), indent=1) + "\n")
        data = "imagenet" if config.score.stem == "imagenet" else "cifar10"
        entry, what = ("retrain.queries", folder) if config.queries else ("retrain", file)
        words = ("python", "-m", entry, "--config", f"configs/retrain/darts_{data}.yaml")
        train = shlex.join([*words, "--genotype", str(what)])
        found |= {"genotype": str(file), "train_with": train}
    return found


def print_result(result: dict) -> None:
    """Prints the result in lines of at most 79 characters, but for the architecture."""
    seconds = result["seconds_per_repeat"]
    seeds, fraction = result["network"]["seeds"], result["fraction"]
    of_seeds = f", scores of {seeds} seeds in turn" if seeds > 1 else ""
    kept = "" if fraction is None else f", fraction {fraction:g}"
    print(f"\n{result['method']}{kept}, {result['repeats']} repeats{of_seeds}")
    for dataset, row in result.get("accuracy", {}).items():
        if row["mean"] is not None:
            unknown = row["without_accuracy"]
            print(
                f"{dataset:<16} {row['mean']:6.2f} ({row['std']:.2f}) %   best of the space "
                f"{row['best']:.2f}, mean {row['mean_of_space']:.2f}"
                + f"; {unknown} chosen have none"
                * bool(unknown)
            )
    if "queries" in result:
        print(f"queries          {result['queries']['mean']:g} a search, each a look at")
        print(f"                 {result['queries']['looked_at']}: the choice has seen test data")
    print(
        f"evaluations      {result['evaluated']:,} of {result['drawn']:,}, "
        f"{100 * result['evaluations_saved']:.1f} % saved"
    )
    phases = ", ".join(
        f"{key.removesuffix('_seconds')} {value:.3g}"
        for key, value in seconds.items()
        if key != "total"
    )
    print(f"seconds/repeat   {seconds['total']:.3g}: {phases}")
    empty = result["repeats_without_choice"]
    if empty:
        print(f"no choice in {empty} of {result['repeats']} repeats: no sample passed the filter")
        print("with a finite score; raise fraction or samples")
    if "best" in result:
        print(f"highest score    {result['best']['score']:.2f}: {result['best']['arch']}")
    if "train_with" in result.get("best", {}):
        print(f"train it with    {result['best']['train_with']}")


if __name__ == "__main__":
    main()
