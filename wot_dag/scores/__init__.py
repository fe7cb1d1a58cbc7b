"""Training-free scores of architectures; the name of each is how configs know it.

A new score is a file here and a line below.
"""

import difflib
from collections.abc import Sequence

from common.config import require
from wot_dag.scores import (
    jacov,
    meco,
    nngp,
    swap,
    synflow,
    wot,
)
from wot_dag.scores.aggregate import NAME as AGGREGATE
from wot_dag.scores.base import OfNetwork, Score
from wot_dag.scores.baselines import BASELINES

SCORES: dict[str, Score] = {
    "wot": wot.SCORE,
    "nngp": nngp.SCORE,
    "jacov": jacov.SCORE,
    "synflow": synflow.SCORE,
    "swap": swap.SCORE,
    "meco": meco.SCORE,
    **BASELINES,
}
OF_NETWORKS = {name: score for name, score in SCORES.items() if isinstance(score, OfNetwork)}


def require_score(key: str, name: str, known: Sequence[str] = (*SCORES, AGGREGATE)) -> None:
    """Raises a ConfigError naming `key` and the nearest score unless `name` is one."""
    near = difflib.get_close_matches(name, known, 1, cutoff=0)
    told = f"one of {', '.join(known)}; the nearest is {near[0]!r}"
    require(name in known, key, name, told)


def require_aggregate(key: str, name: str, parts: Sequence[str]) -> None:
    """Raises a ConfigError unless an aggregate, and nothing else, has two or more parts."""
    for part in parts:
        require_score(key, part, tuple(SCORES))
    if name == AGGREGATE:
        enough = len(parts) >= 2 and len(set(parts)) == len(parts)
        require(enough, key, parts, "two or more different scores")
    else:
        require(not parts, key, parts, f"none, or score.name {AGGREGATE}")


def label_of(name: str, parts: Sequence[str] = ()) -> str:
    """A score, or an aggregate's parts joined by +, as tables name it."""
    return " + ".join(SCORES[part].label for part in parts or [name])
