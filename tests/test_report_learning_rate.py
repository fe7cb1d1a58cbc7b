"""The section of learning rates, from a small record."""

import pytest

from report.learning_rate import draw_rates
from report.records import read_record
from tests.records import keep, record, results_of, row_of, section

FOUND = {"tau": 0.75, "r2": 0.5, "slope": 1.25, "median_factor": 4.5, "worst_factor": 3.0}
PREDICTIONS = ("rule of paths", "2 / lambda_max, exact", "2 / lambda_max, paper")
RATES = {"stable": 0.5, "best": 0.25}


def learning_rate(wide=True):
    network = {"code": "2_21_112", "mse": RATES, "cross_entropy": RATES}
    network |= {name: 0.1 * (i + 1) for i, name in enumerate(PREDICTIONS)}
    agreement = {
        loss: {rate: dict.fromkeys(PREDICTIONS, FOUND) for rate in RATES}
        for loss in ("mse", "cross_entropy")
    }
    share = {"networks": 60, "train_at_0.9": 1.0, "diverge_at_1.3": 0.95}
    dags = {
        "DAG#1": {"last": [[2.0, 3.0], [0.5, None]], "best_rate": 0.01},
        "DAG#3": {"last": [[1.0, 2.0], [0.25, 0.5]], "best_rate": 0.1},
        "DAG#2": {"last": [[None, None], [None, None]], "best_rate": None, "best_curves": None},
    }
    for name in ("DAG#1", "DAG#3"):
        dags[name]["best_curves"] = [[3.0, 2.0, 1.0]] * 2
    curves = {"rates": [0.01, 0.1], "steps": 15, "every": 10, "width": 8, "images": 100}
    return record("learning_rate", "digits", 2, {"width": 16}, codes=662, networks=[network] * 2,
                  agreement=agreement, check={"mse": share, "cross_entropy": share},
                  curves=curves | {"dags": dags},
                  **({"wide": {"width": 1024, "networks": [network]}} if wide else {}))  # fmt: skip


def test_tables(tmp_path):
    keep(tmp_path / "r", "learning_rate/a", learning_rate())
    text = section(results_of(tmp_path / "r", out=tmp_path), "The learning rate")
    row = row_of(text, "cross-entropy, SGD", "largest stable", "rule of paths")
    assert row[3:] == ["0.75", "0.50", "1.25", "4.50", "3.00", "2"]
    assert row_of(text, "DAG#3")[1:4] == ["0.100", "0.200", "0.300"]
    assert row_of(text, "0.01")[1:] == ["2.50", "1.50", "diverged", "DAG#3 &lt; DAG#1"]
    assert row_of(text, "0.1")[1:] == ["diverged", "0.375", "diverged", "DAG#3"]
    own = row_of(text, "each its own best")
    assert own[1:] == ["2.50", "0.375", "diverged", "DAG#3 &lt; DAG#1"]
    assert "100 % and 95 %" in text and "ICLR 2024" in text


@pytest.mark.parametrize("wide", [True, False])
def test_figure(tmp_path, wide):
    folder = keep(tmp_path, "a", learning_rate(wide))
    kernel, rule, curves = draw_rates(read_record(tmp_path, folder)).axes
    assert "exact" in kernel.get_xlabel() and "paths" in rule.get_xlabel()
    assert [line.get_xdata().tolist() for line in curves.get_lines()] == [[0, 10, 15]] * 2
