"""Networks: exact parameter counts, published costs, and cells against a plain evaluation."""

import csv
import gzip

import pytest
import torch
from torch import nn

from spaces.costs import count_multiply_adds
from spaces.darts import CellGenotype, Genotype
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.errors import SpaceError
from spaces.nasbench201 import EXAMPLE, OPERATORS, Cell
from spaces.nasbench201_networks import NasBench201Cell, NasBench201Layout, NasBench201Network
from spaces.operator_modules import FactorizedReduce, make_operator
from spaces.operators import OPERATOR_TABLE
from wot_dag.config import ScoreSettings
from wot_dag.space import NasBench201Space

DARTS_V2 = Genotype(
    CellGenotype(
        (
            ("sep_conv_3x3", 0),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 0),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1),
            ("skip_connect", 0),
            ("skip_connect", 0),
            ("dil_conv_3x3", 2),
        ),
        (2, 3, 4, 5),
    ),
    CellGenotype(
        (
            ("max_pool_3x3", 0),
            ("max_pool_3x3", 1),
            ("skip_connect", 2),
            ("max_pool_3x3", 1),
            ("max_pool_3x3", 0),
            ("skip_connect", 2),
            ("skip_connect", 2),
            ("max_pool_3x3", 1),
        ),
        (2, 3, 4, 5),
    ),
)


def built(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def on_meta(build, *args) -> nn.Module:
    with torch.device("meta"):
        return build(*args)


def test_parameters_equal_the_benchmark_column(shared):
    with gzip.open(shared / "data/nasbench201.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15_625
    space = NasBench201Space(ScoreSettings())
    # the benchmark's networks have ten classes, those that are scored one: nine times 64 + 1
    counts = space.parameters([row["arch"] for row in rows], (3, 32, 32)) + 9 * 65
    assert counts.tolist() == [int(row["params"]) for row in rows]


@pytest.mark.parametrize("size", [8, 16, 13])
def test_nasbench201_network_takes_any_size_and_number_of_channels(size):
    layout = NasBench201Layout(4, 1, classes=7, input_channels=1)
    network = NasBench201Network(Cell.parse(EXAMPLE), layout)
    assert network(torch.randn(3, 1, size, size)).shape == (3, 7)


def test_nasbench201_cell_sums_its_edges():
    torch.manual_seed(0)
    cell = Cell(
        ("nor_conv_3x3", "none", "avg_pool_3x3", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
    )
    module = NasBench201Cell(cell, 4)
    x = torch.randn(2, 4, 6, 6)
    e01, _, e12, e03, e13, e23 = module.edges
    one = e01(x)
    two = e12(one)
    torch.testing.assert_close(module(x), e03(x) + e13(one) + e23(two))


def test_relus_on_a_branch_that_none_cuts_off_are_run():
    cell = Cell(("nor_conv_3x3", "none", "nor_conv_1x1", "skip_connect", "none", "none"))
    network = NasBench201Network(cell, NasBench201Layout(4, 1, stages=1, classes=1))
    seen = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda *a: seen.append(a))
    network(torch.randn(2, 3, 8, 8))
    assert len(seen) == 3


def test_darts_v2_has_the_published_number_of_parameters():
    assert built(on_meta(DartsNetwork, DARTS_V2)) == 3_349_342
    imagenet = on_meta(DartsNetwork, DARTS_V2, DartsLayout.imagenet())
    assert built(imagenet) == 4_718_752


def test_darts_v2_has_the_published_multiply_adds_on_imagenet():
    count = count_multiply_adds(
        lambda: DartsNetwork(DARTS_V2, DartsLayout.imagenet()), (3, 224, 224)
    )
    assert count / 1e6 == pytest.approx(529.9, abs=0.05)


def test_auxiliary_head_speaks_in_training_only():
    network = DartsNetwork(DARTS_V2, DartsLayout(4, 3, auxiliary=True))
    logits, auxiliary = network.logits_and_auxiliary(torch.randn(2, 3, 32, 32))
    assert logits.shape == auxiliary.shape == (2, 10)
    assert network.eval().logits_and_auxiliary(torch.randn(2, 3, 32, 32))[1] is None
    layout = DartsLayout(4, 3, 12, stem="imagenet", auxiliary=True)
    _, auxiliary = DartsNetwork(DARTS_V2, layout).logits_and_auxiliary(torch.randn(2, 3, 224, 224))
    assert auxiliary.shape == (2, 12)


def test_paths_are_scaled_in_training_only_and_identities_never():
    """A sample that loses every path keeps what its identities bring; the others see nothing."""
    network, x = DartsNetwork(DARTS_V2, DartsLayout(4, 3)), torch.randn(4, 3, 16, 16)
    plain = network(x)
    scales = torch.ones(3, 8, 4)
    torch.testing.assert_close(network.logits_and_auxiliary(x, scales)[0], plain)
    scales[:, :, 1] = 0
    dropped = network.logits_and_auxiliary(x, scales)[0]
    assert not torch.allclose(dropped[1], plain[1]) and dropped.isfinite().all()
    kept = torch.zeros(3, 8, 4)
    for layer, cell in enumerate(network.cells):
        for edge, operator in enumerate(cell.edges):
            kept[layer, edge] = 0 if isinstance(operator, nn.Identity) else 1
    torch.testing.assert_close(network.logits_and_auxiliary(x, kept)[0], plain)
    network.eval()
    torch.testing.assert_close(network.logits_and_auxiliary(x, scales)[0], network(x))


@pytest.mark.parametrize("name", sorted(OPERATOR_TABLE))
@pytest.mark.parametrize("stride", [1, 2])
def test_operators_keep_channels_and_divide_the_size(name, stride):
    operator = make_operator(name, 4, stride)
    for size in (7, 8):
        expected = -(-size // stride)
        assert operator(torch.randn(2, 4, size, size)).shape == (2, 4, expected, expected)
    relus = sum(isinstance(m, nn.ReLU) for m in operator.modules())
    doubles = name.startswith(("sep", "dil_sep"))
    reduces = name == "skip_connect" and stride == 2
    assert relus == 2 * doubles + (("conv" in name and not doubles) or reduces)


def test_average_pooling_leaves_the_border_out_of_the_mean():
    ones = torch.ones(1, 2, 4, 4)
    torch.testing.assert_close(make_operator("avg_pool_3x3", 2)(ones), ones)


def test_factorized_reduce_reads_pixels_one_apart():
    reduce = FactorizedReduce(1, 2).eval()
    nn.init.ones_(reduce.even.weight)
    nn.init.ones_(reduce.odd.weight)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    out = reduce(x) * (1 + reduce.bn.eps) ** 0.5
    torch.testing.assert_close(out[0, 0], x[0, 0, ::2, ::2])
    torch.testing.assert_close(out[0, 1], x[0, 0, 1::2, 1::2])


def test_bad_layouts_and_operators_are_named():
    with pytest.raises(ValueError, match="cells_per_stage = 0"):
        NasBench201Layout(cells_per_stage=0)
    with pytest.raises(ValueError, match="stem: found 'tiny'"):
        DartsLayout(stem="tiny")
    with pytest.raises(SpaceError, match="nearest is 'sep_conv_3x3'"):
        make_operator("sepconv_3x3", 4)
    assert set(OPERATORS) <= set(OPERATOR_TABLE)
