"""The number of convolutions in the cell, or in both cells: a baseline.

Published for NAS-Bench-201, trainable layers: tau 0.626 / 0.646 / 0.622 (VKDNW, CVPR 2025).
"""

from wot_dag.scores.base import OfSpace

SCORE = OfSpace(
    "convolutions", lambda inputs, keys: inputs.space.convolutions([k.arch for k in keys])
)
