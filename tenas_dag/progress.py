"""One line per evaluation: what is done, what is left, and how long it will take."""

from __future__ import annotations

import sys
import time


class Progress:
    """Prints to stderr.

    Args:
        plan: (evaluations, exempt) in all.
        done: evaluations that earlier runs made.
        enabled: whether to print at all.
    """

    def __init__(self, plan: tuple[int, int], done: int, enabled: bool = True) -> None:
        self.total, self.exempt = plan
        self.done = self._before = done
        self.enabled, self._started = enabled, time.perf_counter()

    def step(self, record: dict) -> None:
        """One more evaluation is done."""
        self.done += 1
        if not self.enabled:
            return
        seconds = (time.perf_counter() - self._started) / (self.done - self._before)
        eta = seconds * (self.total - self.done)
        print(
            f"seed {record['seed']} round {record['round']}: {self.done}/{self.total} "
            f"evaluations, {self.exempt} exempt, {self.total - self.done} left, "
            f"ETA {eta / 60:.1f} min",
            file=sys.stderr,
            flush=True,
        )
