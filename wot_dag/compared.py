"""What `wot_dag.compare` says of each score: a row of its result."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from common.dataset import Dataset
from common.runs import RunSettings
from common.statistics import kendall_tau, mean_std
from common.stopping import StopRequest
from spaces.benchmark import AccuracyTable
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.correlation_intervals import seed_share, with_intervals
from wot_dag.queries import queried
from wot_dag.scored import scores_of
from wot_dag.scores import label_of
from wot_dag.scores.aggregate import aggregate
from wot_dag.search import Choice, Repeat, choose, draw_repeats, ranked, summarize
from wot_dag.space import NasBench201Space
from wot_dag.store import Key, Scores

if TYPE_CHECKING:
    from wot_dag.compare import CompareConfig

BASE = "parameters"
BASELINES = (BASE, "multiply_adds", "convolutions", "effective_depth", "effective_width", "random")
FILTERS = ("none", "box", "kernel")
QUERIES = 20
Names = tuple[str, ...]  # of one score, or of an aggregate's parts


class Cells:
    """Cells, their scores and accuracies.

    Args:
        config: what is compared.
        table: accuracies.
        request: whether to stop.
        data: the images.
        some: the cells; all by default.
    """

    def __init__(
        self,
        config: CompareConfig,
        table: AccuracyTable,
        request: StopRequest,
        data: Dataset,
        some: Sequence[str] = (),
    ) -> None:
        self.config, self.request, self.data = config, request, data
        self.space = NasBench201Space(config.score, some)
        self.archs = self.space.archs
        self.deep = self.space.shapes(self.archs).depth[:, 0] > 0
        columns = table.test_columns().items()
        self.accuracy = {name: table.values(column, self.archs) for name, column in columns}

    def values(self, names: Names, seed: int) -> np.ndarray:
        """Of a score or an aggregate [cells]."""
        parts = (self._scores(name, seed).values() for name in names)
        return aggregate([[score.value for score in scores] for scores in parts])

    def seconds(self, names: Names, seed: int) -> float:
        """That one cell takes on average."""
        parts = (self._scores(name, seed).values() for name in names)
        return sum(statistics.fmean(score.seconds for score in scores) for scores in parts)

    def search(self, names: Names, filter_: str) -> list[Choice]:
        """Choices of searches by a score, or by an aggregate."""
        parts = [self._scores(name, self.config.score.seeds[0]) for name in names]
        return [choose(repeat, parts) for repeat in self._repeats(filter_)]

    @cache  # noqa: B019  (three objects live as long as their process)
    def _scores(self, name: str, seed: int) -> Scores:
        keys = [Key(arch, seed) for arch in self.archs]
        score = replace(self.config.score, name=name, seeds=[seed])
        searching = self._searching(score)
        (scores,) = scores_of(searching, self.space, keys, self.request, self.data)[1]
        return {key: scores[key] for key in keys}

    @cache  # noqa: B019  (likewise: every score meets the same draws)
    def _repeats(self, filter_: str) -> list[Repeat]:
        first = replace(self.config.score, seeds=self.config.score.seeds[:1])
        return draw_repeats(self._searching(first, filter_), self.space)

    def _searching(self, score: ScoreSettings, filter_: str = "none") -> WotConfig:
        root = RunSettings(root=self.config.run.root)
        return WotConfig(score=score, filter=filter_, repeats=self.config.repeats, run=root)


def rows_of(
    config: CompareConfig, table: AccuracyTable, request: StopRequest, data: Dataset
) -> Iterator[dict]:
    """A row for each score and aggregate, those on all cells first.

    Raises:
        SystemExit: SIGTERM or Ctrl-C while scoring.
    """
    whole = Cells(config, table, request, data)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(whole.archs))
    some = [whole.archs[i] for i in order]  # the first of a random order
    sampled = Cells(config, table, request, data, some[: config.sample])
    few = Cells(config, table, request, data, some[: config.seed_cells])
    names: list[Names] = [(name,) for name in dict.fromkeys([*BASELINES, *config.names])]
    names += [tuple(parts) for parts in config.aggregates]
    best = _best_aggregate(config, sampled)
    names += [best] if set(best) not in map(set, names) else []  # a sum has no order
    for cells in (whole, sampled):
        own = [n for n in names if (cells is sampled) == any(part in config.sampled for part in n)]
        found = _correlated(config, cells, own)
        for name in own:
            row = _row(cells, few, name, table) | {"datasets": found[name]}
            row["chosen"] = set(name) == set(best)
            print(f"{row['score']}: done", flush=True)
            yield row


def _row(cells: Cells, few: Cells, name: Names, table: AccuracyTable) -> dict:
    seeds = cells.config.score.seeds
    return {
        "score": label_of("", name),
        "names": [*name],
        "n": len(cells.archs),
        "seconds": cells.seconds(name, seeds[0]),
        "seed_share": seed_share([few.values(name, seed) for seed in seeds]),
        "searches": {f: _searched(cells, name, f, table) for f in FILTERS},
        "queries": _asked(cells, name, table),
    }


def _correlated(
    config: CompareConfig, cells: Cells, names: Iterable[Names]
) -> dict[Names, dict[str, dict]]:
    """Of each score, by data set: over all cells, and over those with a depth."""
    seed = config.score.seeds[0]
    values = {name: cells.values(name, seed) for name in [*names, (BASE,)]}
    found: dict[Names, dict[str, dict]] = {name: {} for name in values}
    for dataset, y in cells.accuracy.items():
        for subset, rows in (("all", ~np.isnan(y)), ("deep", ~np.isnan(y) & cells.deep)):
            chosen = {name: column[rows] for name, column in values.items()}
            of = with_intervals(chosen, y[rows], (BASE,), config.bootstrap)
            for name in values:
                found[name].setdefault(dataset, {})[subset] = of[name]
    return found


def _best_aggregate(config: CompareConfig, cells: Cells) -> Names:
    """The pair or triple of the highest tau on the first data set, over cells with a depth."""
    names = [name for name in dict.fromkeys([*BASELINES, *config.names]) if name != "random"]
    seed, y = config.score.seeds[0], next(iter(cells.accuracy.values()))
    rows = cells.deep & ~np.isnan(y)
    values = {name: cells.values((name,), seed)[rows] for name in names}
    groups = [group for size in (2, 3) for group in combinations(names, size)]
    return max(groups, key=lambda g: kendall_tau(_ranks([values[name] for name in g]), y[rows]))


def _ranks(parts: Sequence[np.ndarray]) -> np.ndarray:
    """An aggregate as numbers that tau takes: -inf is lower than all others."""
    return np.nan_to_num(aggregate(parts), neginf=-1e9)


def _searched(cells: Cells, name: Names, filter_: str, table: AccuracyTable) -> dict:
    choices = cells.search(name, filter_)
    accuracy = table.look_up([choice.arch for choice in choices if choice.arch is not None])
    return summarize(choices) | {"accuracy": accuracy}


def _asked(cells: Cells, name: Names, table: AccuracyTable) -> dict:
    """The best by score of all cells at hand, looked at once: by one search of all, per seed."""
    seeds = cells.config.score.seeds
    known = seeds if len(cells.archs) <= cells.config.seed_cells else seeds[:1]
    finalists = [_best(cells, name, seed) for seed in known]
    held = {
        dataset: mean_std([float(np.nanmax(table.values(c, best))) for best in finalists])
        for dataset, c in table.test_columns().items()
    }
    found = queried(table, finalists)
    kept = {key: found[key] for key in ("accuracy", "accuracy_by_first")}
    return {"number": QUERIES, "looked_at": found["queries"]["looked_at"], "held": held, **kept}


def _best(cells: Cells, name: Names, seed: int) -> list[str]:
    values = cells.values(name, seed).tolist()
    order = np.random.default_rng(0).permutation(len(values))  # equal values: not the space's
    return ranked({cells.archs[i]: values[i] for i in order})[:QUERIES]
