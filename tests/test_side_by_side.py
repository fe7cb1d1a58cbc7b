"""Networks side by side against the same networks alone, trained by a plain loop."""

import dataclasses

import pytest
import torch

from benchmarks.plain_digits201 import accuracy_of, train_alone
from common.data import load_dataset
from retrain.members import Members
from retrain.side_by_side import Protocol, train_cells, train_members
from spaces.initialization import initialize
from spaces.nasbench201 import Cell
from spaces.networks import NasBench201Layout, NasBench201Network

LAYOUT = NasBench201Layout(4, 1, 3, 10, 1)
CELLS = [
    Cell.parse(text)
    for text in (
        "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|",
        "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|",
        "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    )
]


def networks(cells):
    torch.manual_seed(0)
    return [NasBench201Network(cell, LAYOUT) for cell in cells]


@pytest.mark.parametrize("size", [8, 7])
@pytest.mark.parametrize("cells", [CELLS, [CELLS[0]] * 3], ids=["different", "one"])
def test_forward_and_gradients_equal_the_networks_alone(cells, size):
    alone = networks(cells)
    members = Members(alone)
    x = torch.randn(6, len(cells), 1, size, size)
    cotangent = torch.randn(len(cells), 6, 10)
    logits = members(x)
    (logits * cotangent).sum().backward()
    for m, network in enumerate(alone):
        expected = network(x[:, m])
        torch.testing.assert_close(logits[m], expected, rtol=1e-4, atol=1e-5)
        (expected * cotangent[m]).sum().backward()
        stem, expected = members.stem.conv.weight.grad[m], network.stem[0].weight.grad
        if network.cell == CELLS[3]:  # nothing but zeros comes through
            assert expected is None or not expected.any()
            expected = torch.zeros_like(stem)
        torch.testing.assert_close(stem, expected, rtol=1e-3, atol=1e-4)
        head = members.weight.grad[m]
        torch.testing.assert_close(head, network.classifier.weight.grad, rtol=1e-3, atol=1e-4)


def test_running_statistics_equal_the_networks_alone():
    alone = networks(CELLS[:2])
    members = Members(alone)
    x = torch.randn(6, 2, 1, 8, 8)
    members(x)
    for m, network in enumerate(alone):
        network(x[:, m])
        torch.testing.assert_close(
            members.last_bn.running_var[m], network.last_activation[0].running_var
        )
    members.eval()
    for m, network in enumerate(alone):
        torch.testing.assert_close(members(x)[m], network.eval()(x[:, m]), rtol=1e-4, atol=1e-5)


def test_layouts_must_agree():
    other = NasBench201Network(CELLS[0], NasBench201Layout(8, 1, 3, 10, 1))
    with pytest.raises(ValueError, match="2 layouts"):
        Members([*networks(CELLS[:1]), other])


@pytest.fixture
def digits():
    """The digits in float64: in float32, rounding grows with each step of training."""
    data = load_dataset("digits")
    torch.set_default_dtype(torch.float64)
    yield dataclasses.replace(data, mean=data.mean.double(), std=data.std.double())
    torch.set_default_dtype(torch.float32)


def test_training_side_by_side_equals_training_alone(digits):
    data, protocol = digits, Protocol(epochs=2, batch_size=250, lr=0.1)
    alone = networks(CELLS[:3] * 2)
    members = Members(alone)
    train_members(members, [0, 5], torch.tensor([0, 0, 0, 1, 1, 1]), protocol, data)
    trained = members.weight.detach()
    for m, network in enumerate(alone):
        train_alone(network, (0, 5)[m // 3], protocol, data)
        torch.testing.assert_close(
            trained[m], network.classifier.weight.detach(), rtol=1e-8, atol=1e-10
        )
    assert not torch.allclose(
        trained[0], trained[3], atol=1e-3
    )  # the seeds order images differently


def test_trained_accuracy_is_that_of_the_plain_loop(digits):
    data, protocol = digits, Protocol(epochs=4, batch_size=100, lr=0.2)
    for cell, of_cell in zip(CELLS, train_cells(CELLS[:2], [0, 5], LAYOUT, protocol, data)):
        for seed, accuracies in zip([0, 5], of_cell):
            network = NasBench201Network(cell, LAYOUT)
            initialize(network, "default", torch.Generator().manual_seed(seed))
            train_alone(network, seed, protocol, data)
            assert accuracies.test == pytest.approx(accuracy_of(network, data))
            assert accuracies.test > 60


def test_a_network_does_not_depend_on_its_neighbours(digits):
    data, protocol = digits, Protocol(epochs=2, batch_size=100, lr=0.2)
    together = train_cells(CELLS[:2], [3, 4], LAYOUT, protocol, data)
    apart = train_cells(CELLS[1:2], [4], LAYOUT, protocol, data)
    assert together[1][1] == pytest.approx(apart[0][0])
