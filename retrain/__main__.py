"""Entry: python -m retrain --config configs/retrain/digits.yaml --genotype FILE."""

import json
from functools import partial

from common.config import run_entry
from common.workers import Workers
from retrain.config import RetrainConfig
from retrain.training import train

PROG = "python -m retrain"


def main() -> None:
    """Trains a cell from scratch and prints its row."""
    about = "Train a chosen cell or genotype from scratch."
    workers = partial(Workers, tensors=True)
    run_entry(PROG, RetrainConfig, "retrain", train, print_result, about=about, workers=workers)


def print_result(result: dict) -> None:
    """Prints the result; lines of at most 79 characters, but for the cell."""
    test, best = result["test"], result["best_validation"]
    print(f"\n{result['method'] or result['network']['space']} on {result['dataset']['name']}")
    print(f"  {result.get('arch') or json.dumps(result['genotype'])}")
    top5 = "" if test["top5_error"] is None else f"top-5 {test['top5_error']:.2f} %, "
    rows = {
        "test error": f"top-1 {test['top1_error']:.2f} %, {top5}{result['tested_weights']} weights "
        f"(epoch {result['tested_epoch']})",
        "validation": best and f"best {best['top1']:.2f} % at epoch {best['epoch']}",
        "network": f"{result['parameters'] / 1e6:.3f} M parameters, "
        f"{result['multiply_adds'] / 1e6:.1f} M multiply-adds",
        "training": f"{result['seconds']:.0f} s, {result['images_per_second']:,.0f} images/s, "
        f"{result['processes']} process(es), {result['precision']}",
    }
    for name, told in rows.items():
        if told:
            print(f"{name:<17}{told}")


if __name__ == "__main__":
    main()
