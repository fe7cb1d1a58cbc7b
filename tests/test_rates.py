"""The rate of each DAG: from its kernel, against finite networks, and by the rule of paths."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from common.config import ConfigError
from common.data import load_dataset
from common.runs import RunSettings
from dag import FIGURE_3, Dag, path_rule
from mlp_code import DagMlp, MlpShape, rates
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.rates import SAFE, learning_rates
from mlp_code.theory import inputs
from mlp_code.training import train


@pytest.mark.parametrize("parameterization", ["standard", "ntk"])
def test_auto_is_a_share_of_what_finite_networks_bear(monkeypatch, parameterization):
    """lambda_max of J J^T of networks without biases, averaged over seeds."""
    monkeypatch.setattr(rates, "_IMAGES", 8)
    sgd = SgdConfig(lr="auto")
    config = MlpConfig(width=128, parameterization=parameterization, optimizer=sgd)
    data = load_dataset("digits")
    x = inputs(data, 8)
    for name, rate in learning_rates(config, data).items():
        shape = MlpShape(64, 128, 1, False, False, parameterization)
        kernels = []
        for seed in range(16):
            model = DagMlp(FIGURE_3[name], shape, torch.Generator().manual_seed(seed))
            rows = [
                torch.autograd.grad(f, model.parameters(), retain_graph=True)
                for f in model(x).flatten()
            ]
            jacobian = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
            kernels.append((jacobian @ jacobian.T).numpy())
        largest = np.linalg.eigvalsh(np.mean(kernels, axis=0))[-1]
        assert rate == pytest.approx(SAFE * 2 * 8 / largest, rel=0.1), name


def config(tmp_path, name, sgd, **changes):
    run = RunSettings(name, str(tmp_path))
    return MlpConfig(width=16, epochs=2, seeds=[0, 1], optimizer=sgd, device="cpu", run=run,
                     **changes)  # fmt: skip


def test_networks_of_several_rates_train_as_each_does_alone(tmp_path):
    together = train(config(tmp_path, "all", SgdConfig(0.05, "paths", momentum=0.9)))
    for name, code in FIGURE_3.items():
        rate = 0.05 * path_rule(Dag.parse(code))
        alone = train(config(tmp_path, name[-1], SgdConfig(rate, momentum=0.9), dags={name: code}))
        assert together["dags"][name]["lr"] == pytest.approx(rate)
        for key in ("train_loss", "test_accuracy"):
            found, expected = together["dags"][name][key], alone["dags"][name][key]
            assert found["mean"] == pytest.approx(expected["mean"], rel=1e-3), (name, key)


def test_auto_trains_where_a_rate_for_all_would_not(tmp_path):
    result = train(replace(config(tmp_path, "auto", SgdConfig("auto"), loss="mse"), epochs=25))
    for row in result["dags"].values():
        assert row["train_loss"]["mean"] < 0.5  # that of outputs 0
    assert len({row["lr"] for row in result["dags"].values()}) == 3


def test_in_degree_divides_the_variance_by_the_edges_into_the_source():
    shapes = [MlpShape(5, 6, 3, init=init) for init in ("kaiming", "in_degree")]
    plain, divided = (DagMlp("2_21_112", s, torch.Generator().manual_seed(0)) for s in shapes)
    # stem; 0 -> 1 and 0 -> 2, which read one edge; 2 -> 3 reads two; the readout three
    for a, b, degree in zip(plain.linears, divided.linears, (1, 1, 1, 2, 3), strict=True):
        torch.testing.assert_close(b.weight * degree**0.5, a.weight)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"optimizer": {"lr": "auto", "lr_scaling": "paths"}}, "lr_scaling: found 'paths'"),
        ({"optimizer": {"lr": "auto", "weight_decay": 0.1}}, "weight_decay: found 0.1"),
        ({"optimizer": {"lr": "auto"}, "batch_norm": True}, "knows neither batch_norm"),
        ({"init": "in_degree", "parameterization": "ntk"}, "init: found 'in_degree'"),
    ],
)
def test_what_does_not_fit_is_told(changes, told):
    with pytest.raises(ConfigError, match=told):
        MlpConfig(**changes | {"optimizer": SgdConfig(**changes.get("optimizer", {}))})
