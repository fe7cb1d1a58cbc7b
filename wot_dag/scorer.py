"""Scores of architectures: mini-batches, seeds, and the work split over processes."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from tqdm import tqdm

from common.config import require
from common.data import Dataset, load_dataset
from common.devices import choose_device, exact_float32
from common.runs import StopRequest
from wot_dag.config import ScoreSettings
from wot_dag.kernel import log_determinants
from wot_dag.space import Space
from wot_dag.store import Key, Score, ScoreStore

_CHUNK = 16  # networks whose determinants are taken together: a GPU is waited for once per chunk


class Scorer:
    """Gives scores; knows images, but no labels and no accuracies.

    Args:
        settings: dataset, mini-batch, precision, device.
        space: the architectures.

    Raises:
        DataError, ConfigError: the dataset, the device or the mini-batch is not to be had.
    """

    def __init__(self, settings: ScoreSettings, space: Space) -> None:
        self.settings, self._space = settings, space
        self.device = choose_device(settings.device)
        self._data = load_dataset(settings.dataset, self.device)
        size, available = settings.batch_size, len(self._data.train)
        require(size <= available, "score.batch_size", size, f"2 .. {available}, the images")
        self._batch = cache(self._draw_batch)

    def _draw_batch(self, seed: int) -> Tensor:
        return draw_batch(self._data, self.settings.batch_size, seed).to(
            getattr(torch, self.settings.precision)
        )

    def __call__(self, keys: Sequence[Key]) -> dict[Key, Score]:
        """Scores of a few architectures; their time is shared out evenly."""
        started = time.perf_counter()
        with exact_float32():
            kernels = [
                self._space.kernel(key.arch, self._batch(key.seed), weight_generator(key))
                for key in keys
            ]
        values = log_determinants(torch.stack(kernels))
        seconds = (time.perf_counter() - started) / len(keys)
        return {key: Score(value, seconds) for key, value in zip(keys, values)}


def draw_batch(data: Dataset, size: int, seed: int) -> Tensor:
    """Mini-batch [size, c, h, w] of different training images, standardized per channel."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.train), generator=generator)[:size]
    return data.normalize(data.train.images[chosen.to(data.train.images.device)])


def weight_generator(key: Key) -> torch.Generator:
    """Source of an architecture's initial weights: the same in whatever order it is scored."""
    return torch.Generator().manual_seed(zlib.crc32(f"{key.seed} {key.arch}".encode()))


def score_missing(
    keys: Sequence[Key],
    scorer: Scorer,
    store: ScoreStore,
    request: StopRequest,
    quiet: bool = False,
) -> None:
    """Scores those of `keys` that the store lacks, in chunks, showing what time is left.

    Raises:
        SystemExit: SIGTERM or Ctrl-C, with all scores so far on disk.
    """
    missing = store.missing(keys)
    total = len(set(keys))
    show = not quiet and bool(missing)
    size = _CHUNK if scorer.device.type == "cuda" else 1
    with tqdm(
        total=total, initial=total - len(missing), unit="net", ncols=79, disable=not show
    ) as bar:
        for first in range(0, len(missing), size):
            if request:
                request.exit(f"{len(store.scores):,} scores are kept")
            chunk = missing[first : first + size]
            store.add(scorer(chunk))
            bar.update(len(chunk))
    sys.stderr.flush()
