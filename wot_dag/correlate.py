"""Entry: python -m wot_dag.correlate --config ...: how well the score orders a space.

Kendall's tau and Spearman's rho of the score with test accuracy, beside those of what a score
must beat (wot_dag/scores/baselines.py). An architecture's score here is the mean over
`score.seeds`. Of a list of genotypes it says too what each filter keeps. Writes result.json and
architectures.csv.gz, one row per architecture, into the folder of the run.
"""

from collections.abc import Mapping

import numpy as np
from scipy import stats

from common.config import require, run_entry
from common.files import write_columns
from common.runs import Run
from common.statistics import kendall_tau, spearman_rho
from common.stopping import stop_on_signals
from spaces import SpaceError
from wot_dag.config import WotConfig
from wot_dag.header import run_identity
from wot_dag.kept import kept_by_filters
from wot_dag.landscape import landscape
from wot_dag.scored import scores_of
from wot_dag.scores.aggregate import aggregate
from wot_dag.scores.baselines import BASELINES
from wot_dag.space import make_space
from wot_dag.store import Key, mean_scores

PROG = "python -m wot_dag.correlate"
KIND = "wot_correlation"
PREDICTORS = ("score", *BASELINES)


def main() -> None:
    """Correlates over the whole space of a config and prints a table."""
    about = "Correlate a score with accuracy over a space."
    run_entry(PROG, WotConfig, KIND, _correlated, _print, SpaceError, about=about)


def _correlated(config: WotConfig) -> tuple[dict, int]:
    return correlate(config), config.samples


def _print(found: tuple[dict, int]) -> None:
    record, samples = found
    for dataset, rows in record["datasets"].items():
        n = rows["score"]["n"]
        print(f"\n{dataset}, n = {n:,}: Kendall's tau, Spearman's rho")
        for name, row in rows.items():
            print(f"  {name.replace('_', ' '):<16} {row['kendall']:6.3f}  {row['spearman']:6.3f}")
        if dataset in record.get("kept", {}):
            print_kept(record["kept"][dataset], samples)


def print_kept(rows: Mapping[str, dict], samples: int) -> None:
    """Prints a line for each filter, of what `kept_by_filters` says of one data set."""
    whole = rows["none"]["n"]
    print(f"\nkept by filter: %, mean (std) of accuracy, best; found by searches of {samples}")
    for name, row in rows.items():
        numbers = (
            f"{row['mean']:6.2f} ({row['std']:.2f})  {row['best']:6.2f}" if row["n"] else "nothing"
        )
        found = "" if row["searched"] is None else f"  {row['searched']:6.2f}"
        print(f"  {name:<10} {100 * row['n'] / whole:5.1f}  {numbers}{found}")


def correlate(config: WotConfig) -> dict:
    """Measures all predictors over the space, or returns the finished run's result."""
    key = "genotypes" if config.space == "darts" else "table"
    require(bool(getattr(config, key)), key, "", "a list or table of accuracies")
    space = make_space(config)
    columns, accuracies, table = landscape(config, space)
    for name, y in accuracies.items():
        known = int((~np.isnan(y)).sum())
        require(known >= 3, "accuracies", f"{known} of {name}", "three or more")
    settings, device, images, data = run_identity(config)
    settings |= {"table": table}
    with Run(config.run, KIND, settings, device, images) as run:
        if run.finished:
            return run.result
        archs = columns["arch"].tolist()
        keys = [Key(arch, seed) for arch in archs for seed in config.score.seeds]
        with stop_on_signals() as request:
            header, parts = scores_of(config, space, keys, request, data)
        means = [mean_scores(scores, archs, config.score.seeds) for scores in parts]
        columns["score"] = aggregate([[of[arch] for arch in archs] for of in means])
        shape = header["image_shape"]
        columns["parameters"] = space.parameters(archs, shape)
        columns["multiply_adds"] = space.multiply_adds(archs, shape)
        columns["convolutions"] = space.convolutions(archs)
        write_columns(run.folder / "architectures.csv.gz", {**columns, **accuracies})
        columns["random"] = np.random.default_rng(0).random(len(archs))
        result = {
            "table": table,
            "singular": int(np.isinf(columns["score"]).sum()),
            "datasets": {name: correlations(columns, y) for name, y in accuracies.items()},
        }
        if config.genotypes and data:  # without images there is no kernel to filter by
            result["kept"] = kept_by_filters(config, space, columns["score"], accuracies)
        return run.finish(result, config.score.label, network=config.network(), n=len(archs))


def correlations(columns: Mapping[str, np.ndarray], y: np.ndarray) -> dict[str, dict[str, float]]:
    """Kendall's tau-b and Spearman's rho of each predictor with y; -inf ranks lowest.

    Architectures whose y is nan have no accuracy and are left out.
    """
    result, known = {}, ~np.isnan(y)
    y = y[known]
    for name in PREDICTORS:
        ranks = stats.rankdata(columns[name][known])
        result[name] = {
            "kendall": kendall_tau(ranks, y),
            "spearman": spearman_rho(ranks, y),
            "n": len(y),
        }
    return result


if __name__ == "__main__":
    main()
