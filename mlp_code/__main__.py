"""Entry: python -m mlp_code --config configs/mlp/digits.yaml."""

from common.config import run_entry
from mlp_code.config import MlpConfig
from mlp_code.training import train

PROG = "python -m mlp_code"


def print_table(result: dict) -> None:
    """One line per DAG; 76 characters for codes of up to 12."""
    wide = max(12, *(len(row["code"]) for row in result["dags"].values()))
    heading = f"{'DAG':<12} {'code':<{wide}} {'depth':>5} {'width':>5}"
    print(f"\n{heading} {'train acc. %':>13} {'test acc. %':>13} {'params':>10}")
    for name, row in result["dags"].items():
        accuracies = (row["train_accuracy"], row["test_accuracy"])
        shown = " ".join(f"{a['mean']:6.2f} ({a['std']:4.2f})" for a in accuracies)
        print(
            f"{name[:12]:<12} {row['code']:<{wide}} {row['effective_depth']:5.2f} "
            f"{row['effective_width']:5.2f} {shown} {row['parameters']:>10,}"
        )
    n = len(result["seeds"])
    print(
        f"after {result['epochs']} epochs on {result['dataset']['name']}, mean (std) over {n} "
        f"seeds, {result['seconds']:.0f} s"
    )


if __name__ == "__main__":
    run_entry(PROG, MlpConfig, "mlp", train, print_table)
