"""Supernets against the plain one: values and gradients, pruning, shapes, transformations."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.plain_supernet import PlainSupernet
from spaces.darts import Genotype
from spaces.errors import SpaceError
from spaces.initialization import SCHEMES, initialize
from spaces.nasbench201 import EXAMPLE, Cell
from spaces.nasbench201_networks import NasBench201Layout
from tenas_dag import stacks
from tenas_dag.candidates import DARTS, NAS_BENCH_201, Candidates
from tenas_dag.conv_bn import conv_bn
from tenas_dag.supernet import DartsSupernet, NasBench201Supernet

SUPERNETS = {
    "nas-bench-201": (lambda: NasBench201Supernet(NasBench201Layout(3, 1)), (4, 3, 8, 8)),
    "nas-bench-201 C=2 N=2": (lambda: NasBench201Supernet(NasBench201Layout(2, 2)), (3, 3, 7, 7)),
    "nas-bench-201 regions": (NasBench201Supernet.regions, (6, 1, 3, 3)),
    "darts": (lambda: DartsSupernet(1), (4, 3, 8, 8)),
    "darts C=2 imagenet": (lambda: DartsSupernet(2, stem="imagenet"), (3, 3, 48, 48)),
    "darts regions": (DartsSupernet.regions, (6, 1, 3, 3)),
}


def make(name, seed=0):
    torch.manual_seed(seed)
    build, shape = SUPERNETS[name]
    supernet = build().double()
    for parameter in supernet.parameters():  # scales and shifts must matter
        parameter.data += 0.3 * torch.randn_like(parameter)
    return supernet, torch.randn(shape, dtype=torch.float64)


def pruned(topology, seed):
    """Random subsets, empty edges included, `none` among the candidates."""
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(len(topology.edges), len(topology.operators), generator=generator) < 0.5
    return Candidates(
        topology,
        tuple(tuple(n for n, k in zip(topology.operators, row) if k) for row in keep),
    )


def assert_equal_to_plain(supernet, x, left, alphas=None):
    plain = PlainSupernet(supernet)
    out, expected = supernet(x, left, alphas), plain(x, left, alphas)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    probe = torch.randn_like(out)
    own = list(supernet.parameters())
    grads = torch.autograd.grad(out, own, probe, allow_unused=True)
    grads = {id(p): g for p, g in zip(own, grads)}
    stacked = {id(p) for p, _, _ in plain.pairs}
    outside = [p for p in own if id(p) not in stacked]
    twins = [p for _, _, p in plain.pairs]
    reference = torch.autograd.grad(expected, outside + twins, probe, allow_unused=True)
    for parameter, grad in zip(outside, reference):
        torch.testing.assert_close(grads[id(parameter)], grad, rtol=1e-10, atol=1e-10)
    for (parameter, copy, twin), grad in zip(plain.pairs, reference[len(outside) :]):
        found = grads[id(parameter)]
        found = torch.zeros_like(twin) if found is None else found[copy]
        grad = torch.zeros_like(twin) if grad is None else grad
        torch.testing.assert_close(found, grad, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", SUPERNETS)
def test_full_supernet_equals_the_plain_one(name):
    supernet, x = make(name)
    assert_equal_to_plain(supernet, x, supernet.full())


@pytest.mark.parametrize("name", ["nas-bench-201", "darts"])
@pytest.mark.parametrize("seed", range(4))
def test_pruned_supernet_with_alphas_equals_the_plain_one(name, seed):
    supernet, x = make(name, seed)
    left = tuple(pruned(t, 10 * seed + i) for i, t in enumerate(supernet.topologies))
    alphas = [torch.randn(len(t.edges), len(t.operators)).double() for t in supernet.topologies]
    assert_equal_to_plain(supernet, x, left, alphas)


def test_gradients_reach_the_alphas():
    supernet, x = make("nas-bench-201")
    alphas = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    left = supernet.full()
    (fast,) = torch.autograd.grad(supernet(x, left, [alphas]).sum(), alphas)
    (slow,) = torch.autograd.grad(PlainSupernet(supernet)(x, left, [alphas]).sum(), alphas)
    torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-10)
    assert (fast[:, 0] == 0).all() and (fast[:, 1:] != 0).any()


def test_one_operator_per_edge_is_the_discrete_cell():
    supernet, x = make("nas-bench-201")
    left = (Candidates.of_cell(Cell.parse(EXAMPLE)),)
    assert_equal_to_plain(supernet, x, left)
    assert left[0].to_cell() == Cell.parse(EXAMPLE)


def test_pruned_operators_are_not_computed_and_relus_are_shared(monkeypatch):
    supernet, x = make("nas-bench-201")
    rows, relus = [], []

    def counted(x, weight, *args):
        rows.append(len(weight))
        return conv_bn(x, weight, *args)

    monkeypatch.setattr(stacks, "conv_bn", counted)
    for module in supernet.blocks[0].modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda *_: relus.append(1))
    full = supernet.full()[0]
    supernet(x, (full,))
    assert rows[:3] == [18, 12, 6] and len(relus) == 3  # 3 channels x 2 kinds x targets left
    rows.clear()
    supernet(x, (full.without(1, "nor_conv_1x1").without(5, "nor_conv_3x3"),))
    assert rows[:3] == [15, 12, 3]
    relus.clear(), rows.clear()
    pools = Candidates(NAS_BENCH_201, (("avg_pool_3x3", "skip_connect"),) * 6)
    supernet(x, (pools.without(0, "skip_connect"),))
    assert rows == relus == []


@pytest.mark.parametrize("name", ["nas-bench-201", "darts"])
def test_batched_vector_jacobian_products_equal_a_loop(name):
    supernet, x = make(name)
    left = supernet.full()
    weights = [p for n, p in supernet.named_parameters() if n.endswith("weight")]
    sums = supernet(x, left).sum(dim=1)
    eye = torch.eye(len(x), dtype=x.dtype)
    vjp = partial(torch.autograd.grad, sums, weights, retain_graph=True)
    batched = torch.func.vmap(vjp)(eye)
    for sample, row in enumerate(eye):
        single = torch.autograd.grad(sums, weights, row, retain_graph=True)
        for many, one in zip(batched, single):
            torch.testing.assert_close(many[sample], one, rtol=1e-9, atol=1e-11)


def test_functional_transformations_pass_through():
    supernet, x = make("nas-bench-201")
    left, parameters = supernet.full(), dict(supernet.named_parameters())

    def logits(p):
        return torch.func.functional_call(supernet, p, (x, left)).sum(dim=1)

    jacobian = torch.func.jacrev(logits)(parameters)["classifier.weight"]
    single = torch.autograd.grad(logits(parameters)[1], supernet.classifier.weight)[0]
    torch.testing.assert_close(jacobian[1], single)
    stacked = {n: torch.stack([p, 2 * p]) for n, p in parameters.items()}
    both = torch.func.vmap(logits)(stacked)
    torch.testing.assert_close(both[0], logits(parameters))
    with pytest.raises(NotImplementedError, match="batches of weights"):  # which share no pass
        torch.func.vmap(torch.func.grad(lambda p: logits(p)[0]))(stacked)


def test_calls_leave_no_trace():
    supernet, x = make("darts")
    first = supernet(x, supernet.full())
    assert not list(supernet.buffers())
    torch.testing.assert_close(supernet(x, supernet.full()), first)


@pytest.mark.parametrize("space", [NAS_BENCH_201, DARTS], ids=lambda t: t.name)
def test_expected_depth_and_width_equal_the_goldens(shared, space):
    data = json.loads((shared / "goldens/supernet_depth_width.json").read_text())
    names = data["operators"][space.name]
    assert tuple(names) == space.operators
    for case in data["cases"][space.name]:
        left = [tuple(n for n, k in zip(names, row) if k) for row in case["operators_left"]]
        depth, width = Candidates(space, tuple(left)).expected_depth_width()
        assert depth == pytest.approx(case["depth"], abs=1e-9)
        assert width == pytest.approx(case["width"], abs=1e-9)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["nas-bench-201", "darts"])
def test_initialization_is_seeded_and_has_the_named_variance(name, scheme):
    supernet = make(name)[0]
    initialize(supernet, scheme, torch.Generator().manual_seed(1))
    first = [p.clone() for p in supernet.parameters()]
    initialize(supernet, scheme, torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(first, supernet.parameters()))
    normalized = []
    for _, _, twin in PlainSupernet(supernet).pairs:
        if twin.dim() == 4:
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(twin)
            variance = {"kaiming_fan_in": 2 / fan_in, "kaiming_fan_out": 2 / fan_out}
            normalized.append(twin.flatten() / variance.get(scheme, 1 / fan_in / 3) ** 0.5)
    mean_square = torch.cat(normalized).detach().pow(2).mean()
    assert mean_square.item() == pytest.approx(1, abs=0.1)


def test_darts_candidates_become_a_genotype_cell():
    cell = Genotype.random(np.random.default_rng(3)).normal
    by_edge = {(s, 2 + i // 2): n for i, (n, s) in enumerate(cell.edges)}
    left = tuple((by_edge[e],) if e in by_edge else () for e in DARTS.edges)
    assert Candidates(DARTS, left).to_cell_genotype() == cell
    with pytest.raises(SpaceError, match="no single darts cell"):
        Candidates.full(DARTS).to_cell_genotype()


def test_bad_candidates_are_named():
    full = Candidates.full(NAS_BENCH_201)
    with pytest.raises(SpaceError, match=r"edge number 2: found 'none'"):
        full.without(2, "none")
    with pytest.raises(SpaceError, match="5 edges, expected 6"):
        Candidates(NAS_BENCH_201, full.left[:5])
    with pytest.raises(SpaceError, match="0 -> 1: found 'sep_conv_3x3'"):
        Candidates(NAS_BENCH_201, (("sep_conv_3x3",), *full.left[1:]))
    with pytest.raises(ValueError, match=r"found cells \['nas-bench-201'\], expected \['darts'"):
        DartsSupernet()(torch.zeros(2, 3, 8, 8), (full,))
    with pytest.raises(ValueError, match="stem: found 'none_'"):
        DartsSupernet(stem="none_")
    with pytest.raises(ValueError, match="found 'xavier'"):
        initialize(DartsSupernet(), "xavier")
