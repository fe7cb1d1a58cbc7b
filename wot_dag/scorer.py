"""Scores of architectures, made in groups that share work, and how long each takes."""

import math
import time
from collections.abc import Iterable, Sequence
from functools import cache

import torch
from torch import Tensor

from common.data import load_dataset
from common.dataset import Dataset
from common.devices import choose_device, exact_float32
from common.progress import progress
from common.stopping import StopRequest
from wot_dag.batches import draw_batch
from wot_dag.config import ScoreSettings
from wot_dag.scores import SCORES
from wot_dag.scores.base import Inputs
from wot_dag.space import Space
from wot_dag.store import Key, ScoreStore, ScoreValue


class Scorer:
    """Gives scores; knows images, but no labels and no accuracies.

    Args:
        settings: one score (no aggregate), dataset, mini-batch, precision, device.
        space: the architectures.
        data: the settings' images, if they are at hand; else they are loaded.

    Raises:
        DataError, ConfigError: the dataset, the device or the mini-batch is not to be had.
    """

    def __init__(self, settings: ScoreSettings, space: Space, data: Dataset | None = None) -> None:
        self.settings, self._space = settings, space
        self.device = choose_device(settings.device)
        self.data = load_dataset(settings.dataset, self.device) if data is None else data
        self.score, self._batch = SCORES[settings.name], cache(self._draw_batch)
        self._batch(settings.seeds[0])  # whether there are enough images
        self._inputs = Inputs(space, self._batch, self.data.image_shape)

    def _draw_batch(self, seed: int) -> Tensor:
        return draw_batch(self.data, self.settings.batch_size, seed).to(
            getattr(torch, self.settings.precision)
        )

    def __call__(self, groups: Sequence[Sequence[Key]]) -> dict[Key, ScoreValue]:
        """Scores of a few groups, each of keys that share a pass and a seed.

        The seconds of a score are those that its architecture takes alone: its whole pass, though
        others of the group had it too, and its share of the determinants. Of 100 cells drawn at
        random few share a pass, and those are the cheapest: a search costs what its scores'
        seconds add up to.
        """
        started = time.perf_counter()
        with exact_float32():
            measured = self.score.measure(self._inputs, groups)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        passed = time.perf_counter()
        values = self.score.finish(measured)
        keys = [key for group in groups for key in group]
        seconds = (passed - started) / len(groups) + (time.perf_counter() - passed) / len(keys)
        return {
            key: ScoreValue(value if math.isfinite(value) else -math.inf, seconds)
            for key, value in zip(keys, values, strict=True)
        }

    def groups(self, keys: Iterable[Key]) -> list[list[Key]]:
        """Keys that share a pass and a seed, together; in the order of their first ones."""
        groups: dict[tuple[str, int], list[Key]] = {}
        for key in keys:
            groups.setdefault((self.score.pass_of(self._space, key.arch), key.seed), []).append(key)
        return list(groups.values())


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
    size = scorer.score.chunk
    shown = not quiet and bool(missing)
    with progress(total, total - len(missing), "networks", scorer.score.label, shown) as bar:
        for first in range(0, len(groups), size):
            if request:
                request.exit(f"{len(store.scores):,} scores are kept")
            scores = scorer(groups[first : first + size])
            store.add(scores)
            bar.update(len(scores))
