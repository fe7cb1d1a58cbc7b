"""A random number for each architecture and seed: what no score should be below."""

import torch

from wot_dag.scores.base import OfSpace, weight_generator

SCORE = OfSpace(
    "random",
    lambda _, keys: [float(torch.rand(1, generator=weight_generator(*key))) for key in keys],
)
