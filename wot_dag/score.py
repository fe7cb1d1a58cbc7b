"""Entry: python -m wot_dag.score --config configs/wot/....yaml: scores a whole space.

Scores are kept in runs/wot_scores/<name>/, one line each; the same command goes on after a
kill. `torchrun --nproc-per-node 2 -m wot_dag.score ...` splits the work over processes, and with
--nnodes over machines, shared forward passes whole; the scores are the same.
"""

import contextlib
import math

from common.config import parse_config, require
from common.errors import run_main
from common.stopping import stop_on_signals
from common.workers import Workers
from spaces import SpaceError
from wot_dag.config import WotConfig
from wot_dag.header import header_of
from wot_dag.scored import open_store, parts_of
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import Space, make_space
from wot_dag.store import Key, Scores, write_scores

PROG = "python -m wot_dag.score"


def main() -> None:
    """Scores every architecture of the config's space and writes scores.csv.gz."""
    config = parse_config(WotConfig, PROG, "Score all architectures of a space.")
    with contextlib.closing(Workers()) as workers:
        run_main(PROG, lambda: score_spaces(config, workers), SpaceError)


def score_spaces(config: WotConfig, workers: Workers) -> None:
    """Scores the space by the config's score, or by each part of an aggregate."""
    space = make_space(config)
    require(bool(space.archs), "genotypes", config.genotypes, "an NDS file: DARTS has no end")
    for part in parts_of(config):
        score_space(part, space, workers)


def score_space(config: WotConfig, space: Space, workers: Workers) -> None:
    """Scores all architectures that this process has, then gathers everyone's scores."""
    keys = [Key(arch, seed) for arch in space.archs for seed in config.score.seeds]
    scorer = workers.together(lambda: Scorer(config.score, space))
    own = [key for group in scorer.groups(keys)[workers.rank :: workers.size] for key in group]
    with open_store(config, scorer, workers) as (store, run), stop_on_signals() as request:
        score_missing(own, scorer, store, request, quiet=not workers.first)
        parts: list[Scores] = workers.gather({key: store.scores[key] for key in own})
        if run:
            scores = {key: score for part in parts for key, score in part.items()}
            file = run.folder / "scores.csv.gz"
            write_scores(file, header_of(config, scorer.data), scores)
            summary = {
                "singular": sum(math.isinf(score.value) for score in scores.values()),
                "seconds_one_by_one": sum(score.seconds for score in scores.values()),
                "processes": workers.size,
            }
            run.finish(summary, config.score.label, network=config.network(), n=len(scores))
            print(f"{len(scores):,} scores: {file}")


if __name__ == "__main__":
    main()
