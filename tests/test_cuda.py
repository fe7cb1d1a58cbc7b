"""CUDA against the CPU, where there is a device: scores, indicators, learning rates, theory.

Trainings are compared in the tests of `mlp_code` and `retrain`.
"""

import copy
import dataclasses
import math
import sys

import pytest
import torch

from common.data import load_dataset
from common.runs import RunSettings
from mlp_code import learning_rate
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.learning_rate import LearningRateConfig
from mlp_code.own_rate import CurveSettings
from mlp_code.theory import TheoryConfig, compare
from mlp_code.training import Trainer, train
from spaces.operator_modules import make_operator
from spaces.operators import OPERATOR_TABLE
from tenas_dag.config import IndicatorSettings
from tenas_dag.indicators import Indicators, Setting
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.scorer import Scorer
from wot_dag.scores import OF_NETWORKS
from wot_dag.space import make_space
from wot_dag.store import Key

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("precision, tolerance", [("float32", 1e-4), ("bfloat16", 1e-2)])
def test_scores(precision, tolerance):
    found = []
    for device in DEVICES:
        score = ScoreSettings(
            dataset="digits", batch_size=32, precision=precision, device=device, seeds=[0]
        )
        config = WotConfig(score=score)
        space = make_space(config)
        keys = [Key(arch, 0) for arch in space.archs[::1500]]
        scorer = Scorer(score, space)
        scores = scorer(scorer.groups(keys))
        found.append([scores[key].value for key in keys])
    for on_cpu, on_cuda in zip(*found):
        assert math.isfinite(on_cpu) == math.isfinite(on_cuda)
        assert not math.isfinite(on_cpu) or on_cuda == pytest.approx(on_cpu, rel=tolerance)


@pytest.mark.parametrize("name", sorted(set(OPERATOR_TABLE) - {"none"}))
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_operators(name, stride, layout):
    """Some of PyTorch's reverse passes were wrong on CUDA in channels-last order alone."""
    torch.manual_seed(0)
    on_cpu = make_operator(name, 4, stride).double()
    x = torch.randn(3, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    cotangent = torch.randn_like(on_cpu(x))
    (expected,) = torch.autograd.grad(on_cpu(x), x, cotangent, allow_unused=True)
    operator = copy.deepcopy(on_cpu).to("cuda", memory_format=layout)
    y = x.detach().to("cuda", memory_format=layout).requires_grad_()
    cotangent = cotangent.to("cuda", memory_format=layout)
    (found,) = torch.autograd.grad(operator(y), y, cotangent, allow_unused=True)
    torch.testing.assert_close(found.cpu(), expected)


@pytest.mark.parametrize("space, channels", [("nas-bench-201", 3), ("darts", 1)])
def test_indicators(space, channels):
    settings = IndicatorSettings("digits", batch_size=8, channels=channels, region_inputs=50)
    values = []
    for name in DEVICES:
        device = torch.device(name)
        settings = dataclasses.replace(settings, device=name)
        indicators = Indicators(space, settings, load_dataset("digits", device), device)
        values.append(indicators.measure(indicators.full(), Setting(0, 0, 0)))
    on_cpu, on_cuda = values
    assert on_cuda.kappa == pytest.approx(on_cpu.kappa, rel=1e-2)
    assert on_cuda.regions == pytest.approx(on_cpu.regions, abs=1)


@pytest.mark.parametrize("name", sorted(set(OF_NETWORKS) - {"wot"}))
def test_scores_of_networks(name):
    found = []
    for device in DEVICES:
        score = ScoreSettings(
            name=name, dataset="digits", batch_size=16, channels=4, cells=1, device=device
        )
        space = make_space(WotConfig(score=score))
        scorer = Scorer(score, space)
        groups = scorer.groups([Key(arch, 0) for arch in space.archs[7::2500]])
        found.append([value.value for value in scorer(groups).values()])
    on_cpu, on_cuda = found
    assert sum(map(math.isfinite, on_cpu)) >= 5
    assert on_cuda == pytest.approx(on_cpu, rel=1e-2)


def test_learning_rates(tmp_path):
    found = []
    for device in DEVICES:
        curves = CurveSettings([0.01], images=64, width=8, steps=4, batch_size=32, every=2)
        config = LearningRateConfig(
            networks=3, width=32, wide=0, samples=16, batch_size=8, steps=10, seeds=[0],
            rates=(0.01, 3000.0), halvings=6, tries=2, curves=curves, device=device,
            run=RunSettings(device, str(tmp_path)),
        )  # fmt: skip
        found.append(learning_rate.study(config))
    on_cpu, on_cuda = found
    for a, b in zip(on_cpu["networks"], on_cuda["networks"]):
        for loss in ("mse", "cross_entropy"):
            assert b[loss]["stable"] == pytest.approx(a[loss]["stable"], rel=0.25)


def test_theory(tmp_path):
    found = [
        compare(
            TheoryConfig(
                kernel_samples=40, samples=24, width=256, steps=12, seeds=[0], device=device,
                run=RunSettings(device, str(tmp_path)),
            )
        )
        for device in DEVICES
    ]  # fmt: skip
    for name, row in found[0]["dags"].items():
        measured = found[1]["dags"][name]["training"]["measured"][0]
        assert measured == pytest.approx(row["training"]["measured"][0], rel=1e-3)


@pytest.mark.parametrize("ways", [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_training_goes_on_on_the_other_device(tmp_path, monkeypatch, ways):
    def settings(folder, device):
        return MlpConfig(
            width=16, epochs=4, seeds=[0, 1], optimizer=SgdConfig(lr=0.02, momentum=0.9),
            device=device, run=RunSettings("r", str(tmp_path / folder)),
        )  # fmt: skip

    whole = train(settings("whole", "cpu"))
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        go_on = Trainer.start_next_epoch
        patch.setattr(
            Trainer,
            "start_next_epoch",
            lambda self: (go_on(self), self.epoch > 2 and (self._save(), sys.exit(1))),
        )
        train(settings("parts", ways[0]))
    parts = train(settings("parts", ways[1]))
    for name, row in whole["dags"].items():
        found = parts["dags"][name]["train_loss"]["mean"]
        assert found == pytest.approx(row["train_loss"]["mean"], rel=1e-3)
