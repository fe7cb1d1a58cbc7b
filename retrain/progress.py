"""A bar over all steps with the time left, and a line for each epoch."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm


class Progress:
    """Prints to stderr, at most 79 columns.

    Args:
        epochs: of the training.
        steps: of an epoch.
        epoch: the current one, from 1.
        step: steps of it that are done.
        enabled: whether to print at all.
    """

    def __init__(self, epochs: int, steps: int, epoch: int, step: int, enabled: bool) -> None:
        self.epochs, self.steps, self.current, self.enabled = epochs, steps, epoch, enabled
        done = (epoch - 1) * steps + step
        self.bar = tqdm(
            total=epochs * steps,
            initial=done,
            unit="step",
            ncols=79,
            smoothing=0.05,
            disable=not enabled,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, ETA {remaining} {postfix}",
        )
        self._describe()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, _type: type | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.bar.close()

    def _describe(self) -> None:
        self.bar.set_description_str(f"epoch {min(self.current, self.epochs)}/{self.epochs}")

    def step(self) -> None:
        """One more step is done."""
        self.bar.update()

    def epoch(self, record: dict, images_per_second: float) -> None:
        """One more epoch is done: its line stays above the bar."""
        if not self.enabled:
            return
        validation = (
            f"  validation {record['validation_top1']:6.2f} %"
            if "validation_top1" in record
            else ""
        )
        self.bar.write(
            f"epoch {record['epoch']:>3}  loss {record['train_loss']:7.4f}  "
            f"train {record['train_top1']:6.2f} %{validation}  {images_per_second:,.0f} images/s",
            file=sys.stderr,
        )
        self.current = record["epoch"] + 1
        self._describe()
