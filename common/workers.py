"""The processes that share a job: one, or those that torchrun starts."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from common.errors import UserError
from common.runs import Run, RunSettings, differences
from common.watch import JOIN_SECONDS, Watch, WorkersError

Result = TypeVar("Result")
_STOPS = tuple(128 + number for number in (signal.SIGTERM, signal.SIGINT))  # common.stopping's


class Workers:
    """This process' place among the others; a group of one without torchrun.

    Use it in a `with`: a process that leaves it by an error takes the others along, and a lost one
    takes all, each with one line.

    Args:
        tensors: whether tensors on CUDA devices will travel, not records alone.
        alone: whether this is a group of one under torchrun too.

    Raises:
        WorkersError: the others cannot be reached.
    """

    def __init__(self, tensors: bool = False, alone: bool = False) -> None:
        place = {} if alone else os.environ
        self.size, self.rank = int(place.get("WORLD_SIZE", 1)), int(place.get("RANK", 0))
        self.local_size = int(place.get("LOCAL_WORLD_SIZE", 1))
        self.local_rank = int(place.get("LOCAL_RANK", 0))
        self._all_leave = False
        if self.size > 1:
            self._join(tensors)

    def _join(self, tensors: bool) -> None:
        # Who shares records waits for the slowest, however long; the watch misses a dead one.
        timeout = None if tensors else timedelta(days=7)
        cuda = tensors and torch.cuda.is_available()
        try:
            joining = timedelta(seconds=JOIN_SECONDS)
            store, rank, size = next(distributed.rendezvous("env://", timeout=joining))
            self._watch = Watch(store, rank, size)
            # The store may outlive a restart, with addresses of killed processes.
            store = distributed.PrefixStore(f"attempt {self._watch.attempt}", store)
            how = {"timeout": timeout, "store": store, "rank": rank, "world_size": size}
            distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", **how)
        except RuntimeError as error:
            raise WorkersError(
                f"process {self.rank} of {self.size} cannot join the others "
                f"({str(error).splitlines()[0]}): where machines do not find each other by name, "
                f"torchrun needs --local-addr, this machine's address, and gloo the name of its "
                f"network interface in GLOO_SOCKET_IFNAME"
            ) from error

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Leaves the group; what the others need not know is their end too."""
        if self.size == 1:
            return
        stopped = isinstance(error, SystemExit) and error.code in _STOPS
        try:
            if isinstance(error, RuntimeError):
                self._watch.check()
        finally:
            self._watch.close(error is None or self._all_leave, stopped)
            distributed.destroy_process_group()

    def all_leave(self) -> None:
        """Says that the others leave too, for the reason that this process has."""
        self._all_leave = True

    @property
    def first(self) -> bool:
        """Whether this process keeps the records."""
        return self.rank == 0

    def gather(self, item: Any) -> list[Any]:
        """Everyone's item, in the order of ranks, for everyone."""
        items: list[Any] = [item] * self.size
        if self.size > 1:
            distributed.all_gather_object(items, item)
        return items

    def from_first(self, item: Any) -> Any:
        """The first process' item, for everyone."""
        items = [item if self.first else None]
        if self.size > 1:
            distributed.broadcast_object_list(items, src=0)
        return items[0]

    def share(self, n: int) -> slice:
        """This process' part of n things; parts differ by one at most."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def largest(self, values: list[int]) -> list[int]:
        """The largest of everyone's values, position by position."""
        tensor = torch.tensor(values)
        if self.size > 1:
            distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return tensor.tolist()

    def together(self, work: Callable[[], Result]) -> Result:
        """Everyone's work(), on each machine first by one process, then by the others.

        Where it fails for one, nobody goes on: the first that failed raises its error, the
        others leave without a word.
        """
        result = error = None
        for turn in (True, False):
            if (self.local_rank == 0) is turn:
                try:
                    result = work()
                except (UserError, RuntimeError, ValueError, OSError) as failure:
                    error = failure
            failed = [rank for rank, bad in enumerate(self.gather(error is not None)) if bad]
            if failed:
                self.all_leave()
                raise error if failed[0] == self.rank else SystemExit(1)
        return result

    def open_run(
        self, settings: RunSettings, *how: Any
    ) -> contextlib.AbstractContextManager[Run | None]:
        """The first process' `Run`, for a `with`; None in the others.

        `run.fresh` is meant for the first start alone, not for those that repair a kill.
        """
        restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
        settings = dataclasses.replace(settings, fresh=settings.fresh and not restarted)
        run = self.together(lambda: Run(settings, *how) if self.first else None)
        return run or contextlib.nullcontext()

    def agree(self, decisive: dict) -> None:
        """A WorkersError in the first process unless all have the same settings and data."""
        first, *others = self.gather(decisive)
        changes = (differences(first, other) for other in others)
        found = [(rank, changed) for rank, changed in enumerate(changes, 1) if changed]

        def check() -> None:
            for rank, changed in found:
                told = changed.replace(" there, ", " in 0, ").replace(" now", f" in {rank}")
                raise WorkersError(
                    f"process {rank} of the job has other settings or other data than process 0 "
                    f"({told}): start the same command on every machine, with the same data"
                )

        self.together(check)
