"""Scores of architectures: mini-batches, seeds, and the work split over processes."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from functools import cache

import torch
from torch import Tensor

from common.config import require
from common.data import load_dataset
from common.dataset import Dataset
from common.devices import choose_device, exact_float32
from common.progress import progress
from common.stopping import StopRequest
from wot_dag.config import ScoreSettings
from wot_dag.kernel import log_determinants
from wot_dag.space import Space
from wot_dag.store import Key, Score, ScoreStore

_CHUNK = 16  # passes whose determinants are taken together: a GPU is waited for once per chunk


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
        self.data = load_dataset(settings.dataset, self.device)
        size, available = settings.batch_size, len(self.data.train)
        require(size <= available, "score.batch_size", size, f"2 .. {available}, the images")
        self._batch = cache(self._draw_batch)

    def _draw_batch(self, seed: int) -> Tensor:
        return draw_batch(self.data, self.settings.batch_size, seed).to(
            getattr(torch, self.settings.precision)
        )

    def __call__(self, groups: Sequence[Sequence[Key]]) -> dict[Key, Score]:
        """Scores of a few groups, each of keys that share a pass and a seed.

        The seconds of a score are those that its architecture takes alone: its whole pass, though
        others of the group had it too, and its share of the determinants. Of 100 cells drawn at
        random few share a pass, and those are the cheapest: a search costs what its scores'
        seconds add up to.
        """
        started = time.perf_counter()
        with exact_float32():
            kernels = torch.cat([self._kernels(group) for group in groups])
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        passed = time.perf_counter()
        values = log_determinants(kernels)
        keys = [key for group in groups for key in group]
        seconds = (passed - started) / len(groups) + (time.perf_counter() - passed) / len(keys)
        return {key: Score(value, seconds) for key, value in zip(keys, values)}

    def _kernels(self, group: Sequence[Key]) -> Tensor:
        """K [keys, n, n]."""
        (shared,) = {(self._space.pass_of(key.arch), key.seed) for key in group}
        generator = weight_generator(*shared)
        return self._space.kernels([k.arch for k in group], self._batch(shared[1]), generator)

    def groups(self, keys: Iterable[Key]) -> list[list[Key]]:
        """Keys that share a pass and a seed, together; in the order of their first ones."""
        groups: dict[tuple[str, int], list[Key]] = {}
        for key in keys:
            groups.setdefault((self._space.pass_of(key.arch), key.seed), []).append(key)
        return list(groups.values())


def draw_batch(data: Dataset, size: int, seed: int) -> Tensor:
    """Mini-batch [size, c, h, w] of different training images, standardized per channel."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.train), generator=generator)[:size]
    return data.normalize(data.train.images[chosen.to(data.train.images.device)])


def weight_generator(shared: str, seed: int) -> torch.Generator:
    """Source of a pass' initial weights: the same in whatever order it is run."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {shared}".encode()))


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
    groups, total = scorer.groups(missing), len(set(keys))
    size = _CHUNK if scorer.device.type == "cuda" else 1
    shown = not quiet and bool(missing)
    with progress(total, total - len(missing), "networks", "scores", shown) as bar:
        for first in range(0, len(groups), size):
            if request:
                request.exit(f"{len(store.scores):,} scores are kept")
            scores = scorer(groups[first : first + size])
            store.add(scores)
            bar.update(len(scores))
