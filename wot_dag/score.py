"""Entry: python -m wot_dag.score --config configs/wot/....yaml: scores a whole space.

Scores are kept in runs/wot_scores/<name>/, one line each; the same command goes on after a
kill. `torchrun --nproc-per-node 2 -m wot_dag.score ...` splits the work over processes, and with
--nnodes over machines, shared forward passes whole; the scores are the same.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from common.config import ConfigError, parse_config, require
from common.data import DataError
from common.devices import describe
from common.runs import Run, RunError, RunSettings, stop_on_signals, write_json
from common.workers import Workers
from spaces import SpaceError
from wot_dag.config import WotConfig
from wot_dag.header import header_of
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import make_space
from wot_dag.store import Key, Scores, ScoreStore, write_scores

PROG = "python -m wot_dag.score"


def main() -> None:
    """Scores every architecture of the config's space and writes scores.csv.gz."""
    config = parse_config(WotConfig, PROG, "Score all architectures of a space.")
    workers = Workers()
    try:
        score_space(config, workers)
    except (ConfigError, DataError, RunError, SpaceError, FileNotFoundError) as error:
        sys.exit(f"{PROG}: {error}")
    finally:
        workers.close()


def score_space(config: WotConfig, workers: Workers) -> Path | None:
    """Scores all architectures that this process has, then gathers everyone's scores.

    Returns:
        The file of all scores, in the first process.
    """
    space = make_space(config)
    require(bool(space.archs), "genotypes", config.genotypes, "an NDS file: DARTS has no end")
    keys = [Key(arch, seed) for arch in space.archs for seed in config.score.seeds]
    scorer = workers.together(lambda: Scorer(config.score, space))
    own = [key for group in scorer.groups(keys)[workers.rank :: workers.size] for key in group]
    with open_store(config, scorer, workers) as (store, folder), stop_on_signals() as request:
        score_missing(own, scorer, store, request, quiet=not workers.first)
        parts: list[Scores] = workers.gather({key: store.scores[key] for key in own})
        if not workers.first:
            return None
        scores = {key: score for part in parts for key, score in part.items()}
        write_scores(folder / "scores.csv.gz", header_of(config, scorer.data), scores)
        write_json(folder / "result.json", _summary(config, scores, workers.size))
        print(f"{len(scores):,} scores: {folder / 'scores.csv.gz'}")
        return folder / "scores.csv.gz"


def _summary(config: WotConfig, scores: Scores, world: int) -> dict:
    """What was scored, and how long it takes without shared passes.

    With it the folder's environment is final.
    """
    return {
        "space": config.space,
        "dataset": config.score.dataset,
        "scores": len(scores),
        "singular": sum(math.isinf(score.value) for score in scores.values()),
        "seconds_one_by_one": sum(score.seconds for score in scores.values()),
        "processes": world,
    }


@contextlib.contextmanager
def open_store(
    config: WotConfig, scorer: Scorer, workers: Workers | None = None
) -> Iterator[tuple[ScoreStore, Path]]:
    """The store of a config's scores and its folder; only the first process claims the folder.

    Each way of scoring has a folder of its own, so that edits of a config never mix scores; each
    kind of GPU has one too, since a score comes with its seconds.
    """
    identity = header_of(config, scorer.data)
    digest = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    name = f"{config.space}_{Path(config.score.dataset).stem}_{digest:08x}"
    if scorer.device.type != "cpu":
        name += "_" + re.sub(r"\W+", "_", describe(scorer.device))
    settings = RunSettings(name, config.run.root)
    first = workers is None or workers.first
    run = Run(settings, "wot_scores", identity, describe(scorer.device)) if first else None
    if workers:
        workers.gather(None)  # the folder is there for all
    folder = Path(settings.root) / "wot_scores" / name
    store = ScoreStore(folder, workers.rank if workers else 0)
    try:
        yield store, folder
    finally:
        store.close()
        if run:
            run.close()


if __name__ == "__main__":
    main()
