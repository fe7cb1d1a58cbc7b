"""What the searches write is trained as it stands."""

import json

import numpy as np
import pytest

from common.files import read_metrics
from common.runs import RunSettings
from common.workers import Workers
from retrain.config import AugmentSettings, NetworkSettings, RetrainConfig, SgdSettings
from retrain.training import train

# What the two searches found on this part of CIFAR-10, TE-NAS with much smaller batches.
FROM_TENAS = {
    "normal": [
        ["max_pool_3x3", 0],
        ["max_pool_3x3", 1],
        ["max_pool_3x3", 1],
        ["skip_connect", 2],
        ["max_pool_3x3", 2],
        ["avg_pool_3x3", 3],
        ["skip_connect", 2],
        ["max_pool_3x3", 3],
    ],
    "normal_concat": [2, 3, 4, 5],
    "reduce": [
        ["dil_conv_3x3", 0],
        ["dil_conv_5x5", 1],
        ["dil_conv_3x3", 1],
        ["dil_conv_5x5", 2],
        ["dil_conv_3x3", 0],
        ["sep_conv_5x5", 3],
        ["sep_conv_3x3", 0],
        ["sep_conv_5x5", 2],
    ],
    "reduce_concat": [2, 3, 4, 5],
}
FROM_WOT = {
    "normal": [
        ["sep_conv_3x3", 0],
        ["dil_conv_3x3", 1],
        ["dil_conv_5x5", 0],
        ["skip_connect", 2],
        ["skip_connect", 0],
        ["avg_pool_3x3", 1],
        ["sep_conv_3x3", 3],
        ["dil_conv_3x3", 4],
    ],
    "normal_concat": [2, 3, 4, 5],
    "reduce": [
        ["skip_connect", 0],
        ["sep_conv_3x3", 1],
        ["dil_conv_3x3", 1],
        ["avg_pool_3x3", 2],
        ["sep_conv_3x3", 1],
        ["sep_conv_3x3", 3],
        ["sep_conv_5x5", 0],
        ["avg_pool_3x3", 4],
    ],
    "reduce_concat": [2, 3, 4, 5],
}
TENAS_RESULT = {"kind": "tenas", "method": "TE-NAS + DAG",
                "searches": [{"seed": 0, "genotype": FROM_TENAS}]}  # fmt: skip
WOT_RESULT = {"kind": "wot", "method": "WOT + DAG", "best": {"arch": json.dumps(FROM_WOT)}}


@pytest.mark.slow
@pytest.mark.parametrize("search", ["tenas", "wot"])
def test_a_darts_genotype_of_each_search_learns_cifar10(tmp_path, shared, search):
    """As the searches write it, on 500 images of CIFAR-10: the loss falls."""
    with np.load(shared / "data/cifar10_subset.npz") as file:
        some = {key: file[key][: 500 if "train" in key else 100] for key in file.files}
    np.savez(tmp_path / "some.npz", **some)
    genotype = {"tenas": TENAS_RESULT, "wot": WOT_RESULT}[search]
    file = tmp_path / "result.json"
    file.write_text(json.dumps(genotype))
    settings = RetrainConfig(
        genotype=str(file),
        space="darts",
        network=NetworkSettings(channels=4, layers=3, drop_path=0.2),
        dataset=str(tmp_path / "some.npz"),
        epochs=2,
        batch_size=24,
        optimizer=SgdSettings(lr=0.1, nesterov=False, weight_decay=3e-4, clip=5),
        augment=AugmentSettings(cutout=16),
        device="cpu",
        run=RunSettings("r", str(tmp_path)),
    )
    result = train(settings, Workers())
    losses = [record["train_loss"] for record in read_metrics(tmp_path / "retrain/r")]
    assert losses[1] < losses[0] < 2.4
    assert result["method"] == {"tenas": "TE-NAS + DAG", "wot": "WOT + DAG"}[search]
