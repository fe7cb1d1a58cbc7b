"""Random search by score (Mellor et al., ICML 2021), with or without a filter in front.

A repeat draws architectures, drops what the filter rejects, scores the rest and takes the best.
No accuracy is known here: the chosen are looked up afterwards (`wot_dag.__main__`).
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.stopping import StopRequest
from wot_dag.config import WotConfig
from wot_dag.filters import FILTERS
from wot_dag.header import header_of, require_fit
from wot_dag.score import open_store
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import Space
from wot_dag.store import Key, Scores, read_scores, require_scores


@dataclass(frozen=True)
class Repeat:
    """One search.

    Args:
        kept: the architectures drawn that passed the filter, in the order of drawing.
        seed: of the mini-batch and the weights by which they are scored.
        drawn: how many were drawn.
        filter_seconds: spent on the filter.
        rest_seconds: spent on drawing.
    """

    kept: tuple[str, ...]
    seed: int
    drawn: int
    filter_seconds: float
    rest_seconds: float


@dataclass(frozen=True)
class Choice:
    """What one search came to.

    Args:
        arch: the best, None if nothing passed the filter with a finite score.
        score: its score.
        drawn: architectures drawn.
        evaluated: those that passed the filter.
        filter_seconds, scoring_seconds, rest_seconds: by phase; scoring counts each different
            architecture once, with the time that it takes to score it alone. What cells share
            where a whole space is scored does not count: a search of 100 has next to nothing
            to share.
    """

    arch: str | None
    score: float | None
    drawn: int
    evaluated: int
    filter_seconds: float
    scoring_seconds: float
    rest_seconds: float


def search(config: WotConfig, space: Space, request: StopRequest) -> list[Choice]:
    """All repeats of a search.

    Raises:
        ScoreError: the file of scores does not fit, or misses architectures that were drawn.
        DataError, ConfigError: scores must be computed, and the dataset is not to be had.
        SystemExit: SIGTERM or Ctrl-C while scoring.
    """
    repeats = draw_repeats(config, space)
    needed = [Key(arch, repeat.seed) for repeat in repeats for arch in repeat.kept]
    _, scores = scores_of(config, space, needed, request)
    require_scores(scores, needed)
    return [_choose(repeat, scores) for repeat in repeats]


def draw_repeats(config: WotConfig, space: Space) -> list[Repeat]:
    """What each repeat draws and keeps; the draws depend on the seed alone."""
    keeps = FILTERS[config.filter].make(space, config.fraction)
    repeats = []
    for number in range(config.repeats):
        started = time.perf_counter()
        archs = space.draw(np.random.default_rng([config.seed, number]), config.samples)
        drawn = time.perf_counter()
        kept = tuple(arch for arch, keep in zip(archs, keeps(archs)) if keep)
        filtered = time.perf_counter()
        seed = config.score.seeds[number % len(config.score.seeds)]
        repeats.append(Repeat(kept, seed, len(archs), filtered - drawn, drawn - started))
    return repeats


def scores_of(
    config: WotConfig, space: Space, keys: Sequence[Key], request: StopRequest
) -> tuple[dict, Scores]:
    """How scores were made, and those of `keys`, from the config's file or made now.

    Raises:
        ScoreError: the file is no scores, or was made otherwise than the config says.
    """
    if config.scores:
        header, scores = read_scores(Path(config.scores))
        require_fit(config, header)
        return header, scores
    scorer = Scorer(config.score, space)
    with open_store(config, scorer) as (store, _):
        score_missing(keys, scorer, store, request)
        return header_of(config, scorer.data), store.scores


def _choose(repeat: Repeat, scores: Scores) -> Choice:
    started = time.perf_counter()
    own = {arch: scores[Key(arch, repeat.seed)] for arch in repeat.kept}
    best = best_of(repeat.kept, lambda arch: own[arch].value)
    score = None if best is None else own[best].value
    scoring = sum(found.seconds for found in own.values())
    rest = repeat.rest_seconds + time.perf_counter() - started
    return Choice(best, score, repeat.drawn, len(repeat.kept), repeat.filter_seconds, scoring, rest)


def best_of(archs: Iterable[str], score: Callable[[str], float]) -> str | None:
    """The first of the highest finite score, None if there is none."""
    best, highest = None, -math.inf
    for arch in archs:
        if score(arch) > highest:
            best, highest = arch, score(arch)
    return best


def summarize(choices: Sequence[Choice]) -> dict:
    """Evaluations and seconds over all repeats."""
    drawn, evaluated = (sum(getattr(c, key) for c in choices) for key in ("drawn", "evaluated"))
    phases = ("filter_seconds", "scoring_seconds", "rest_seconds")
    seconds = {key: statistics.fmean(getattr(c, key) for c in choices) for key in phases}
    return {
        "repeats": len(choices),
        "repeats_without_choice": sum(c.arch is None for c in choices),
        "drawn": drawn,
        "evaluated": evaluated,
        "evaluations_saved": 1 - evaluated / drawn,
        "seconds_per_repeat": {"total": sum(seconds.values()), **seconds},
    }
