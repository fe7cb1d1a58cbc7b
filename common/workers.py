"""The processes that share a job: one, or those that torchrun starts."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from common.errors import UserError

Result = TypeVar("Result")


class Workers:
    """This process' place among the others; a group of one without torchrun.

    Args:
        tensors: whether tensors on CUDA devices will travel, not records alone.
    """

    def __init__(self, tensors: bool = False) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self.local_size = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if self.size > 1:
            cuda = tensors and torch.cuda.is_available()
            # Who shares records waits for the slowest; a training soon misses a dead neighbour.
            timeout = None if tensors else timedelta(days=7)
            self._join("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout)

    def _join(self, backend: str, timeout: timedelta | None) -> None:
        store, rank, size = next(distributed.rendezvous("env://"))
        if self.local_size == size:
            # A store with a fixed port outlives a restart, with addresses of killed processes.
            # Machines count restarts each on its own; their rendezvous makes a store anew.
            attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
            store = distributed.PrefixStore(f"attempt {attempt}", store)
        distributed.init_process_group(
            backend, timeout=timeout, store=store, rank=rank, world_size=size
        )

    @property
    def first(self) -> bool:
        """Whether this process keeps the records."""
        return self.rank == 0

    def gather(self, item: Any) -> list[Any]:
        """Everyone's item, in the order of ranks, for everyone."""
        if self.size == 1:
            return [item]
        items: list[Any] = [None] * self.size
        distributed.all_gather_object(items, item)
        return items

    def from_first(self, item: Any) -> Any:
        """The first process' item, for everyone."""
        if self.size == 1:
            return item
        items = [item if self.first else None]
        distributed.broadcast_object_list(items, src=0)
        return items[0]

    def share(self, n: int) -> slice:
        """This process' part of n things; parts differ by one at most."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def largest(self, values: list[int]) -> list[int]:
        """The largest of everyone's values, position by position."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values)
        distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
        return tensor.tolist()

    def together(self, work: Callable[[], Result]) -> Result:
        """Everyone's work(), on each machine first by one process, then by the others.

        Where it fails for one, nobody goes on: the first that failed raises its error, the
        others leave without a word.
        """
        result, error = None, None
        for turn in (True, False):
            if (self.local_rank == 0) is turn:
                try:
                    result = work()
                except (UserError, RuntimeError, ValueError, OSError) as failure:
                    error = failure
            failed = [rank for rank, bad in enumerate(self.gather(error is not None)) if bad]
            if failed and failed[0] != self.rank:
                raise SystemExit(1)
            if failed:
                raise error
        return result

    def close(self) -> None:
        """Leaves the group."""
        if self.size > 1:
            distributed.destroy_process_group()
