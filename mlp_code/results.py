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
    best_epochs: list[int],
    rates: dict[str, float],
    seconds: float,
) -> dict:
    """The content of result.json: one entry per DAG, means and sample stds over seeds.

    Accuracies are in %; `test_accuracy` belongs to the epoch of best validation accuracy.
    """
    records = {(r["dag"], r["seed"], r["epoch"]): r for r in read_metrics(folder)}
    epochs_of = dict(zip([(d, s) for d in config.dags for s in config.seeds], best_epochs))
    return {
        "epochs": config.epochs,
        "seeds": config.seeds,
        "precision": config.precision,
        "seconds": round(seconds, 2),
        "dags": {
            name: _summarize_dag(config, name, shape, records, epochs_of) | {"lr": rates[name]}
            for name in config.dags
        },
    }


def _summarize_dag(
    config: MlpConfig, name: str, shape: MlpShape, records: dict, epochs_of: dict
) -> dict:
    code = config.dags[name]
    depth, width = effective_depth_width(Dag.parse(code))
    parameters, multiply_adds = count_costs(code, shape)
    last = [records[name, seed, config.epochs] for seed in config.seeds]
    best = [records[name, seed, epochs_of[name, seed]] for seed in config.seeds]
    return {
        "code": code,
        "effective_depth": depth,
        "effective_width": width,
        "parameters": parameters,
        "multiply_adds": multiply_adds,
        "best_epochs": [record["epoch"] for record in best],
        "train_loss": mean_std([record["train_loss"] for record in last]),
        "train_accuracy": mean_std([record["train_accuracy"] for record in last]),
        "validation_accuracy": mean_std([record["validation_accuracy"] for record in best]),
        "test_accuracy": mean_std([record["test_accuracy"] for record in best]),
        "test_class_accuracy": mean_std([record["test_class_accuracy"] for record in best]),
    }


def count_costs(code: str, shape: MlpShape) -> tuple[int, int]:
    """(parameters, multiply-adds per image) of a DAG's network, without allocating it."""
    with torch.device("meta"):
        network = DagMlp(code, shape).eval()
        image = torch.empty(1, shape.in_features)
    with FlopCounterMode(display=False) as counter:
        network(image)
    return network.num_parameters(), counter.get_total_flops() // 2
