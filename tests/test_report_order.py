"""Where an order of DAGs holds, against a plain loop over epochs and seeds."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from report.order import in_words, order_tables, ranges

ORDER = ["c", "b", "a"]


def curves_of(rng, seeds, epochs):
    return {
        key: {dag: rng.integers(0, 4, (seeds, epochs)).astype(float) for dag in "abc"}
        for key in ("train_accuracy", "train_loss")
    }


@pytest.mark.parametrize("seeds, epochs", [(1, 3), (3, 12)])
def test_tables_against_a_plain_loop(seeds, epochs):
    curves = curves_of(np.random.default_rng(seeds), seeds, epochs)
    run = SimpleNamespace(
        key="r", name="r", dataset="digits", result={"seeds": list(range(10, 10 + seeds))}
    )
    where, gaps = order_tables(run, curves, ORDER)
    assert len(where.rows) == 2 * (seeds + 1)
    for key, rows in zip(curves, (where.rows[: seeds + 1], where.rows[seeds + 1 :])):
        for seed, row in enumerate(rows[:-1]):
            c, b, a = (curves[key][dag][seed] for dag in ORDER)
            held = [
                e + 1
                for e in range(epochs)
                if (c[e] > b[e] > a[e] if key == "train_accuracy" else c[e] < b[e] < a[e])
            ]
            assert row[1:] == (str(10 + seed), ranges(held), epochs)
    found = {(row[0], row[1]): row for row in gaps.rows}
    c, b = curves["train_loss"]["c"], curves["train_loss"]["b"]
    row = found["training loss", "c - b"]
    assert row[2].value == pytest.approx((c[:, :10] - b[:, :10]).mean())
    assert row[4].value == pytest.approx((c[:, -1] - b[:, -1]).mean())
    assert bool(row[3]) == (seeds > 1) and row[6] == seeds


def test_ranges():
    assert ranges([]) == "none"
    for wanted in itertools.chain.from_iterable(
        itertools.combinations(range(1, 8), n) for n in range(1, 8)
    ):
        read = []
        for part in ranges(wanted).split(", "):
            first, _, last = part.partition("-")
            read += range(int(first), int(last or first) + 1)
        assert tuple(read) == wanted


def test_a_caption_says_since_when_all_seeds_agree():
    rise = np.array([[0.0, 1, 2, 3], [0, 0, 2, 3]])
    accuracy = {"a": 0 * rise, "b": rise, "c": 2 * rise}
    loss = {"a": rise + 1, "b": rise + 2, "c": rise + 3}
    said = in_words({"train_accuracy": accuracy, "train_loss": loss}, ORDER)
    assert "training accuracy (%): from epoch 3 on (6, 3, 0 at the end)" in said
    assert "training loss: in no epoch (6, 5, 4 at the end)" in said
    assert "first epoch 3.000, 2.000, 1.000" in said
