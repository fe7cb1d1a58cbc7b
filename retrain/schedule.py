"""What changes during training, and the seeds of what is drawn."""

import math

import numpy as np
import torch

from retrain.config import SgdSettings

STREAMS = ("augment", "drop path")


def learning_rate(sgd: SgdSettings, epochs: int, epoch: int, step: int, steps: int) -> float:
    """lr of a step (from 0) in an epoch (from 1): a linear warm-up, then half a cosine to 0."""
    advance = 1 / steps if sgd.per_step else 1.0
    done = epoch - 1 + (step * advance if sgd.per_step else 0.0)
    if done < sgd.warmup_epochs:
        return sgd.lr * min(1.0, (done + advance) / sgd.warmup_epochs)
    share = (done - sgd.warmup_epochs) / (epochs - sgd.warmup_epochs)
    return sgd.lr * (1 + math.cos(math.pi * share)) / 2


def drop_path_probability(last: float, epochs: int, epoch: int) -> float:
    """Rises linearly from 0 in the first epoch, as DARTS has it."""
    return last * (epoch - 1) / epochs


def seed_of(stream: str, seed: int, epoch: int, step: int = 0) -> int:
    """A seed for one kind of draws in one step: nothing has to be kept for a resume."""
    words = (STREAMS.index(stream), seed, epoch, step)
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)


def generator_of(stream: str, seed: int, epoch: int, step: int = 0) -> torch.Generator:
    """A generator on the CPU, so that every device sees the same draws."""
    return torch.Generator().manual_seed(seed_of(stream, seed, epoch, step))
