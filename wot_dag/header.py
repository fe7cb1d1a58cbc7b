"""How scores were made: what stands in front of them, and whether it fits a config."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from common.data import Dataset, load_dataset
from wot_dag.config import WotConfig
from wot_dag.store import ScoreError


def header_of(config: WotConfig, data: Dataset) -> dict:
    """What decides the score of an architecture and a seed; `digest` is of the training images."""
    images = data.train.images.cpu().numpy()
    digest = hashlib.sha256(images).hexdigest()[:16]
    return config.score_identity() | {"image_shape": list(data.image_shape), "digest": digest}


def require_fit(config: WotConfig, header: Mapping[str, object]) -> None:
    """Checks that the file `config.scores` was made as the config says.

    A path is not its data: an .npz that is there counts by its images, not by its name.

    Raises:
        ScoreError: it was not; the message names the keys that differ.
        DataError: the .npz cannot be read.
    """
    expected = config.score_identity()
    if expected["dataset"].endswith(".npz") and Path(expected["dataset"]).is_file():
        expected = header_of(config, load_dataset(expected["dataset"]))
        expected["dataset"] = header.get("dataset")
    differing = [key for key, value in expected.items() if header.get(key) != value]
    if differing:
        found, wanted = (
            ", ".join(f"{key} {settings.get(key)!r}" for key in differing)
            for settings in (header, expected)
        )
        raise ScoreError(
            f"{config.scores}: found scores made with {found}, expected {wanted}: "
            f"leave out --scores to score anew"
        )
