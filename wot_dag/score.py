"""Entry: python -m wot_dag.score --config configs/wot/....yaml: scores a whole space.

Scores are kept in runs/wot_scores/<name>/, one line each; the same command goes on after a
kill. `torchrun --nproc-per-node 2 -m wot_dag.score ...` splits the work over processes, and with
--nnodes over machines, shared forward passes whole; the scores are the same.
"""

import math

from common.config import require, run_entry
from common.dataset import digest_of
from common.stopping import stop_on_signals
from common.workers import Workers
from spaces import SpaceError
from wot_dag.config import WotConfig
from wot_dag.header import header_of
from wot_dag.scored import open_store, parts_of, score_shared
from wot_dag.scorer import Scorer
from wot_dag.space import Space, make_space
from wot_dag.store import Key, write_scores

PROG = "python -m wot_dag.score"


def main() -> None:
    """Scores every architecture of the config's space and writes scores.csv.gz."""
    about = "Score all architectures of a space."
    how = score_spaces, lambda _nothing: None, SpaceError
    run_entry(PROG, WotConfig, "", *how, about=about, workers=Workers)


def score_spaces(config: WotConfig, workers: Workers) -> None:
    """Scores the space by the config's score, or by each part of an aggregate."""
    space = make_space(config)
    require(bool(space.archs), "genotypes", config.genotypes, "an NDS file: DARTS has no end")
    for part in parts_of(config):
        score_space(part, space, workers)


def score_space(config: WotConfig, space: Space, workers: Workers) -> None:
    """Scores all architectures, each process a share; the first one writes the file."""
    keys = [Key(arch, seed) for arch in space.archs for seed in config.score.seeds]
    scorer = workers.together(lambda: Scorer(config.score, space))
    what = {"seeds": config.score.seeds, "networks": digest_of(["\n".join(space.archs).encode()])}
    workers.agree(header_of(config, scorer.data) | what)
    with open_store(config, scorer, workers) as (store, run), stop_on_signals() as request:
        scores = score_shared(keys, scorer, store, request, workers)
        if run:
            file = run.folder / "scores.csv.gz"
            write_scores(file, header_of(config, scorer.data), scores)
            summary = {
                "singular": sum(math.isinf(score.value) for score in scores.values()),
                "seconds_one_by_one": sum(score.seconds for score in scores.values()),
                "processes": workers.size,
            }
            run.finish(summary, config.score.label, network=config.network(), n=len(scores))
            print(f"{len(scores):,} scores: {file}\n\nRecords: {run.folder}/")


if __name__ == "__main__":
    main()
