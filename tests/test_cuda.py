"""CUDA against the CPU, where there is a device: WOT's scores, TE-NAS' indicators."""

import dataclasses
import math

import pytest
import torch

from common.data import load_dataset
from tenas_dag.config import IndicatorSettings
from tenas_dag.indicators import Indicators, Setting
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.scorer import Scorer
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
