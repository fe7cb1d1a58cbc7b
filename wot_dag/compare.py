"""Entry: python -m wot_dag.compare --config configs/scores/digits.yaml: scores against each other.

For each score of NAS-Bench-201's cells: Kendall's tau and Spearman's rho with test accuracy, over
all cells and over those with a depth, and whether it beats the number of parameters; how much of
it comes from the seed of weights and mini-batch; what random search by it finds, behind filters.
Of aggregates, all of two to four scores are tried, and that of the highest tau on the table's first
data set is read on the others. Scores are kept in runs/wot_scores/: a restart goes on, and torchrun
shares the scoring among processes.
"""

from dataclasses import dataclass, field

from common.config import free, identity, require, run_entry
from common.data import data_root
from common.ranges import Positive, check
from common.runs import RunSettings
from common.stopping import stop_on_signals
from common.workers import Workers
from spaces import SpaceError
from spaces.benchmark import NUM_ARCHITECTURES, AccuracyTable
from wot_dag.compared import Comparison
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.header import run_identity
from wot_dag.scores import SCORES, require_score
from wot_dag.scores.baselines import BASELINES

PROG = "python -m wot_dag.compare"
KIND = "scores"


@dataclass(frozen=True)
class CompareConfig:
    """What is compared.

    Args:
        score: dataset, mini-batch and network; of its seeds the first gives the scores, and all
            of them the sum over seeds and how much comes from the seed.
        names: scores; the baselines are always there.
        sampled: those of them that are taken on a random sample of cells.
        sample: cells of that sample.
        aggregates: each a list of scores.
        seed_cells: cells by which seeds are compared. Scores of no more cells than these are
            summed over seeds, and queried by each.
        bootstrap: samples behind each interval.
        repeats: searches behind each accuracy.
        table: accuracies: nasbench201 (ships with the code), or a CSV file.
        run: where results go, runs/scores/<name>/.
    """

    score: ScoreSettings = field(default_factory=ScoreSettings)
    names: list[str] = field(default_factory=lambda: ["nngp", "wot", "jacov", "synflow", "swap",
                                                      "meco"])  # fmt: skip
    sampled: list[str] = field(default_factory=lambda: ["jacov", "synflow", "swap", "meco"])
    sample: int = 1000
    aggregates: list[list[str]] = field(default_factory=lambda: [
        ["jacov", "parameters"], ["jacov", "parameters", "effective_depth"],
        ["wot", "nngp", "convolutions"],
    ])  # fmt: skip
    seed_cells: int = 500
    bootstrap: Positive = 200
    repeats: Positive = 500
    table: str = free("nasbench201")  # its digest counts
    run: RunSettings = free(RunSettings)

    def __post_init__(self) -> None:
        check(self)
        for key in ("names", "sampled"):
            for name in getattr(self, key):
                require_score(key, name, tuple(SCORES))
        known = tuple({*self.names, *BASELINES})
        for parts in self.aggregates:
            require(len(set(parts)) > 1, "aggregates", parts, "lists of two or more scores")
            for name in parts:
                require_score("aggregates", name, known)
        for key in ("sample", "seed_cells"):
            found = getattr(self, key)
            require(
                10 <= found <= NUM_ARCHITECTURES, key, found, f"10 .. {NUM_ARCHITECTURES} cells"
            )


def compare(config: CompareConfig, workers: Workers | None = None) -> dict:
    """The result, or that of the finished run; {} but for the first of `workers`.

    Raises:
        DataError, RunError, ConfigError, SpaceError: before any work.
    """
    workers = workers or Workers(alone=True)
    search = WotConfig(score=config.score)
    table = workers.together(lambda: AccuracyTable.find(config.table, data_root()))
    _, device, images, data = workers.together(lambda: run_identity(search))
    settings = identity(config) | {"table": table.header}
    workers.agree(settings | {"data": images})
    with workers.open_run(config.run, KIND, settings, device, images) as run:
        if not workers.from_first(run is not None and run.finished):
            with stop_on_signals() as request:
                compared = Comparison(config, table, request, data, workers)
            if run:
                found = {"table": table.header, "repeats": config.repeats}
                found |= {"processes": workers.size, "rows": list(compared.rows())}
                run.finish(found, network=search.network(), n=len(compared.whole.archs))
        return run.result if run else {}


def main() -> None:
    """Compares and prints tau on each data set."""
    how = compare, print_result, SpaceError
    about = "Compare training-free scores."
    run_entry(PROG, CompareConfig, KIND, *how, about=about, workers=Workers)


def print_result(result: dict) -> None:
    """Prints a line for each score."""
    print("Kendall's tau, cells with a depth; search without a filter")
    for row in result["rows"]:
        taus = " ".join(f"{found['deep']['kendall']:6.3f}" for found in row["datasets"].values())
        accuracy = row["searches"]["none"]["accuracy"].values()
        means = " ".join(f"{found['mean']:6.2f}" for found in accuracy)
        print(f"{row['score']:<44} {row['n']:>6,} {taus}  {means}")


if __name__ == "__main__":
    main()
