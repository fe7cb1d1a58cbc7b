"""Kernels against closed forms, the recursion over pairs of nodes, and finite networks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_kernels import pairwise_kernels
from dag import (
    FIGURE_3,
    Dag,
    EdgeOp,
    all_codes,
    kernels,
    nngp,
    nngp_and_ntk,
    ntk,
    smallest_eigenvalue,
)

FIG3 = tuple(FIGURE_3.values())
PARALLEL = Dag(4, ((0, 1, 2), (0, 1, 2), (0, 1, 1), (1, 2, 1), (1, 3, 2), (1, 3, 1), (2, 3, 1)))
RNG = np.random.default_rng(3)
X = RNG.standard_normal((6, 10)) * RNG.uniform(0.5, 2, (6, 1)) + 0.3


@st.composite
def dags(draw):
    """DAGs of up to five nodes with up to two edges of any kind between two nodes."""
    nodes = draw(st.integers(2, 5))
    edges = [
        (i, j, draw(st.integers(0, 2))) for j in range(nodes) for i in range(j) for _ in range(2)
    ]
    return Dag(nodes, tuple(edges))


def test_chain_has_the_closed_form_of_a_fully_connected_network():
    norms = np.linalg.norm(X, axis=1)
    covariance = tangent = X @ X.T / X.shape[1]
    scale = np.outer(norms, norms) / X.shape[1]
    tangent = np.zeros_like(covariance)
    for _ in range(4):  # the stem and three layers
        angle = np.arccos(np.clip(covariance / scale, -1, 1))
        tangent = (np.pi - angle) / np.pi * (tangent + covariance)
        covariance = scale * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    K, T = nngp_and_ntk(Dag.parse("2_02_002"), X)
    np.testing.assert_allclose(K, 2 * covariance, rtol=1e-12)
    np.testing.assert_allclose(T, 2 * (covariance + tangent), rtol=1e-6)


def test_all_codes_equal_the_recursion_over_pairs_of_nodes():
    for dag in map(Dag.parse, all_codes(3)):
        if dag.has_path:
            K, T = nngp_and_ntk(dag, X)
            plain_K, plain_T = pairwise_kernels(dag, X)
            np.testing.assert_allclose(K, plain_K, rtol=1e-12, err_msg=str(dag))
            # arccos near 1 magnifies the plain recursion's rounding on the diagonal
            np.testing.assert_allclose(T, plain_T, rtol=1e-7, err_msg=str(dag))


@settings(max_examples=100, deadline=None)
@given(dags())
def test_any_dag_equals_the_recursion_is_symmetric_and_positive_definite(dag):
    if not dag.has_path:
        with pytest.raises(ValueError, match="no path"):
            nngp(dag, X)
        return
    for kernel, plain in zip(nngp_and_ntk(dag, X), pairwise_kernels(dag, X), strict=True):
        assert np.array_equal(kernel, kernel.T)
        np.testing.assert_allclose(kernel, plain, rtol=1e-7)
        assert smallest_eigenvalue(kernel) > 0


def _network(dag, x, linear):
    """The output node of a finite network whose linear + ReLU layers are `linear(h)`."""
    nodes = [linear(x)]
    for node in range(1, dag.num_nodes):
        edges = [e for e in dag.live().edges if e.target == node]
        parts = [linear(nodes[s]) if op == EdgeOp.LINEAR else nodes[s] for s, _, op in edges]
        nodes.append(sum(parts, 0 * nodes[0]))
    return nodes[-1]


def _relative_error(estimate, kernel):
    return np.linalg.norm(np.mean(estimate, axis=0) - kernel) / np.linalg.norm(kernel)


@pytest.mark.parametrize("dag", [*map(Dag.parse, FIG3), PARALLEL], ids=[*FIG3, "parallel"])
def test_nngp_is_the_covariance_of_finite_networks(dag):
    # A fresh Gaussian weight times fixed inputs h is Gaussian with covariance 2 / fan_in h h',
    # which is drawn without the weight; so is the mean over readouts, 2 / width h h'.
    rng = np.random.default_rng(0)

    def linear(h):
        root = np.linalg.cholesky(2 / h.shape[1] * h @ h.T)
        return np.maximum(root @ rng.standard_normal((len(h), 8192)), 0)

    outputs = [_network(dag, X, linear) for _ in range(40)]
    assert _relative_error([2 / 8192 * h @ h.T for h in outputs], nngp(dag, X)) < 0.02


def test_without_the_means_the_parallel_dag_is_far_off():
    samples = X / np.linalg.norm(X, axis=1, keepdims=True) * X.shape[1] ** 0.5
    dag = Dag.parse("1_01_222")
    exact = nngp(dag, samples)
    assert _relative_error([2 * nngp(dag, samples, form="paper")], exact) > 0.35


@pytest.mark.parametrize("dag", [*map(Dag.parse, FIG3), PARALLEL], ids=[*FIG3, "parallel"])
def test_ntk_is_the_tangent_kernel_of_finite_networks(dag):
    kernels_of_seeds = [_finite_ntk(dag, seed) for seed in range(16)]
    assert _relative_error(kernels_of_seeds, ntk(dag, X)) < 0.05


def _finite_ntk(dag, seed, width=1024):
    """Tangent kernel of a finite network, as a sum over its weights.

    For z = sqrt(2 / fan_in) h W it is 2 / fan_in <h, h'> <d, d'>, d = df/dz by autograd.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = []

    def linear(h):
        z = (2 / h.shape[1]) ** 0.5 * h @ torch.randn(h.shape[1], width, generator=generator)
        layers.append((h, z.requires_grad_()))
        return torch.relu(z)

    h = _network(dag, torch.tensor(X, dtype=torch.float32), linear)
    f = (2 / width) ** 0.5 * h @ torch.randn(width, generator=generator)
    slopes = torch.autograd.grad(f.sum(), [z for _, z in layers])
    kernel = 2 / width * h @ h.T
    for (inputs, _), d in zip(layers, slopes, strict=True):
        kernel = kernel + 2 / inputs.shape[1] * (inputs @ inputs.T) * (d @ d.T)
    return kernel.detach().numpy().astype(float)


@pytest.mark.parametrize(
    ("parallel", "plain"),
    [
        (((0, 1, 2), (0, 1, 2), (1, 2, 2)), ((0, 1, 1), (0, 2, 2), (1, 2, 2), (2, 3, 2))),
        (((0, 1, 1), (0, 1, 1), (1, 2, 2)), ((0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 3, 2))),
        (((0, 1, 1), (0, 1, 2), (1, 2, 1)), ((0, 1, 1), (0, 2, 1), (1, 2, 2), (2, 3, 1))),
    ],
)
def test_parallel_edges_equal_a_graph_that_spells_them_out(parallel, plain):
    for with_parallel, without in zip(
        nngp_and_ntk(Dag(3, parallel), X), nngp_and_ntk(Dag(4, plain), X), strict=True
    ):
        np.testing.assert_allclose(with_parallel, without, rtol=1e-13)


def test_two_skip_paths_carry_one_feature_twice_and_two_linear_edges_do_not():
    stem = nngp(Dag.parse("1"), X)
    np.testing.assert_allclose(nngp(Dag(2, ((0, 1, 1), (0, 1, 1))), X), 4 * stem, rtol=1e-14)
    two = nngp(Dag(2, ((0, 1, 2), (0, 1, 2))), X)
    np.testing.assert_allclose(np.diag(two), (2 + 2 / np.pi) * np.diag(stem), rtol=1e-14)


@pytest.mark.parametrize("code", [*FIG3, "2_12_221_1211"])
def test_correlations_of_plus_and_minus_one(code):
    # rows 0, 1 and 2 point one way, row 3 the other
    x = np.concatenate([X[:1], X[:1], 3 * X[:1], -X[:1], X[1:]])
    for kernel in nngp_and_ntk(Dag.parse(code), x):
        assert np.isfinite(kernel).all()
        assert np.array_equal(kernel, kernel.T)
        with pytest.raises(ValueError, match=r"below the rounding.*dag\.eigenvalues"):
            smallest_eigenvalue(kernel)
        np.testing.assert_allclose(kernel[2], 3 * kernel[0], rtol=1e-7)


def test_blocks_and_tiles_do_not_show(monkeypatch):
    x = RNG.standard_normal((70, 8))
    whole = nngp_and_ntk(PARALLEL, x)
    monkeypatch.setattr(kernels, "_BLOCK", 500)
    monkeypatch.setattr(kernels, "_TILE", 16)
    for a, b in zip(whole, nngp_and_ntk(PARALLEL, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
        assert np.array_equal(b, b.T)


def test_kernels_scale_with_the_samples_even_near_the_ends_of_float64():
    dag = Dag.parse("2_21_112")
    K = nngp(dag, X)
    for power in (-300, 300):  # squares of 2^+-300 fit, those of the entries' powers would not
        np.testing.assert_array_equal(nngp(dag, X * 2.0**power), K * 4.0**power)
    big, bigger = nngp(dag, np.stack([X[0] * 1e-160, X[1]])), nngp(dag, X[:2])
    np.testing.assert_allclose(big[0, 1], bigger[0, 1] * 1e-160, rtol=1e-12)


def test_images_are_flattened():
    images = RNG.integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    np.testing.assert_array_equal(
        nngp(PARALLEL, images), nngp(PARALLEL, images.reshape(5, -1).astype(float))
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_refused_by_index(value):
    x = X.copy()
    x[4, 2] = value
    with pytest.raises(ValueError, match=r"^sample 4 is not finite"):
        nngp(PARALLEL, x)


def test_a_zero_sample_is_refused_by_index():
    with pytest.raises(ValueError, match=r"^sample 2 is all zeros"):
        ntk(PARALLEL, np.concatenate([X[:2], np.zeros((1, 10)), X[2:]]))


@pytest.mark.parametrize(
    ("dag", "message"),
    [
        (Dag(3, ((0, 2, 1), (1, 2, 2)), 2), "1 input, found 2"),
        (Dag.parse("0_02_001"), "no path"),
        (Dag(2, ((0, 1, 1),) * 2), None),
        (Dag(1001, tuple((j - 1, j, 1) for j in range(1, 1001)) * 2), "float64's range"),
    ],
)
def test_dags_that_have_no_kernel_are_refused(dag, message):
    if message is None:
        assert np.isfinite(nngp(dag, X)).all()
        return
    with pytest.raises(ValueError, match=message):
        nngp(dag, X)


def test_a_thousand_layers_are_fine():
    chain = Dag(1001, tuple((j - 1, j, 2) for j in range(1, 1001)))
    K = nngp(chain, X)
    norms = np.sqrt(np.diag(K))
    assert np.linalg.norm(K / np.outer(norms, norms) - 1) < 1e-3  # all inputs look alike


@pytest.mark.parametrize("x", [np.ones(3), np.ones((0, 3)), np.ones((3, 0))])
def test_shapes_without_samples_are_refused(x):
    with pytest.raises(ValueError, match="samples: found shape"):
        nngp(PARALLEL, x)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="'Exact'"):
        nngp(PARALLEL, X, form="Exact")
