"""Counts of activation patterns against brute force."""

import pytest
import torch
from torch import nn

from tenas_dag.regions import count_distinct, count_regions
from tenas_dag.supernet import DartsSupernet, NasBench201Supernet


@pytest.mark.parametrize("seed", range(5))
def test_distinct_rows_against_pairwise_comparison(seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.rand(40, m, generator=generator) < 0.5 for m in (1, 2, 3)]
    rows = torch.cat(parts, dim=1)
    equal = (rows[:, None] == rows[None]).all(dim=2)
    first = [not equal[i, :i].any() for i in range(len(rows))]
    assert count_distinct(parts) == sum(first) < 40


def test_rows_that_differ_in_the_last_bit_are_two():
    rows = torch.zeros(2, 1001, dtype=torch.bool)
    assert count_distinct([rows]) == 1
    rows[1, -1] = True
    assert count_distinct([rows]) == 2


def plain_regions(network, inputs, thirds):
    """Distinct patterns of the inputs, which pass the network part after part."""
    rows = []
    for part in thirds:
        seen = []
        handles = [
            module.register_forward_hook(lambda _, x, y, seen=seen: seen.append(x[0] > 0))
            for module in network.modules()
            if isinstance(module, nn.ReLU)
        ]
        network(inputs[part], network.full())
        for handle in handles:
            handle.remove()
        rows += torch.cat([pattern.flatten(1) for pattern in seen], dim=1).tolist()
    return len(set(map(tuple, rows)))


@pytest.mark.parametrize("supernet", [NasBench201Supernet.regions, DartsSupernet.regions])
def test_regions_of_a_supernet_against_comparison_of_its_patterns(supernet):
    torch.manual_seed(0)
    network, inputs = supernet(), torch.randn(62, 1, 3, 3)
    thirds = [slice(0, 21), slice(21, 42), slice(42, 62)]
    expected = plain_regions(network, inputs, thirds)
    assert count_regions(network, inputs, network.full()) == expected
    assert not any(module._forward_hooks for module in network.modules())


def test_each_third_of_the_inputs_has_batch_norm_statistics_of_its_own():
    # the same inputs in each third, shifted: BatchNorm takes the shift of a batch away
    torch.manual_seed(0)
    network, inputs = nn.Sequential(nn.BatchNorm2d(1), nn.ReLU()), torch.randn(20, 1, 2, 2)
    of_one = len({tuple(row.tolist()) for row in (inputs > inputs.mean()).flatten(1)})
    assert count_regions(network, torch.cat([inputs, inputs + 8, inputs - 8])) == of_one < 20


def test_one_hyperplane_makes_two_regions():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU())
    inputs = torch.linspace(-1, 1, 10).reshape(10, 1, 1, 1)
    assert count_regions(network, inputs) == 2


def test_a_unit_at_0_is_off():
    inputs = torch.tensor([0.0, -1, -2, -3, 0, 0]).reshape(6, 1, 1, 1)
    assert count_regions(nn.ReLU(), inputs) == 1
    assert count_regions(nn.ReLU(), inputs.abs()) == 2


def test_a_network_without_relu_is_refused():
    with pytest.raises(ValueError, match="no ReLU with a 4-dimensional input"):
        count_regions(nn.Sequential(nn.Flatten(), nn.ReLU()), torch.zeros(6, 1, 3, 3))
