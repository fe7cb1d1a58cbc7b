"""A search: rounds of evaluations, each recorded as soon as it is made."""

import math
from collections.abc import Callable

from common.files import or_null
from common.progress import progress
from common.stopping import StopRequest
from common.workers import Workers
from tenas_dag.config import TenasConfig
from tenas_dag.filters import FILTERS
from tenas_dag.indicators import Indicators, Setting, Values
from tenas_dag.ranking import Change, published_ranks, ranks, relative_change
from tenas_dag.rounds import Left, Removal, Round, next_round


class Searcher:
    """Runs the searches of a config.

    Args:
        config: what to search.
        indicators: what measures.
        known: records of earlier evaluations; these are not made again.
        log: called with each new record, in the first process.
        workers: the processes that share the evaluations.
        request: asks to stop; heard between evaluations.
    """

    def __init__(
        self,
        config: TenasConfig,
        indicators: Indicators,
        known: list[dict],
        log: Callable[[dict], None],
        workers: Workers,
        request: StopRequest,
    ) -> None:
        self.config, self.indicators, self.log = config, indicators, log
        self.workers, self.request = workers, request
        self.records = {_key(record): record for record in known}
        self._references: dict[Setting, Values] = {}
        total, exempt = self._plan()
        what = f"evaluations ({exempt} exempt)"
        self.progress = progress(total, len(known), what, shown=workers.first)
        self.rank = published_ranks if indicators.published else ranks

    def next_round(self, left: Left) -> Round | None:
        """The next round by the config's filter."""
        return next_round(left, self.config.prune_number, FILTERS[self.config.filter].exempt)

    def _plan(self) -> tuple[int, int]:
        """(evaluations, exempt) of all searches: they depend on numbers alone."""
        left, evaluated, exempt = self.indicators.full(), 0, 0
        while current := self.next_round(left):
            evaluated += len(current.evaluated)
            exempt += len(current.exempt)
            left, _ = current.prune(dict.fromkeys(current.evaluated, Change(0, 0)), "both")
        return evaluated * len(self.config.seeds), exempt * len(self.config.seeds)

    def search(self, seed: int) -> tuple[Left, list[dict]]:
        """What is left in the end, and the rounds: what was left, evaluated, exempt, removed."""
        left, history, number = self.indicators.full(), [], 0
        while current := self.next_round(left):
            number += 1
            changes = self._evaluate(seed, number, current)
            left, removed = current.prune(changes, self.config.rank_by, self.rank)
            history.append(
                {
                    "left": [candidates.left for candidates in current.left],
                    "evaluated": len(current.evaluated),
                    "exempt": current.exempt,
                    "removed": removed,
                }
            )
        history.append({"left": [candidates.left for candidates in left]})
        return left, history

    def _evaluate(self, seed: int, number: int, current: Round) -> dict[Removal, Change]:
        open_ones = [r for r in current.evaluated if (seed, number, *r) not in self.records]
        self._references.clear()
        for first in range(0, len(open_ones), self.workers.size):
            wave = open_ones[first : first + self.workers.size]
            own = None
            if self.workers.rank < len(wave):
                own = self._record(seed, number, current.left, wave[self.workers.rank])
            gathered = self.workers.gather((own, self.request.signal))
            for record in (record for record, _ in gathered if record):
                self.records[_key(record)] = record
                if self.workers.first:
                    self.log(record)
                    self.progress.update()
            signals = [number for _, number in gathered if number is not None]
            if signals:
                saved = "all evaluations made so far are recorded"
                self.request.exit(saved, signals[0], self.workers.first)
        return {r: _change(self.records[(seed, number, *r)]) for r in current.evaluated}

    def _record(self, seed: int, number: int, left: Left, removal: Removal) -> dict:
        """Both indicators before and after a removal, in each repetition."""
        pairs = []
        for repetition in range(self.config.repetitions):
            candidate = tuple(removal) if self.indicators.published else ()
            setting = Setting(seed, number, repetition, candidate)
            after = self.indicators.measure(removal.apply(left), setting)
            seconds = [after.ntk_seconds, after.regions_seconds]
            if setting not in self._references:  # one for all removals of the round, if it can be
                before = self.indicators.measure(left, setting)
                self._references[setting] = before
                seconds = [s + b for s, b in zip(seconds, before[2:])]
            pairs.append((self._references[setting], after, seconds))
        return {
            "seed": seed,
            "round": number,
            **removal._asdict(),
            "kappa": [[or_null(v.kappa) for v in pair[:2]] for pair in pairs],
            "regions": [[v.regions for v in pair[:2]] for pair in pairs],
            "ntk_seconds": sum(seconds[0] for *_, seconds in pairs),
            "regions_seconds": sum(seconds[1] for *_, seconds in pairs),
        }


def _key(record: dict) -> tuple:
    return tuple(record[k] for k in ("seed", "round", *Removal._fields))


def _change(record: dict) -> Change:
    kappa = [[math.nan if v is None else v for v in pair] for pair in record["kappa"]]
    changes = (relative_change(*zip(*pairs)) for pairs in (kappa, record["regions"]))
    return Change(*changes)
