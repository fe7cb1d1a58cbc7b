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

from common.runs import StopRequest
from wot_dag.config import WotConfig
from wot_dag.filters import make_filter
from wot_dag.score import keys_of, open_store
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import Space
from wot_dag.store import Key, Scores, mean_scores, read_scores


@dataclass(frozen=True)
class Repeat:
    """One search.

    Args:
        kept: the architectures drawn that passed the filter, in the order of drawing.
        drawn: how many were drawn.
        filter_seconds: spent on the filter.
        rest_seconds: spent on drawing.
    """

    kept: tuple[str, ...]
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
            architecture once, with the time that its score took when it was made.
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
        ScoreError: the file of scores misses architectures that were drawn.
        DataError, ConfigError: scores must be computed, and the dataset is not to be had.
        SystemExit: SIGTERM or Ctrl-C while scoring.
    """
    repeats = draw_repeats(config, space)
    needed = dict.fromkeys(arch for repeat in repeats for arch in repeat.kept)
    scores = scores_of(config, space, list(needed), request)
    scored_as = {arch: space.scored_as(arch) for arch in needed}
    means = mean_scores(scores, scored_as.values(), config.score.seeds)
    seconds = {
        arch: sum(scores[Key(arch, seed)].seconds for seed in config.score.seeds) for arch in means
    }
    return [_choose(repeat, scored_as, means, seconds) for repeat in repeats]


def draw_repeats(config: WotConfig, space: Space) -> list[Repeat]:
    """What each repeat draws and keeps; the draws depend on the seed alone."""
    keeps = make_filter(config, space)
    repeats = []
    for number in range(config.repeats):
        started = time.perf_counter()
        archs = space.draw(np.random.default_rng([config.seed, number]), config.samples)
        drawn = time.perf_counter()
        kept = tuple(arch for arch, keep in zip(archs, keeps(archs)) if keep)
        filtered = time.perf_counter()
        repeats.append(Repeat(kept, len(archs), filtered - drawn, drawn - started))
    return repeats


def scores_of(config: WotConfig, space: Space, archs: list[str], request: StopRequest) -> Scores:
    """Scores of `archs` by all seeds, from the config's file or made now."""
    if config.scores:
        return read_scores(Path(config.scores))
    scorer = Scorer(config.score, space)
    with open_store(config, scorer) as (store, _):
        score_missing(keys_of(space, archs, config.score.seeds), scorer, store, request)
        return store.scores


def _choose(
    repeat: Repeat,
    scored_as: dict[str, str],
    means: dict[str, float],
    seconds: dict[str, float],
) -> Choice:
    started = time.perf_counter()
    best = best_of(repeat.kept, lambda arch: means[scored_as[arch]])
    score = None if best is None else means[scored_as[best]]
    scoring = sum(seconds[arch] for arch in {scored_as[arch] for arch in repeat.kept})
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
