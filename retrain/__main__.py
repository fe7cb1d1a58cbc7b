"""Entry: python -m retrain --config configs/retrain/digits.yaml --genotype FILE."""

import json

from common.config import parse_config
from common.errors import run_main
from common.workers import Workers
from retrain.config import RetrainConfig
from retrain.training import train

PROG = "python -m retrain"


def main() -> None:
    """Trains a cell from scratch and prints its row."""
    config = parse_config(RetrainConfig, PROG, "Train a chosen cell or genotype from scratch.")
    workers = Workers(tensors=True)
    try:
        result = train(config, workers)
    finally:
        workers.close()
    if workers.first:
        print_result(result)
        print(f"\nRecords: {config.run.folder('retrain')}/")


def print_result(result: dict) -> None:
    """Prints the result; lines of at most 79 characters, but for the cell."""
    test = result["test"]
    print(f"\n{result['method'] or result['network']['space']} on {result['dataset']['name']}")
    print(f"  {result.get('arch') or json.dumps(result['genotype'])}")
    top5 = "" if test["top5_error"] is None else f"top-5 {test['top5_error']:.2f} %, "
    print(
        f"test error       top-1 {test['top1_error']:.2f} %, {top5}"
        f"{result['tested_weights']} weights (epoch {result['tested_epoch']})"
    )
    if result["best_validation"]:
        best = result["best_validation"]
        print(f"validation       best {best['top1']:.2f} % at epoch {best['epoch']}")
    print(
        f"network          {result['parameters'] / 1e6:.3f} M parameters, "
        f"{result['multiply_adds'] / 1e6:.1f} M multiply-adds"
    )
    print(
        f"training         {result['seconds']:.0f} s, "
        f"{result['images_per_second']:,.0f} images/s, {result['processes']} process(es), "
        f"{result['precision']}"
    )


if __name__ == "__main__":
    run_main(PROG, main)
