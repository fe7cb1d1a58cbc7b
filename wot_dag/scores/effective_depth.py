"""Effective depth (Def. 4.1 of the paper) as a score; of a genotype the mean of its cells."""

from wot_dag.scores.base import OfSpace

SCORE = OfSpace(
    "effective depth",
    lambda inputs, keys: inputs.space.shapes([k.arch for k in keys]).depth.mean(axis=1),
)
