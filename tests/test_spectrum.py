"""Spectra, Eq. 12 and predicted training against brute force and plain loops."""

import math

import mpmath  # comes with torch, by way of sympy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dag import (
    FIGURE_3,
    Dag,
    EdgeOp,
    all_codes,
    eigenvalues,
    eq12_bound,
    kernel_features,
    nngp,
    ntk,
    predict_training,
    smallest_eigenvalue,
)

FIG3 = tuple(FIGURE_3.values())
STEM = Dag.parse("1")
RNG = np.random.default_rng(5)
X = RNG.standard_normal((32, 12)) + 0.3
DAGS = [dag for dag in map(Dag.parse, all_codes(3)) if dag.has_path]


def _depths(dag, node=None):
    """Linear operations of every path, path by path."""
    node = dag.output if node is None else node
    if node == 0:
        return [0]
    into = [e for e in dag.edges if e.target == node]
    return [d + (e.op == EdgeOp.LINEAR) for e in into for d in _depths(dag, e.source)]


def _kappa1(r):
    angle = math.acos(min(r, 1.0))
    return (math.sin(angle) + (math.pi - angle) * math.cos(angle)) / math.pi


def _eq12_by_paths(dag, K0):
    def missing(r):
        total = 0.0
        for d in _depths(dag):
            value = r
            for _ in range(d):
                value = _kappa1(value)
            total += 1 - value
        return total

    n = len(K0)
    return min(missing(K0[i, j]) for i in range(n) for j in range(i))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_eq12_equals_the_sum_over_paths(ops):
    pairs = [(i, j) for j in range(1, 4) for i in range(j)] * 2
    dag = Dag(4, tuple((i, j, op) for (i, j), op in zip(pairs, ops, strict=True)))
    K0 = nngp(STEM, X[:5], "paper")
    if dag.has_path:
        assert eq12_bound(dag, 7 * K0) == pytest.approx(_eq12_by_paths(dag, K0), rel=1e-12)


def test_eq12_bounds_the_paper_form_for_all_codes():
    K0 = nngp(STEM, X, "paper")
    features = kernel_features(DAGS, X, "paper")
    assert len(DAGS) == 662
    for dag, numbers in zip(DAGS, features, strict=True):
        assert eq12_bound(dag, K0) >= numbers.smallest_eigenvalue, str(dag)


def test_with_two_samples_eq12_can_fail_where_unlike_paths_meet_before_a_linear_edge():
    # Eq. 12 takes f(a + b) = f(a) + f(b); f is convex, so the kernel is more spread than that.
    x = np.array([[1.0, 0.0], [0.6, 0.8]])
    dag = Dag.parse("2_12_002")
    kernel = nngp(dag, x, "paper")
    assert eq12_bound(dag, nngp(STEM, x, "paper")) < smallest_eigenvalue(kernel) * (1 - 1e-6)
    K0 = nngp(STEM, x, "paper")[0, 1]
    joined = 2 * _kappa1((K0 + _kappa1(_kappa1(K0))) / 2)  # 0 -> 2 skip, 0 -> 1 -> 2 linear
    assert kernel[0, 1] == pytest.approx(joined, rel=1e-12)


def test_paper_form_has_the_number_of_paths_on_its_diagonal():
    for dag in DAGS[::7]:
        np.testing.assert_allclose(np.diag(nngp(dag, X, "paper")), len(_depths(dag)), rtol=1e-13)


@pytest.mark.parametrize("form", ["exact", "paper"])
def test_features_of_many_dags_equal_those_of_each_kernel(form):
    for dag, features in list(zip(DAGS, kernel_features(DAGS, X, form), strict=True))[::13]:
        _check_features(features, nngp(dag, X, form))


def test_tangent_features_equal_those_of_each_kernel():
    chosen = DAGS[::29]
    for dag, features in zip(chosen, kernel_features(chosen, X, tangent=True), strict=True):
        _check_features(features, ntk(dag, X))


def _check_features(features, kernel):
    values = np.linalg.eigvalsh(kernel)
    norms = np.sqrt(np.diag(kernel))
    correlation = kernel / np.outer(norms, norms)
    n = len(kernel)
    expected = (
        values[0],
        values[-1] / values[0],
        np.linalg.eigvalsh(correlation)[0],
        (correlation.sum() - n) / (n * n - n),
    )
    np.testing.assert_allclose(features, expected, rtol=1e-7)


def _dense_kernels(x, layers):
    """NNGP and NTK [n, n] in 120 digits of the DAG whose nodes all have linear edges from all."""
    mpmath.mp.dps = 120
    rows = [[mpmath.mpf(float(value)) for value in row] for row in x]
    norms = [mpmath.sqrt(mpmath.fdot(row, row)) for row in rows]
    nngp, ntk = mpmath.matrix(len(x)), mpmath.matrix(len(x))
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[: i + 1]):
            c, t = _dense_dual(mpmath.fdot(a, b) / norms[i] / norms[j] if i != j else 1, layers)
            scale = 2 * norms[i] * norms[j] / len(a)
            nngp[i, j] = nngp[j, i] = scale * c
            ntk[i, j] = ntk[j, i] = scale * (c + t)
    return nngp, ntk


def _dense_dual(rho, layers):
    """c and t at a cosine: node by node, the sums over all edges, without any complement."""
    c, top, t = rho, mpmath.mpf(1), mpmath.mpf(0)
    covariance = variance = mean = tangent = mpmath.mpf(0)
    for layer in range(layers + 1):
        rho = c / top
        kappa0 = (mpmath.pi - mpmath.acos(rho)) / mpmath.pi
        kappa1 = mpmath.sqrt(1 - rho * rho) / mpmath.pi + rho * kappa0
        covariance += top * (kappa1 - 1 / mpmath.pi)
        variance += top * (1 - 1 / mpmath.pi)
        mean += mpmath.sqrt(top / mpmath.pi)
        tangent += kappa0 * (c + t)
        c, top, t = covariance + mean**2, variance + mean**2, tangent
        if layer == 0:  # the stem's ReLU is node 0 itself, not an edge into the next
            covariance = variance = mean = tangent = mpmath.mpf(0)
    return c, t


@pytest.mark.parametrize("layers", [5, 88, 200])
def test_eigenvalues_of_dense_dags_are_exact_where_their_matrices_are_rounding_noise(layers):
    x = np.random.default_rng(0).standard_normal((4, 16))
    dag = Dag.parse("_".join("2" * j for j in range(1, layers + 1)))
    for kernel, tangent in zip(_dense_kernels(x, layers), (False, True)):
        expected = np.array(sorted(mpmath.eigsy(kernel, eigvals_only=True)), float)
        found = eigenvalues(dag, x, tangent=tangent)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        (features,) = kernel_features([dag], x, tangent=tangent)
        assert features.smallest_eigenvalue == pytest.approx(expected[0], rel=1e-9)
        assert features.condition_number == pytest.approx(expected[-1] / expected[0], rel=1e-9)


@pytest.mark.parametrize(("layers", "expected"), [(70, 2.4438198e26), (100, 7.058293e37)])
def test_kernel_matrices_keep_what_float64_can_of_their_smallest_eigenvalue(layers, expected):
    x = np.random.default_rng(0).standard_normal((8, 16))
    dag = Dag.parse("_".join("2" * j for j in range(1, layers + 1)))
    assert smallest_eigenvalue(ntk(dag, x)) == pytest.approx(expected, rel=1e-6)


def test_a_matrix_that_cannot_hold_its_smallest_eigenvalue_is_refused():
    x = np.random.default_rng(0).standard_normal((8, 16))
    dag = Dag.parse("_".join("2" * j for j in range(1, 201)))
    with pytest.raises(ValueError, match=r"below the rounding of a float64 matrix"):
        smallest_eigenvalue(ntk(dag, x))


def test_eigenvalues_of_a_chain_and_of_the_paper_form():
    for dag, form in ((DAGS[100], "paper"), (Dag.parse("2_02_002"), "exact")):
        plain = np.linalg.eigvalsh(nngp(dag, X, form))
        np.testing.assert_allclose(eigenvalues(dag, X, form), plain, rtol=1e-9)
    assert eigenvalues(STEM, X[:1]) == pytest.approx(nngp(STEM, X[:1])[0])


def test_duplicate_samples_have_no_smallest_eigenvalue():
    features = kernel_features(map(Dag.parse, FIG3), np.concatenate([X, X[3:4]]))
    for numbers in features:
        assert abs(numbers.smallest_eigenvalue) < 1e-12
        assert abs(numbers.smallest_normalized_eigenvalue) < 1e-12


def test_fig3_order_on_cifar10(shared):
    with np.load(shared / "data" / "cifar10_subset.npz") as data:
        x = data["x_train"][:128] / 255.0
    mean = x.mean(axis=(0, 1, 2))
    numbers = kernel_features(map(Dag.parse, FIG3), (x - mean) / x.std(axis=(0, 1, 2)))
    smallest = [f.smallest_eigenvalue for f in numbers]
    assert smallest == sorted(smallest)
    assert smallest[0] > 0


@pytest.mark.parametrize("loss", ["half_sum", "mean"])
def test_predicted_training_equals_gradient_descent_on_a_linear_model(loss):
    rng = np.random.default_rng(0)
    n, outputs, lr = 6, 3, {"half_sum": 0.05, "mean": 0.3}[loss]
    phi, y, f0 = rng.normal(size=(n, 9)), rng.normal(size=(n, outputs)), rng.normal(size=(n, 3))
    start, inputs, targets = (torch.tensor(a) for a in (f0, phi, y))
    weights = torch.zeros(9, outputs, dtype=torch.float64, requires_grad=True)
    losses, fs = [], []
    for _ in range(41):
        f = start + inputs @ weights
        error = torch.nn.functional.mse_loss(f, targets, reduction="mean")
        error = error if loss == "mean" else 0.5 * ((f - targets) ** 2).sum()
        losses.append(error.item())
        fs.append(f.detach().numpy().copy())
        (gradient,) = torch.autograd.grad(error, weights)
        weights = (weights - lr * gradient).detach().requires_grad_()
    prediction = predict_training(phi @ phi.T, y, lr, 40, f0=f0, loss=loss, outputs=True)
    assert list(prediction.steps) == list(range(41))
    counted = predict_training(phi @ phi.T, y, lr, np.int64(40), f0=f0, loss=loss)
    np.testing.assert_array_equal(counted.losses, prediction.losses)
    np.testing.assert_allclose(prediction.losses, losses, rtol=1e-9)
    np.testing.assert_allclose(prediction.outputs, fs, rtol=1e-9, atol=1e-12)


def test_chosen_steps_of_one_output_start_from_zero_and_are_taken_in_parts(monkeypatch):
    monkeypatch.setattr("dag.spectrum._CHUNK", 40)
    K, y = ntk(Dag.parse("2_21_112"), X), RNG.standard_normal(32)
    every = predict_training(K, y, 0.01, 300)
    some = predict_training(K, y, 0.01, [300, 0, 7], outputs=True)
    np.testing.assert_allclose(some.losses, every.losses[[300, 0, 7]], rtol=1e-13)
    assert some.losses[1] == pytest.approx(0.5 * (y**2).sum())
    assert some.outputs.shape == (3, 32)
    assert every.outputs is None


def test_a_rate_above_two_over_the_largest_eigenvalue_diverges_to_inf():
    losses = predict_training(np.diag([1.0, 3.0]), np.ones(2), 1.0, [0, 10, 100_000]).losses
    assert losses[0] < losses[1] < losses[2] == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: eq12_bound(STEM, np.ones((1, 1))), "n >= 2"),
        (lambda: eq12_bound(Dag.parse("0"), np.eye(2)), "no path"),
        (lambda: kernel_features([STEM], X[:1]), "at least 2"),
        (lambda: kernel_features([STEM, Dag.parse("0_02")], X), "0_02 has no path"),
        (lambda: kernel_features([STEM], X, "paper", tangent=True), "exact form only"),
        (lambda: predict_training(np.eye(2), np.ones(3), 0.1, 5), "shapes: found kernel"),
        (lambda: predict_training(np.eye(2), np.ones(2), 0.1, 5, f0=np.ones(1)), "f0 like y"),
        (lambda: predict_training(np.eye(2), np.ones(2), 0.1, [-1]), "steps from 0 on"),
        (lambda: predict_training(np.eye(2), np.ones(2), 0.1, 5, loss="mse"), "'mse'"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
