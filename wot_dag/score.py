"""Entry: python -m wot_dag.score --config configs/wot/....yaml: scores a whole space.

Scores are kept in runs/wot_scores/<name>/, one line each; the same command goes on after a
kill. `torchrun --nproc-per-node 2 -m wot_dag.score ...` splits the work over processes, and with
--nnodes over machines; the scores are the same.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from common.config import ConfigError, parse_config
from common.data import DataError
from common.devices import describe
from common.runs import Run, RunError, RunSettings, stop_on_signals, write_json
from spaces import SpaceError
from wot_dag.config import WotConfig
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import Space, make_space
from wot_dag.store import Key, Scores, ScoreStore, write_scores

PROG = "python -m wot_dag.score"


def main() -> None:
    """Scores every architecture of the config's space and writes scores.csv.gz."""
    config = parse_config(WotConfig, PROG, "Score all architectures of a space.")
    try:
        with process_group() as (rank, world):
            score_space(config, rank, world)
    except (ConfigError, DataError, RunError, SpaceError, FileNotFoundError) as error:
        sys.exit(f"{PROG}: {error}")


@contextlib.contextmanager
def process_group() -> Iterator[tuple[int, int]]:
    """(rank, number of processes) of this process; those that torchrun started are joined."""
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1:
        yield 0, 1
        return
    dist.init_process_group("gloo", timeout=timedelta(days=7))  # ranks wait for the slowest
    try:
        yield dist.get_rank(), world
    finally:
        dist.destroy_process_group()


def score_space(config: WotConfig, rank: int = 0, world: int = 1) -> Path | None:
    """Scores all architectures that this rank has, then gathers those of all ranks at rank 0.

    Returns:
        The file of all scores, at rank 0.
    """
    space = make_space(config)
    keys = keys_of(space, space.archs, config.score.seeds)
    scorer = Scorer(config.score, space)
    with open_store(config, scorer, rank, world) as (store, folder), stop_on_signals() as request:
        score_missing(keys[rank::world], scorer, store, request, quiet=rank > 0)
        scores = _gathered({key: store.scores[key] for key in keys[rank::world]}, rank, world)
        if rank:
            return None
        write_scores(folder / "scores.csv.gz", scores)
        write_json(folder / "result.json", _summary(config, scores, world))
        print(f"{len(scores):,} scores: {folder / 'scores.csv.gz'}")
        return folder / "scores.csv.gz"


def _summary(config: WotConfig, scores: Scores, world: int) -> dict:
    """What was scored and how long it took; with it the folder's environment is final."""
    return {
        "space": config.space,
        "dataset": config.score.dataset,
        "scores": len(scores),
        "singular": sum(math.isinf(score.value) for score in scores.values()),
        "seconds": sum(score.seconds for score in scores.values()),
        "processes": world,
    }


def keys_of(space: Space, archs: list[str], seeds: list[int]) -> list[Key]:
    """What must be scored for `archs`, each once."""
    return list(dict.fromkeys(Key(space.scored_as(a), s) for a in archs for s in seeds))


@contextlib.contextmanager
def open_store(
    config: WotConfig, scorer: Scorer, rank: int = 0, world: int = 1
) -> Iterator[tuple[ScoreStore, Path]]:
    """The store of a config's scores and its folder; only rank 0 claims the folder.

    Each way of scoring has a folder of its own, so that edits of a config never mix scores.
    """
    identity = config.score_identity()
    digest = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    name = f"{config.space}_{Path(config.score.dataset).stem}_{digest:08x}"
    settings = RunSettings(name, config.run.root)
    run = Run(settings, "wot_scores", identity, describe(scorer.device)) if rank == 0 else None
    if world > 1:
        dist.barrier()
    folder = Path(settings.root) / "wot_scores" / name
    store = ScoreStore(folder, rank)
    try:
        yield store, folder
    finally:
        store.close()
        if run:
            run.close()


def _gathered(mine: Scores, rank: int, world: int) -> Scores:
    if world == 1:
        return mine
    parts: list[Scores | None] = [None] * world
    dist.gather_object(mine, parts if rank == 0 else None)
    return {key: score for part in parts if part for key, score in part.items()}


if __name__ == "__main__":
    main()
