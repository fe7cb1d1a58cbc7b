"""What `wot_dag.compare` says of each score: a row of its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from common.dataset import Dataset
from common.runs import RunSettings
from common.statistics import kendall_tau, mean_std
from common.stopping import StopRequest
from common.workers import Workers
from spaces.benchmark import AccuracyTable
from wot_dag.config import WotConfig
from wot_dag.correlation_intervals import seed_share, with_intervals
from wot_dag.filters import FILTERS
from wot_dag.queries import queried
from wot_dag.scored import scores_of
from wot_dag.scores import label_of
from wot_dag.scores.aggregate import aggregate
from wot_dag.scores.baselines import BASELINES
from wot_dag.search import Choice, Repeat, choose, draw_repeats, ranked, summarize
from wot_dag.space import NasBench201Space
from wot_dag.store import Key, Scores

if TYPE_CHECKING:
    from wot_dag.compare import CompareConfig

BASE = "parameters"
# The rules: what has no fraction, but for no filter, is a box fixed by another's code.
_FILTERS = [name for name, filter_ in FILTERS.items() if filter_.fraction or name == "none"]
QUERIES = 20
PARTS = (2, 3, 4)  # of the aggregates that are tried
Names = tuple[str, ...]  # of one score, or of an aggregate's parts


class Cells:
    """Cells, their scores and accuracies.

    Args:
        config: what is compared.
        table: accuracies.
        scores: by name, of these cells and others, filled before they are asked for.
        some: the cells; all by default.
    """

    def __init__(
        self,
        config: CompareConfig,
        table: AccuracyTable,
        scores: Mapping[str, Scores],
        some: Sequence[str] = (),
    ) -> None:
        self.config, self._of = config, scores
        self.space = NasBench201Space(config.score, some)
        self.archs = self.space.archs
        seeds = config.score.seeds
        self.seeds = seeds if len(self.archs) <= config.seed_cells else seeds[:1]
        self.deep = self.space.shapes(self.archs).depth[:, 0] > 0
        columns = table.test_columns().items()
        self.accuracy = {name: table.values(column, self.archs) for name, column in columns}

    def values(self, names: Names, seeds: Sequence[int]) -> np.ndarray:
        """Of a score or an aggregate, and of its sum of ranks over several seeds [cells]."""
        return aggregate([self._column(name, seed)[0] for name in names for seed in seeds])

    def seconds(self, names: Names) -> float:
        """That one cell takes on average, by one seed."""
        return sum(float(self._column(name, self.seeds[0])[1].mean()) for name in names)

    def search(self, names: Names, filter_: str) -> list[Choice]:
        """Choices of searches by a score, or by an aggregate, of the first seed."""
        parts = [self._of[name] for name in names]
        return [choose(repeat, parts) for repeat in self._repeats(filter_)]

    @cache  # noqa: B019  (three objects live as long as their process)
    def _column(self, name: str, seed: int) -> np.ndarray:
        """Values and seconds [2, cells]."""
        return np.array([self._of[name][Key(arch, seed)] for arch in self.archs]).T

    @cache  # noqa: B019  (likewise: every score meets the same draws)
    def _repeats(self, filter_: str) -> list[Repeat]:
        first = replace(self.config.score, seeds=self.seeds[:1])
        draws = WotConfig(score=first, filter=filter_, repeats=self.config.repeats)
        return draw_repeats(draws, self.space)


class Comparison:
    """All scores of a config, made when it is built, by every process; `rows` needs one.

    Args:
        config: what is compared.
        table: accuracies.
        request: whether to stop.
        data: the images.
        workers: share the scoring.

    Raises:
        SystemExit: SIGTERM or Ctrl-C while scoring.
    """

    def __init__(
        self,
        config: CompareConfig,
        table: AccuracyTable,
        request: StopRequest,
        data: Dataset,
        workers: Workers,
    ) -> None:
        self.config, self.table = config, table
        scores: dict[str, Scores] = {}
        self._devices: dict[str, list[str]] = {}
        self.whole = Cells(config, table, scores)
        order = np.random.default_rng(0).permutation(len(self.whole.archs))
        some = [self.whole.archs[i] for i in order]  # samples are the first of a random order
        self.sampled = Cells(config, table, scores, some[: config.sample])
        self.few = Cells(config, table, scores, some[: config.seed_cells])
        self.names = list(dict.fromkeys([*BASELINES, *config.names]))
        for name in self.names:
            groups = [self.sampled, self.few] + [self.whole] * (name not in config.sampled)
            keys = [Key(a, seed) for cells in groups for a in cells.archs for seed in cells.seeds]
            score = replace(config.score, name=name)
            making = WotConfig(score=score, run=RunSettings(root=config.run.root))
            how, parts = scores_of(making, self.whole.space, keys, request, data, workers)
            scores[name], self._devices[name] = parts[0], how["devices"]

    def rows(self) -> Iterator[dict]:
        """A row for each score and aggregate, those on all cells first."""
        names: list[Names] = [(name,) for name in self.names]
        names += [tuple(parts) for parts in self.config.aggregates]
        best = self._best_aggregate()
        names += [best] if set(best) not in map(set, names) else []  # a sum has no order
        for cells in (self.whole, self.sampled):
            some = cells is self.sampled
            own = [n for n in names if some == any(part in self.config.sampled for part in n)]
            once = _correlated(cells, own, cells.seeds[:1])
            summed = _correlated(cells, own, cells.seeds) if len(cells.seeds) > 1 else once
            for name in own:
                row = self._row(cells, name)
                row |= {"datasets": once[name], "over_seeds": summed[name]}
                row["chosen"] = set(name) == set(best)
                print(f"{row['score']}: done", flush=True)
                yield row

    def _row(self, cells: Cells, name: Names) -> dict:
        seeds = self.config.score.seeds
        return {
            "score": label_of("", name),
            "names": [*name],
            "n": len(cells.archs),
            "seeds": len(cells.seeds),
            "seconds": cells.seconds(name),
            "devices": sorted({device for part in name for device in self._devices[part]}),
            "seed_share": seed_share([self.few.values(name, [seed]) for seed in seeds]),
            "searches": {f: _searched(cells, name, f, self.table) for f in _FILTERS},
            "queries": _asked(cells, name, self.table),
        }

    def _best_aggregate(self) -> Names:
        """The two to four scores of the highest tau on the first data set, of cells with a depth.

        Those of several seeds count by their sum over seeds.
        """
        cells, y = self.sampled, next(iter(self.sampled.accuracy.values()))
        rows = cells.deep & ~np.isnan(y)
        names = [name for name in self.names if name != "random"]
        groups = [group for size in PARTS for group in combinations(names, size)]

        def tau(group: Names) -> float:
            return kendall_tau(rankdata(cells.values(group, cells.seeds))[rows], y[rows])

        return max(groups, key=tau)


def _correlated(
    cells: Cells, names: Sequence[Names], seeds: Sequence[int]
) -> dict[Names, dict[str, dict]]:
    """Of each score, by data set: over all cells, and over those with a depth."""
    values = {name: cells.values(name, seeds) for name in [*names, (BASE,)]}
    found: dict[Names, dict[str, dict]] = {name: {} for name in values}
    for dataset, y in cells.accuracy.items():
        for subset, rows in (("all", ~np.isnan(y)), ("deep", ~np.isnan(y) & cells.deep)):
            chosen = {name: column[rows] for name, column in values.items()}
            of = with_intervals(chosen, y[rows], (BASE,), cells.config.bootstrap)
            for name in values:
                found[name].setdefault(dataset, {})[subset] = of[name]
    return found


def _searched(cells: Cells, name: Names, filter_: str, table: AccuracyTable) -> dict:
    choices = cells.search(name, filter_)
    accuracy = table.look_up([choice.arch for choice in choices if choice.arch is not None])
    return summarize(choices) | {"accuracy": accuracy}


def _asked(cells: Cells, name: Names, table: AccuracyTable) -> dict:
    """The best by score of all cells at hand, looked at once: by one search of all, per seed."""
    finalists = [_best(cells, name, seed) for seed in cells.seeds]
    held = {
        dataset: mean_std([float(np.nanmax(table.values(c, best))) for best in finalists])
        for dataset, c in table.test_columns().items()
    }
    found = queried(table, finalists)
    kept = {key: found[key] for key in ("accuracy", "accuracy_by_first")}
    return {"number": QUERIES, "looked_at": found["queries"]["looked_at"], "held": held, **kept}


def _best(cells: Cells, name: Names, seed: int) -> list[str]:
    values = cells.values(name, [seed]).tolist()
    order = np.random.default_rng(0).permutation(len(values))  # equal values: not the space's
    return ranked({cells.archs[i]: values[i] for i in order})[:QUERIES]
