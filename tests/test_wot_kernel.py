"""WOT's kernel: codes against a count by hand, networks against hooks on every ReLU."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from benchmarks.plain_wot import plain_wot_score
from spaces.darts import Genotype
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.initialization import initialize
from spaces.nasbench201 import OPERATORS, Cell, all_cells
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network
from wot_dag.hooks import module_kernel
from wot_dag.kernel import CodeKernel, log_determinants
from wot_dag.nasbench201 import nasbench201_kernels
from wot_dag.passes import pass_of
from wot_dag.store import ScoreError

LAYOUT = NasBench201Layout(channels=4, cells_per_stage=2, classes=1)
ALL = list(all_cells())
CORNERS = {  # digits: position in OPERATORS of each edge's operator
    "all none": "000000",
    "identity": "000100",
    "unread convolutions": "320100",
    "reads a zero node": "032030",
    "copies": "101213",
    "pools": "444444",
    "full": "322332",
}


def images(n: int = 10, size: int = 8, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 3, size, size, generator=generator, dtype=torch.float64).to(dtype)


def cell(digits: str) -> Cell:
    return Cell(tuple(OPERATORS[int(digit)] for digit in digits))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plain(cell: Cell, x: torch.Tensor, seed: int, layout: NasBench201Layout = LAYOUT) -> tuple:
    """Score and K of the whole network, its convolutions in front of dead ends drawn at random."""
    shared, network = (NasBench201Network(c, layout) for c in (pass_of(cell), cell))
    initialize(shared, "default", seeded(seed))
    initialize(network, "default", seeded(1234 + seed))
    assert not network.load_state_dict(shared.state_dict(), strict=False).unexpected_keys
    return plain_wot_score(network.to(x.dtype), x)


def fast(
    cell: Cell, x: torch.Tensor, seed: int, layout: NasBench201Layout = LAYOUT
) -> torch.Tensor:
    return nasbench201_kernels([cell], x, seeded(seed), layout)[0]


def counted_by_hand(values: np.ndarray) -> np.ndarray:
    codes = values.reshape(len(values), -1) > 0
    return np.array([[np.sum(a == b) for b in codes] for a in codes])


def test_agreements_are_counted():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 7))
    kernel = CodeKernel(5)
    kernel.add(torch.from_numpy(a).relu())
    kernel.add(torch.from_numpy(b).relu())
    kernel.add_zeros(11)
    expected = counted_by_hand(a) + counted_by_hand(b) + 11
    assert np.array_equal(kernel.matrix().numpy(), expected)


@pytest.mark.parametrize("digits", CORNERS.values(), ids=CORNERS.keys())
@pytest.mark.parametrize("size", [8, 7])
def test_kernel_of_special_cells_equals_the_plain_one(digits, size):
    x = images(size=size)
    expected = plain(cell(digits), x, seed=3)[1]
    found = fast(cell(digits), x, 3)
    assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("index", np.random.default_rng(0).choice(15_625, 25, replace=False))
def test_kernel_of_random_cells_equals_the_plain_one(index):
    x = images()
    expected = plain(ALL[index], x, seed=int(index))[1]
    found = fast(ALL[index], x, int(index))
    assert np.array_equal(found.numpy(), expected)


GROUPS = {  # cells of one pass
    "dead node 2 reads two nodes": ["300130", "302130", "303130", "311130", "313130"],
    "dead convolution reads a dead node": ["202300", "203300", "212300", "233300"],
    "zero node 2 and dead node": ["020001", "020031", "021021", "022001"],
    "dead end reads a copy": ["100020", "102020", "132020", "103020"],
    "nothing reaches the output": ["000000", "330000", "003021", "000032"],
    "the same with a dead node read": ["302000", "303000", "323000"],
    "zero node 1 is read": ["040203", "040213", "043203", "042223"],
}


@pytest.mark.parametrize("members", GROUPS.values(), ids=GROUPS.keys())
def test_one_pass_serves_cells_that_differ_in_dead_readers(members):
    cells, x = [cell(digits) for digits in members], images()
    found = nasbench201_kernels(cells, x, seeded(2), LAYOUT).numpy()
    expected = [plain(c, x, seed=2)[1] for c in cells]
    assert np.array_equal(found, expected)
    assert len({k.sum() for k in expected}) > 1  # they do not measure the same


def test_passes_leave_what_is_read_and_nothing_else():
    passes = {c: pass_of(c) for c in ALL}
    assert len(set(passes.values())) == 9465
    assert passes[cell(CORNERS["full"])] == cell(CORNERS["full"])
    assert all(
        p.operators[e] in ("none", c.operators[e]) for c, p in passes.items() for e in range(6)
    )
    with pytest.raises(ValueError, match="2 passes"):
        nasbench201_kernels([ALL[0], ALL[-1]], images(), seeded(0), LAYOUT)


@pytest.mark.parametrize("index", [1960, 12_163, 15_000])
def test_float32_score_equals_the_plain_one_to_a_millionth(index):
    x, layout = images(32, 16, torch.float32), NasBench201Layout(8, 2, classes=1)
    expected = plain(ALL[index], x, index, layout)[0]
    found = log_determinants(fast(ALL[index], x, index, layout)[None])[0]
    assert found == pytest.approx(expected, rel=1e-6)


def test_bfloat16_orders_cells_as_float32_does():
    chosen = np.random.default_rng(1).choice(15_625, 30, replace=False)
    scores = []
    for dtype in (torch.float32, torch.bfloat16):
        x = images(24, 8, dtype)
        kernels = [fast(ALL[i], x, int(i)) for i in chosen]
        scores.append(log_determinants(torch.stack(kernels)))
    assert stats.spearmanr(*scores).statistic > 0.98


def test_grey_images_and_other_layouts():
    x = images()[:, :1]
    layout = NasBench201Layout(6, 1, stages=2, classes=1, input_channels=1)
    full = cell(CORNERS["full"])
    expected = plain(full, x, 5, layout)[1]
    assert np.array_equal(fast(full, x, 5, layout).numpy(), expected)


def test_kernel_of_a_darts_network_equals_the_plain_one():
    x = images(6, 16)
    genotype = Genotype.random(np.random.default_rng(2))
    network = DartsNetwork(genotype, DartsLayout(4, 3, 1)).double()
    initialize(network, "default", seeded(0))
    _, expected = plain_wot_score(network, x)
    channels_last = network.to(memory_format=torch.channels_last)
    found = module_kernel(channels_last, x.contiguous(memory_format=torch.channels_last))
    assert np.array_equal(found.numpy(), expected)
    assert np.array_equal(module_kernel(network, x).numpy(), expected)


def test_a_network_without_relu_is_refused():
    with pytest.raises(ScoreError, match=r"nn\.ReLU"):
        module_kernel(nn.Sequential(nn.Conv2d(3, 4, 3)), images(4, 8, torch.float32))


def test_log_determinant_equals_the_product_of_eigenvalues():
    kernels = torch.stack(
        [torch.diag(torch.arange(1.0, 6.0, dtype=torch.float64)) + c for c in (0, 3)]
    )
    expected = [np.log(np.linalg.eigvalsh(k)).sum() for k in kernels.numpy()]
    assert log_determinants(kernels) == pytest.approx(expected, rel=1e-12)


def test_singular_kernels_score_minus_infinity():
    codes = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 4))).relu()  # rank <= 5
    low_rank = CodeKernel(6)
    low_rank.add(codes)
    repeated = torch.eye(6, dtype=torch.float64)[[0, 1, 2, 3, 4, 4]] @ torch.ones(6, 6).double()
    kernels = torch.stack([low_rank.matrix(), repeated, torch.eye(6, dtype=torch.float64)])
    assert log_determinants(kernels) == [-math.inf, -math.inf, 0.0]
