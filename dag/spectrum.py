"""What a kernel says about training: its spectrum, Eq. 12, and predicted gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import numpy as np

from dag.dual import DualKernels, Form, arc_cosine, check_dag
from dag.graph import Dag
from dag.kernels import cosines_and_scales, mirrored
from dag.measures import depth_histogram

Loss = Literal["half_sum", "mean"]
_CHUNK = 1 << 22  # powers at a time in predict_training


class KernelFeatures(NamedTuple):
    """Numbers of one kernel K, of n samples; "normalized" is K scaled to a unit diagonal."""

    smallest_eigenvalue: float
    condition_number: float
    smallest_normalized_eigenvalue: float
    mean_correlation: float


class TrainingPrediction(NamedTuple):
    """Gradient descent predicted by a kernel: the steps [s], the loss [s] before each of them."""

    steps: np.ndarray
    losses: np.ndarray
    outputs: np.ndarray | None


def smallest_eigenvalue(kernel: np.ndarray) -> float:
    """Smallest eigenvalue of a symmetric kernel [n, n].

    Its rounding error is of the order of n eps times the largest, so that a singular kernel may
    give a number just below 0.
    """
    return float(np.linalg.eigvalsh(kernel)[0])


def eq12_bound(dag: Dag, K0: np.ndarray) -> float:
    """The paper's bound on the smallest eigenvalue (Eq. 12), from counts of path depths.

    min over i != j of P - sum_p f^(d_p)(K0_ij), with f = kappa1 and f^(d) its d-fold composition.
    f increases, so the minimum is at the largest K0_ij. Eq. 12 takes f of a sum as the sum of f;
    f is convex, so after a node with unlike inputs the bound can fall below the smallest
    eigenvalue of Lemma 3.2's kernel when there are very few samples.

    Args:
        dag: one input.
        K0: kernel of the DAG's input node [n, n], n >= 2, scaled here to a unit diagonal. It is
            that after the stem, `nngp(Dag.parse("1"), x, "paper")`, for `mlp_code`'s networks.

    Raises:
        ValueError: K0 has fewer than two samples, or the DAG several inputs or no path.
    """
    check_dag(dag)
    if np.ndim(K0) != 2 or len(K0) < 2:
        raise ValueError(f"K0: found shape {np.shape(K0)}, expected [n, n] with n >= 2")
    largest = _correlations(K0).max()
    histogram = depth_histogram(dag)
    missing = 0.0  # sum_p 1 - f^(d_p), which does not cancel as P - sum_p f^(d_p) would
    for d in range(max(histogram) + 1):
        missing += histogram.get(d, 0) * float(1 - largest)
        largest = arc_cosine(largest)[1]
    return missing


def _correlations(kernel: np.ndarray) -> np.ndarray:
    """The entries above the diagonal [n (n - 1) / 2] of the kernel scaled to a unit diagonal."""
    scale = np.sqrt(np.diag(kernel))
    above = np.triu_indices(len(kernel), 1)
    return kernel[above] / (scale[above[0]] * scale[above[1]])


def predict_training(
    kernel: np.ndarray,
    y: np.ndarray,
    lr: float,
    steps: int | Iterable[int],
    f0: np.ndarray | None = None,
    loss: Loss = "half_sum",
    outputs: bool = False,
) -> TrainingPrediction:
    """Full-batch gradient descent with a constant tangent kernel, without running it.

    f_k = y + (I - eta K)^k (f_0 - y), through the eigendecomposition of K. The losses are
      "half_sum": 1/2 ||y - f||^2 over all samples and outputs, eta = lr;
      "mean": the mean of (y - f)^2 over all samples and outputs (PyTorch's mse_loss). Its
        gradient is 2 / (n outputs) times the other's, so eta = 2 lr / (n outputs).

    Args:
        kernel: the tangent kernel of one output [n, n].
        y: targets [n] or [n, outputs].
        lr: learning rate of gradient descent on that `loss`.
        steps: their number s, for steps 0 .. s, or the steps to predict.
        f0: outputs before training, in the shape of y; 0 by default.
        loss: "half_sum" or "mean".
        outputs: whether to return f_k too, [s, n] or [s, n, outputs].

    Returns:
        Steps, losses and outputs (None unless asked for). A rate above 2 / lambda_max diverges, to
        inf in the end.

    Raises:
        ValueError: shapes that do not fit, an unknown loss, or a step below 0.
    """
    targets, start = np.asarray(y, float), np.zeros(np.shape(y)) if f0 is None else f0
    _check_training(kernel, targets, np.asarray(start), loss)
    ks = np.arange(steps + 1) if isinstance(steps, int) else np.asarray(list(steps))
    if not len(ks) or ks.min() < 0:
        raise ValueError("steps: found none or one below 0, expected steps from 0 on")
    eigenvalues, modes = np.linalg.eigh(kernel)
    shares = modes.T @ (start - targets).reshape(len(targets), -1)  # [modes, outputs]
    to_mean = 2 / targets.size if loss == "mean" else 1.0
    decay = 1 - lr * to_mean * eigenvalues
    curve = _weighted_powers(decay**2, ks, (shares**2).sum(axis=1)) * to_mean / 2
    fs = None
    if outputs:
        errors = modes @ (np.power(decay, ks[:, None])[:, :, None] * shares)
        fs = targets + errors.reshape(-1, *targets.shape)
    return TrainingPrediction(ks, curve, fs)


def _check_training(kernel: np.ndarray, y: np.ndarray, f0: np.ndarray, loss: str) -> None:
    if loss not in get_args(Loss):
        raise ValueError(f"loss: found {loss!r}, expected 'half_sum' or 'mean'")
    if y.ndim not in (1, 2) or np.shape(kernel) != (len(y), len(y)) or f0.shape != y.shape:
        raise ValueError(
            f"shapes: found kernel {np.shape(kernel)}, y {y.shape} and f0 {f0.shape}, expected "
            f"[n, n], y [n] or [n, outputs], and f0 like y"
        )


def _weighted_powers(base: np.ndarray, exponents: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_i weights_i base_i^k for each exponent k, a bounded number of powers at a time."""
    used = weights > 0  # 0 * inf is not what an absent mode adds
    rows = max(1, _CHUNK // max(len(base), 1))
    with np.errstate(over="ignore", under="ignore"):
        parts = [
            np.power(base[used], exponents[a : a + rows, None]) @ weights[used]
            for a in range(0, len(exponents), rows)
        ]
    return np.concatenate(parts)


def kernel_features(
    dags: Iterable[Dag], x: np.ndarray, form: Form = "exact", tangent: bool = False
) -> list[KernelFeatures]:
    """Features of the kernels of many DAGs on the same samples, shared where DAGs are alike.

    Nodes that equal a node of another DAG are computed once, and so is the spectrum of equal
    kernels.

    Args:
        dags: each with one input and a path to the output.
        x: samples [n, ...], n >= 2.
        form: "exact" or "paper", as `dag.kernels.nngp`.
        tangent: features of the NTK instead of the NNGP (exact form only).

    Raises:
        ValueError: as `dag.kernels.nngp`; fewer than two samples; tangent in the paper form.
    """
    if tangent and form != "exact":
        raise ValueError("the tangent kernel has the exact form only")
    cosine, scale = cosines_and_scales(x)
    if len(cosine) < 2:
        raise ValueError("kernel features: found 1 sample, expected at least 2")
    above = np.triu_indices(len(cosine), 1)
    duals = DualKernels(cosine[above], form)
    scale = np.full(len(scale), np.sqrt(0.5)) if form == "paper" else scale
    recipes = [duals.recipe(dag) for dag in dags]
    features = {}
    for recipe in set(recipes):
        c, t, c_diagonal, t_diagonal = duals.evaluate(recipe)
        values, diagonal = (c + t, c_diagonal + t_diagonal) if tangent else (c, c_diagonal)
        features[recipe] = _features(values / diagonal, diagonal, above, scale)
    return [features[recipe] for recipe in recipes]


def _features(
    correlation: np.ndarray,
    diagonal: float,
    above: tuple[np.ndarray, np.ndarray],
    scale: np.ndarray,
) -> KernelFeatures:
    """Features from the entries above the diagonal of the normalized kernel."""
    normalized = np.eye(len(scale))
    normalized[above] = correlation
    normalized = mirrored(normalized)
    eigenvalues = np.linalg.eigvalsh(2 * diagonal * np.outer(scale, scale) * normalized)
    smallest, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    condition = largest / smallest if smallest > 0 else np.inf
    smallest_normalized = smallest_eigenvalue(normalized)
    return KernelFeatures(smallest, condition, smallest_normalized, float(correlation.mean()))
