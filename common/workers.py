"""The processes that share a job: one, or those that torchrun starts."""

from __future__ import annotations

import os
from typing import Any

from torch import distributed


class Workers:
    """This process' place among the others; a group of one without torchrun."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1:
            distributed.init_process_group("gloo")  # records travel, tensors do not

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
        return self.gather(item if self.first else None)[0]

    def close(self) -> None:
        """Leaves the group."""
        if self.size > 1:
            distributed.destroy_process_group()
