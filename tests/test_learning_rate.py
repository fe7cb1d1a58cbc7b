"""The learning rate of a DAG: batched bisection against a plain loop; predictions; bad input."""

import math
import random

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from common.config import ConfigError
from common.data import load_dataset
from common.dataset import epoch_order
from common.runs import RunSettings
from dag import FIGURE_3, Dag, all_codes, largest_eigenvalues, ntk, path_rule
from mlp_code import DagMlp, MlpShape, learning_rate
from mlp_code.agreement import EXACT, PAPER, RULE, agree
from mlp_code.descent import Descent, largest_stable
from mlp_code.learning_rate import LearningRateConfig, study
from mlp_code.own_rate import CurveSettings
from mlp_code.theory import inputs

X = np.random.default_rng(3).standard_normal((6, 10))
SPAN, HALVINGS = (0.01, 300.0), 5
CODES = ("0_00_100", "2_02_002", "1_01_222", "2_21_112", "2_22_222")


def images(n=16):
    data = load_dataset("digits")
    return inputs(data, n), data.train.labels[:n]


def network(code, seed, width=24, batch_norm=False):
    shape = MlpShape(64, width, 10, False, batch_norm, "ntk")
    return DagMlp(code, shape, torch.Generator().manual_seed(seed))


def plain_trains(model, rate, x, y, loss, batch_size, momentum=0.0, steps=15):
    """One network, one rate, written out."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)

    def loss_of(chosen):
        logits = model(x[chosen])
        if loss == "cross_entropy":
            return F.cross_entropy(logits, y[chosen]), logits
        return ((logits - F.one_hot(y[chosen], 10)) ** 2).sum(1).mean() / 2, logits

    everything = torch.arange(len(x))
    first = loss_of(everything)[0].item()
    batches = (epoch_order(0, e, len(x)).split(batch_size or len(x)) for e in range(1, 99))
    batches = (batch for epoch in batches for batch in epoch)
    for _, chosen in zip(range(steps), batches):
        optimizer.zero_grad()
        loss_of(chosen if batch_size else everything)[0].backward()
        optimizer.step()
    last, logits = loss_of(everything)
    return last.item() < first and len({tuple(row) for row in logits.tolist()}) > 1


@pytest.mark.parametrize(
    ("loss", "batch_size", "momentum", "batch_norm"),
    [("mse", 0, 0.0, False), ("cross_entropy", 4, 0.0, False), ("mse", 0, 0.8, False),
     ("mse", 0, 0.0, True)],
)  # fmt: skip
def test_bisection_equals_a_plain_loop(loss, batch_size, momentum, batch_norm):
    x, y = images()
    descent = Descent(x, y, loss, 15, batch_size, momentum=momentum)

    def make(code):
        return network(code, 1, batch_norm=batch_norm)

    found = largest_stable(descent, [make(code) for code in CODES], SPAN, HALVINGS)
    for code, rate in zip(CODES, found.tolist()):
        low, high = map(math.log, SPAN)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            held = plain_trains(make(code), math.exp(middle), x, y, loss, batch_size, momentum)
            low, high = (middle, high) if held else (low, middle)
        assert rate == pytest.approx(math.exp(low), rel=1e-4), code


def test_nine_tenths_of_the_rate_train_and_1_3_times_it_diverge():
    codes = random.Random(1).sample([c for c in all_codes(3) if Dag.parse(c).has_path], 10)
    members = [network(code, 0, width=64) for code in codes]
    descent = Descent(*images(32), "mse", 60)
    rates = largest_stable(descent, members, (0.01, 300.0), 8)
    assert descent.stable(members, 0.9 * rates).all()
    assert not descent.stable(members, 1.3 * rates).any()


def test_a_dead_network_has_not_trained():
    model = network("2_02_002", 0)
    with torch.no_grad():
        model.linears[0].weight.fill_(0)
    assert Descent(*images(), "mse", 1).losses([model], torch.ones(1)).isinf().all()


def test_eigenvalues_are_those_of_the_kernel_and_linear_in_the_stem():
    dags = [Dag.parse(code) for code in CODES]
    exact = largest_eigenvalues(dags, X)
    assert exact == pytest.approx([np.linalg.eigvalsh(ntk(d, X))[-1] for d in dags])
    assert all(a > b for a, b in zip(exact[2:], largest_eigenvalues(dags[2:], X, "paper")))
    # A stem and a readout: 2 (C + stem kappa0 x.x' / d_in), C = kappa1 form of x.x' / d_in.
    norms = np.linalg.norm(X, axis=1)
    cosine = np.clip(X @ X.T / np.outer(norms, norms), -1, 1)
    angle, scale = np.arccos(cosine), np.outer(norms, norms) / X.shape[1]
    c = scale * (np.sin(angle) + (np.pi - angle) * cosine) / np.pi
    t = scale * cosine * (np.pi - angle) / np.pi
    for stem in (0.0, 1.0, 0.3):
        expected = np.linalg.eigvalsh(2 * (c + stem * t))[-1]
        assert largest_eigenvalues([Dag.parse("1")], X, stem=stem)[0] == pytest.approx(expected)


def test_the_rule_of_paths_on_fig_3():
    found = [path_rule(Dag.parse(code)) for code in FIGURE_3.values()]
    assert found == pytest.approx([0.354, 0.375, 0.281], abs=5e-4)
    with pytest.raises(ValueError, match="no path"):
        path_rule(Dag.parse("0_00_000"))


def test_agreement_of_a_power_law():
    x = np.array([0.1, 0.5, 2.0, 7.0])
    found = agree(x, 3 * x**2)
    assert found["tau"] == 1 and found["r2"] == pytest.approx(1)
    assert found["slope"] == pytest.approx(2)
    off = 3 * x
    assert found["median_factor"] == pytest.approx(np.exp(np.median(np.log(off))))
    worst = max(max(off / found["median_factor"]), max(found["median_factor"] / off))
    assert found["worst_factor"] == pytest.approx(worst)


def small(tmp_path, **changes):
    curves = CurveSettings([0.01, 1e4], images=64, width=8, steps=4, batch_size=32, every=2)
    settings = {
        "networks": 2, "width": 16, "wide": 24, "samples": 16, "batch_size": 8, "steps": 6,
        "seeds": [0, 1], "rates": (0.01, 3000.0), "halvings": 2, "tries": 2,
    }  # fmt: skip
    run = RunSettings("r", str(tmp_path))
    return LearningRateConfig(**settings | changes, curves=curves, device="cpu", run=run)


def test_a_study_goes_on_where_it_was(tmp_path, monkeypatch):
    whole = study(small(tmp_path / "whole"))
    assert [row["code"] for row in whole["networks"]] == learning_rate.chosen_codes(small(tmp_path))
    assert {row["code"] for row in whole["wide"]["networks"]} == set(FIGURE_3.values())
    assert set(whole["agreement"]["mse"]["best"]) == {RULE, EXACT, PAPER}
    assert whole["curves"]["dags"]["DAG#1"]["best_rate"] == 0.01
    assert whole["curves"]["dags"]["DAG#1"]["last"][1] == [None, None]
    assert len(whole["curves"]["dags"]["DAG#1"]["best_curves"][0]) == 3

    def stop(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(learning_rate, "summary", stop)
        study(small(tmp_path / "parts"))
    with monkeypatch.context() as patch:
        patch.setattr(learning_rate, "largest_stable", stop)  # nothing is measured a second time
        assert study(small(tmp_path / "parts")) == whole


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rates": (500.0, 3000.0)}, r"rates: found 500 .. 3000, but .* diverges at the first"),
        ({"rates": (1e-4, 1e-3)}, "rates: found 0.0001 .. 0.001, but most train"),
        ({"rates": (1.0, 0.1)}, "rates: found .* expected two numbers"),
        ({"samples": 1, "batch_size": 1}, "samples: found 1, expected an integer >= 2"),
        ({"samples": 99999}, "samples: found 99999, expected at most 1000"),
    ],
)
def test_bad_input_is_told(tmp_path, changes, told):
    with pytest.raises(ConfigError, match=told):
        study(small(tmp_path, **changes))


def test_images_of_one_class_are_told(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (80, 4, 4, 1), np.uint8)
    labels = np.arange(80) // 79  # the first of the shuffled training images are of one class
    np.savez(tmp_path / "one.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    with pytest.raises(ConfigError, match="images of class 0 alone"):
        study(small(tmp_path, dataset=str(tmp_path / "one.npz")))
