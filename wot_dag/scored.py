"""The scores of a config: from its file, from the store of earlier runs, or made now."""

import contextlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from common.dataset import Dataset
from common.devices import describe
from common.files import read_json
from common.runs import Run, RunSettings
from common.stopping import StopRequest
from common.workers import Workers
from wot_dag.config import WotConfig
from wot_dag.header import header_of, require_fit
from wot_dag.scorer import Scorer, score_missing
from wot_dag.space import Space
from wot_dag.store import Key, Scores, ScoreStore, read_folder, read_scores

KIND = "wot_scores"


def parts_of(config: WotConfig) -> list[WotConfig]:
    """A config for each part of an aggregate; of another score itself."""
    return [replace(config, score=part) for part in config.score.parts]


def scores_of(
    config: WotConfig,
    space: Space,
    keys: Sequence[Key],
    request: StopRequest,
    data: Dataset | None = None,
    workers: Workers | None = None,
) -> tuple[dict, list[Scores]]:
    """How scores were made, and those of `keys` by each part of the config's score.

    `devices`, of scores from a store, are those that made them.

    `data` are the config's images, where they are at hand; `workers` share the work.

    Raises:
        ScoreError: the file is no scores, or was made otherwise than the config says.
    """
    if config.scores:
        header, scores = read_scores(Path(config.scores))
        require_fit(config, header)
        return header, [scores]
    made, devices, workers = [], {}, workers or Workers(alone=True)
    for part in parts_of(config):
        scorer = Scorer(part.score, space, data)
        folder = _store_settings(part, scorer).folder(KIND)
        there = workers.together(partial(read_folder, folder) if workers.first else dict)
        known = workers.from_first(there)
        if any(key not in known for key in keys):
            with open_store(part, scorer, workers) as (store, _):
                known = score_shared(keys, scorer, store, request, workers)
        made.append(known)
        if (file := folder / "environment.json").exists():
            devices |= dict.fromkeys(start["device"] for start in read_json(file)["starts"])
    return header_of(config, scorer.data) | {"devices": [*devices]}, made


def score_shared(
    keys: Sequence[Key],
    scorer: Scorer,
    store: ScoreStore,
    request: StopRequest,
    workers: Workers,
) -> Scores:
    """Scores of `keys`, of which each process makes a share, groups whole.

    The first process keeps those too that a machine has put into a folder of its own.
    """
    own = keys
    if workers.size > 1:
        groups = scorer.groups(keys)[workers.rank :: workers.size]
        own = [key for group in groups for key in group]
    score_missing(own, scorer, store, request, quiet=not workers.first)
    parts: list[Scores] = workers.gather({key: store.scores[key] for key in own})
    scores = {key: score for part in parts for key, score in part.items()}
    if workers.size > 1 and workers.first:
        store.keep(scores)
    return scores


@contextlib.contextmanager
def open_store(
    config: WotConfig, scorer: Scorer, workers: Workers
) -> Iterator[tuple[ScoreStore, Run | None]]:
    """The store of a config's scores, and the run that it is of in the first process."""
    settings, device = _store_settings(config, scorer), describe(scorer.device)
    how = KIND, header_of(config, scorer.data), device, scorer.data.header
    with workers.open_run(settings, *how) as run:
        folder = settings.folder(KIND)
        store = workers.together(lambda: ScoreStore(folder, workers.rank))
        with contextlib.closing(store):
            yield store, run


def _store_settings(config: WotConfig, scorer: Scorer) -> RunSettings:
    """A folder for each way of scoring, so that edits of a config never mix scores.

    Each kind of GPU has one too, since a score comes with its seconds.
    """
    identity = header_of(config, scorer.data)
    digest = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    name = f"{config.space}_{scorer.data.name}_{digest:08x}"
    if scorer.device.type != "cpu":
        name += "_" + re.sub(r"\W+", "_", describe(scorer.device))
    return RunSettings(name, config.run.root)
