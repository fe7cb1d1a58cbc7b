"""Kernels against `mlp_code`'s own networks, and training predicted from them."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from common.config import ConfigError
from common.data import load_dataset
from common.files import read_metrics
from common.runs import RunError, RunSettings
from dag import FIGURE_3, Dag, nngp, ntk
from mlp_code import DagMlp, MlpShape
from mlp_code.theory import TheoryConfig, check_samples, compare, inputs
from mlp_code.topologies import TopologiesConfig, distinct_codes, steps_to_goal, study
from mlp_code.training import TrainingDivergedError
from report.__main__ import main as report
from report.records import read_record
from report.topologies import read_networks

CODES = tuple(FIGURE_3.values())


def network(code, width, seed, outputs=4):
    shape = MlpShape(64, width, outputs, bias=False)
    return DagMlp(code, shape, torch.Generator().manual_seed(seed))


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.fixture(scope="module")
def x():
    return inputs(load_dataset("digits"), 6)


@pytest.mark.parametrize("code", CODES)
@torch.no_grad()
def test_nngp_of_finite_networks(code, x):
    """Given the last node h, outputs have covariance 2/m h h^T; 65,536 units over the seeds."""
    kernel = np.zeros((len(x), len(x)))
    last_node = []
    for seed in range(256):
        net = network(code, 256, seed)
        net.linears[-1].register_forward_pre_hook(lambda _, args: last_node.append(args[0]))
        net(x)
        hidden = last_node.pop().double().numpy()
        kernel += 2 / 256 * hidden @ hidden.T / 256
    assert relative_error(kernel, nngp(Dag.parse(code), x.numpy())) < 0.02


def finite_ntk(net, x):
    """Sum over layers of 2/fan_in <a_i, a_j> <d_i, d_j>, mean over outputs."""
    seen = []
    for linear in net.linears:
        linear.register_forward_hook(lambda layer, args, out: seen.append((layer, args[0], out)))
    outputs = net(x)
    kernel = torch.zeros(len(x), len(x))
    for k in range(outputs.shape[1]):
        deltas = torch.autograd.grad(outputs[:, k].sum(), [s[2] for s in seen], retain_graph=True)
        for (layer, a, _), d in zip(seen, deltas):
            kernel += 2 / layer.in_features * (a @ a.T) * (d @ d.T)
    return (kernel / outputs.shape[1]).detach().double().numpy()


@pytest.mark.parametrize("code", CODES)
def test_ntk_of_finite_networks(code, x):
    kernels = [finite_ntk(network(code, 512, seed), x) for seed in range(16)]
    assert relative_error(np.mean(kernels, 0), ntk(Dag.parse(code), x.numpy())) < 0.05


def config(tmp_path, **changes):
    small = {
        "kernel_samples": 40, "samples": 24, "width": 512, "steps": 12, "seeds": [0, 1],
        "device": "cpu", "run": RunSettings("r", str(tmp_path)),
    }  # fmt: skip
    return TheoryConfig(**small | changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where runs lie, one of them finished, and its result."""
    root = tmp_path_factory.mktemp("runs")
    return root, compare(config(root))


@pytest.mark.parametrize("targets", ["one_hot", "signed"])
def test_training_is_predicted(tmp_path, finished, targets):
    result = finished[1] if targets == "one_hot" else compare(config(tmp_path, targets=targets))
    for row in result["dags"].values():
        training = row["training"]
        measured, predicted = np.array(training["measured"]), np.array(training["predicted"])
        assert measured.shape == predicted.shape == (2, 13)
        assert measured[:, 0] == pytest.approx(predicted[:, 0], rel=1e-5)
        assert measured[:, -1].max() < 0.5 * measured[:, 0].max()
        errors = np.abs(predicted - measured) / measured
        assert (
            training["mean_relative_error"] == pytest.approx(errors.mean()) and errors.mean() < 0.15
        )


def test_the_wider_the_network_the_better_the_prediction(tmp_path, finished):
    errors = [
        np.mean([row["training"]["mean_relative_error"] for row in result["dags"].values()])
        for result in (compare(config(tmp_path, width=32)), finished[1])  # of width 512
    ]
    assert errors[1] < errors[0] / 2


def test_lambda_min_orders_the_dags_of_figure_3(tmp_path):
    result = compare(config(tmp_path, kernel_samples=512, steps=1, width=8))
    for form in ("exact", "paper"):
        values = [row[form]["smallest_eigenvalue"] for row in result["dags"].values()]
        assert values == sorted(values)
    for row in result["dags"].values():
        assert row["paper"]["smallest_eigenvalue"] <= row["eq12_bound"]


def test_a_rate_that_diverges_is_told(tmp_path):
    with pytest.raises(TrainingDivergedError, match=r"DAG#1, seed 0, .* after \d+ steps: lower lr"):
        compare(config(tmp_path, lr=1e6))


def test_samples_of_one_class_are_refused_before_any_work(tmp_path):
    images = np.random.default_rng(0).integers(1, 255, (60, 4, 4)).astype(np.uint8)
    labels = np.arange(60) // 20
    path = tmp_path / "own.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    data = load_dataset(str(path))
    sorted_labels = replace(data.train, labels=data.train.labels.sort().values)
    with pytest.raises(ConfigError, match="samples: found '10, images of class 0 alone'"):
        check_samples(replace(data, train=sorted_labels), 10)
    check_samples(replace(data, train=sorted_labels), 54)


def test_an_image_equal_to_the_mean_has_no_kernel():
    data = load_dataset("digits")
    grey = replace(data, mean=torch.full((1,), 127.3))
    grey.train.images[3] = 127
    inputs(grey, 6)
    with pytest.raises(ConfigError, match="dataset: found 'training image 3 equal to the mean"):
        inputs(replace(grey, mean=torch.full((1,), 127.0)), 6)


def test_measured_curves_are_not_measured_again(tmp_path, finished):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "theory/r"
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "result.json").unlink()
    (folder / "metrics.jsonl").write_text("".join(lines[:2]) + lines[2][:50])  # a kill in mid-line
    before = [r["losses"] for r in read_metrics(folder)]
    compare(config(tmp_path))
    after = read_metrics(folder)
    assert len(after) == 6 and [r["losses"] for r in after[:2]] == before
    assert [r["losses"] for r in after] == [json.loads(line)["losses"] for line in lines]
    assert all(record["seconds"] > 0 for record in after)
    total = sum(record["seconds"] for record in after)  # of all processes, not of the last
    assert json.loads((folder / "result.json").read_text())["seconds"] == round(total, 1)


@pytest.mark.parametrize(
    "changes", [{"samples": 1}, {"samples": 5000}, {"targets": "x"}, {"dags": {}}, {"lr": -1.0}]
)
def test_bad_settings_are_refused(tmp_path, changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        compare(config(tmp_path, **changes))


def test_the_report_of_a_theory_run(tmp_path, finished, capsys):
    report(["show", "theory", str(finished[0] / "theory/r"), "--out", str(tmp_path / "out")])
    for file in ("spectra.png", "training.png", "training.pdf"):
        assert (tmp_path / "out/figures" / f"theory_r_{file}").stat().st_size > 5000
    assert "| DAG#2 |" in capsys.readouterr().out


def test_distinct_codes():
    codes = distinct_codes(3)
    assert len(codes) == 662 and len(set(codes.values())) == 290
    assert codes["2_20_002"] == "0_20_002" and codes["2_02_002"] == "2_02_002"


@pytest.mark.parametrize(
    ("accuracies", "steps", "reached"),
    [
        ([50, 80, 100], 20, True),  # 80 in mid-epoch 2 (step 15), 100 in mid-epoch 3 (step 25)
        ([100], 4, True),  # from 0 half an epoch before the start
        ([10, 20], 20, False),
    ],
)
def test_steps_to_goal(accuracies, steps, reached):
    assert steps_to_goal(accuracies, 90, 10) == (pytest.approx(steps), reached)


def test_topologies_end_to_end(tmp_path, capsys):
    run = RunSettings("t", str(tmp_path))
    small = {"layers": 2, "width": 16, "epochs": 3, "seeds": [0, 1], "device": "cpu"}
    settings = TopologiesConfig(bootstrap=5, goal=20, **small, run=run)
    folder = study(settings)
    with (folder / "topologies.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(distinct_codes(2)) and len({r["code"] for r in rows}) == len(rows)
    chain = next(row for row in rows if row["code"] == "2_02")
    assert (float(chain["depth"]), float(chain["width"]), int(chain["paths"])) == (2, 0.5, 1)
    last = [r for r in read_metrics(folder) if r["dag"] == "2_02" and r["epoch"] == 3]
    mean = np.mean([record["test_accuracy"] for record in last])
    assert float(chain["test_accuracy"]) == pytest.approx(mean) and len(last) == 2
    record = read_record(folder, folder)
    assert len(read_networks(record)["depth"]) == len(set(distinct_codes(2).values()))
    found = json.loads((folder / "result.json").read_text())["topologies"]
    assert (found["codes"], found["goal"], found["kernel_samples"]) == (len(rows), 20, 128)
    networks = [row for row in rows if row["code"] == row["network"]]
    speed = [-float(row["steps_to_goal"]) for row in networks]
    tau = kendalltau([int(row["paths"]) for row in networks], speed).statistic
    assert found["networks"] == len(networks) and len(set(speed)) > 2
    assert found["convergence speed"]["kendall_tau"]["number of paths"]["tau"] == tau
    with pytest.raises(RunError, match="goal: 20 there, 80 now"):
        study(replace(settings, goal=80))
    report(["show", "topologies", str(folder), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out/figures/topologies_t_topologies.png").stat().st_size > 5000
    assert "lambda_min, NNGP exact" in capsys.readouterr().out
