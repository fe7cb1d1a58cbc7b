"""Scores of any model: what stays as it was, and what cannot be scored."""

import math

import pytest
import torch
from torch import nn

from common.config import ConfigError
from wot_dag.score_model import main, score
from wot_dag.scores import OF_NETWORKS
from wot_dag.store import ScoreError


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(144, 3),
    )


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Pooled(nn.Sequential):
    """Takes images of any size."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))  # fmt: skip


def test_a_model_is_left_as_it_was(images):
    network = Pooled().eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = score(network, images)
    assert list(found) == list(OF_NETWORKS) and all(map(math.isfinite, found.values()))
    assert not network.training and all(p.grad is None for p in network.parameters())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert score(network, images) == found


@pytest.mark.parametrize(
    ("network", "name", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), "wot", "wot: found no nn.ReLU among"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), "meco", "meco: found no nn.Conv2d among"),
        (Pair(), "jacov", "jacov: the network returned tuple, expected one tensor of logits"),
        (model().append(Pair()), "wot", "wot: the network returned tuple"),
        (nn.Linear(7, 3), "synflow", "synflow: found images of 1x8x8, which the network does not"),
        (model(), "meco", "meco: found images of 1x64x64, which the network does not take"),
    ],
)
def test_what_cannot_be_scored_is_one_line(network, name, message, images):
    with pytest.raises(ScoreError) as error:
        score(network, images, [name])
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_a_score_without_a_network_is_refused(images):
    with pytest.raises(ConfigError, match="the nearest is 'synflow'"):
        score(model(), images, ["syncflow"])


def test_the_command_line_scores_a_classifier(capsys):
    words = ["tests.test_score_model:Pooled", "--dataset", "digits", "--batch-size", "6"]
    main([*words, "--names", "wot", "swap", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["wot", "swap", "BatchNorm"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["torchvision:resnet19"], "the nearest is 'resnet18'"),
        (["torchvision:resnet18", "--dataset", "digitz"], "--dataset: found 'digitz'"),
        (
            ["torchvision:resnet18", "--dataset", "digits"],
            "found images of 1x8x8, which the network",
        ),
        (["torchvision:resnet18", "--names", "wat"], "--names: found 'wat'"),
        (["torchvision:resnet18", "--seed", "9" * 30], "--seed: found [999"),
        (["torchvision:resnet18", "--seed", "-1"], "--seed: found [-1]"),
        ([":f"], "found ':f', expected package.module:function"),
        (["math:pi"], "math:pi: found 'pi', expected one of"),
        (["tests.test_score_model:Paired"], "tests.test_score_model:Paired"),
    ],
)
def test_bad_words_are_one_line(words, message):
    with pytest.raises(SystemExit) as stop:
        main(["--dataset", "digits", "--device", "cpu", *words])
    assert message in str(stop.value) and "\n" not in str(stop.value)
