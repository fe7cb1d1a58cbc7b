"""From a run's metrics to its result."""

from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from common.files import read_metrics
from common.statistics import mean_std
from dag import Dag, effective_depth_width
from mlp_code.config import MlpConfig
from mlp_code.model import DagMlp, MlpShape


def summarize(
    config: MlpConfig,
    folder: Path,
    shape: MlpShape,
    best_epochs: dict[tuple[str, int], int],
    rates: dict[str, float],
    seconds: float,
) -> dict:
    """The content of result.json: one entry per DAG, means and sample stds over seeds.

    Accuracies are in %; `test_accuracy` belongs to the epoch of best validation accuracy, which
    `best_epochs` has by DAG and seed.
    """
    records = {(r["dag"], r["seed"], r["epoch"]): r for r in read_metrics(folder)}
    dags = {}
    for name, code in config.dags.items():
        depth, width = effective_depth_width(Dag.parse(code))
        parameters, multiply_adds = count_costs(code, shape)
        last = [records[name, seed, config.epochs] for seed in config.seeds]
        best = [records[name, seed, best_epochs[name, seed]] for seed in config.seeds]
        dags[name] = {
            "code": code,
            "effective_depth": depth,
            "effective_width": width,
            "parameters": parameters,
            "multiply_adds": multiply_adds,
            "best_epochs": [record["epoch"] for record in best],
            **_means(last, "train_loss", "train_accuracy"),
            **_means(best, "validation_accuracy", "test_accuracy", "test_class_accuracy"),
            "lr": rates[name],
        }
    whole = {"epochs": config.epochs, "seeds": config.seeds, "precision": config.precision}
    return whole | {"seconds": round(seconds, 2), "dags": dags}


def _means(records: list[dict], *keys: str) -> dict[str, dict]:
    return {key: mean_std([record[key] for record in records]) for key in keys}


def count_costs(code: str, shape: MlpShape) -> tuple[int, int]:
    """(parameters, multiply-adds per image) of a DAG's network, without allocating it."""
    with torch.device("meta"):
        network = DagMlp(code, shape).eval()
        image = torch.empty(1, shape.in_features)
    with FlopCounterMode(display=False) as counter:
        network(image)
    return network.num_parameters(), counter.get_total_flops() // 2
