"""Random search by score (Mellor et al., ICML 2021), with or without a filter in front.

A repeat draws architectures, drops what the filter rejects, scores the rest and takes the best.
No accuracy is known here: the chosen are looked up afterwards (`wot_dag.__main__`).
"""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from common.dataset import Dataset
from common.stopping import StopRequest
from wot_dag.config import WotConfig
from wot_dag.filters import FILTERS
from wot_dag.scored import scores_of
from wot_dag.scores.aggregate import aggregate
from wot_dag.space import Space
from wot_dag.store import Key, Scores, require_scores


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
        finalists: the best by score, `queries` of them or one.
    """

    arch: str | None
    score: float | None
    drawn: int
    evaluated: int
    filter_seconds: float
    scoring_seconds: float
    rest_seconds: float
    finalists: list[str] = field(default_factory=list)


def search(
    config: WotConfig, space: Space, request: StopRequest, data: Dataset | None = None
) -> list[Choice]:
    """All repeats of a search, on images that are at hand or on those of the config.

    Raises:
        ScoreError: the file of scores does not fit, or misses architectures that were drawn.
        DataError, ConfigError: scores must be computed, and the dataset is not to be had.
        SystemExit: SIGTERM or Ctrl-C while scoring.
    """
    repeats = draw_repeats(config, space)
    needed = [Key(arch, repeat.seed) for repeat in repeats for arch in repeat.kept]
    _, parts = scores_of(config, space, needed, request, data)
    for scores in parts:
        require_scores(scores, needed)
    return [choose(repeat, parts, max(1, config.queries)) for repeat in repeats]


def draw_repeats(config: WotConfig, space: Space) -> list[Repeat]:
    """What each repeat draws and keeps; the draws depend on the seed alone."""
    keeps = FILTERS[config.filter].make(space, config.kept_fraction)
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


def choose(repeat: Repeat, parts: Sequence[Scores], finalists: int = 1) -> Choice:
    """The best by a score, or by an aggregate of several."""
    started = time.perf_counter()
    archs = list(dict.fromkeys(repeat.kept))
    own = [[scores[Key(arch, repeat.seed)] for arch in archs] for scores in parts]
    values = dict(zip(archs, aggregate([[s.value for s in row] for row in own]).tolist()))
    best = ranked(values)[:finalists]
    scoring = sum(score.seconds for row in own for score in row)
    rest = repeat.rest_seconds + time.perf_counter() - started
    arch, score = (best[0], values[best[0]]) if best else (None, None)
    kept = len(repeat.kept)
    return Choice(arch, score, repeat.drawn, kept, repeat.filter_seconds, scoring, rest, best)


def ranked(scores: Mapping[str, float]) -> list[str]:
    """Those with a finite score, the highest first.

    Equal ones keep the order in which they were drawn, which is as good as any other, and no
    order of the space.
    """
    finite = (arch for arch, score in scores.items() if math.isfinite(score))
    return sorted(finite, key=scores.__getitem__, reverse=True)


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
