"""Multiply-adds for one image, a baseline; on cells they order as parameters do."""

from wot_dag.scores.base import OfSpace

SCORE = OfSpace(
    "multiply-adds",
    lambda inputs, keys: inputs.space.multiply_adds([k.arch for k in keys], inputs.image_shape),
)
