"""What a kernel says about training: its spectrum, Eq. 12, and predicted gradient descent."""

from collections.abc import Iterable
from numbers import Integral
from typing import Literal, NamedTuple, get_args

import numpy as np

from dag.dual import Dual, DualKernels, Form, arc_cosine_lacks, check_dag
from dag.graph import Dag
from dag.kernels import cosines_and_scales, mirrored
from dag.measures import depth_histogram

Loss = Literal["half_sum", "mean"]
_CHUNK = 1 << 22  # powers at a time in predict_training
_TRUSTED = 1e-6  # share of the largest above which an eigenvalue of the plain matrix is good


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
    """Smallest eigenvalue of a symmetric kernel [n, n]; it errs by about n eps times the largest.

    `kernel_features` and `eigenvalues` know more than the matrix holds, and have no such limit.

    Raises:
        ValueError: it is not ten times that, so that what float64 holds of it is mostly noise.
    """
    values = np.linalg.eigvalsh(kernel)
    noise = 10 * len(values) * np.finfo(float).eps * float(values[-1])
    if values[0] < noise:
        raise ValueError(
            f"smallest eigenvalue: found {values[0]:.3g}, which is below the rounding of a float64 "
            f"matrix ({noise:.3g}): dag.eigenvalues takes it from the DAG instead"
        )
    return float(values[0])


def eigenvalues(dag: Dag, x: np.ndarray, form: Form = "exact", tangent: bool = False) -> np.ndarray:
    """All eigenvalues [n], ascending, of `nngp(dag, x, form)`, or of `ntk(dag, x)`.

    They are those of the exact matrix, of which a float64 matrix keeps little behind many layers:
    each has the relative precision of the entries' distances to the diagonal.

    Raises:
        ValueError: as `dag.kernels.nngp`; tangent in the paper form.
    """
    scale, duals = _above_diagonal(x, form, tangent)
    top, lack = _chosen(duals(dag), tangent)
    return _eigenvalues(2 * top, 2 * _symmetric(lack, len(scale)), scale)


def _eigenvalues(top: float, lack: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Eigenvalues of K_ij = scale_i scale_j (top - lack_ij), `lack` symmetric, 0 on the diagonal.

    Where lack << top, K in float64 holds scale scale^T top and no more. A reflection H that takes
    K's largest eigenvector to the first axis splits K = top s s^T - E into a corner, a row that
    is 0 up to rounding, and a block, whose Schur complement has the other eigenvalues up to the
    square of row / corner. Its terms in top cancel on paper, before they are numbers.
    """
    outer = np.outer(scale, scale)
    values = np.linalg.eigvalsh(outer * (top - lack))
    if len(values) == 1 or values[0] > _TRUSTED * values[-1]:
        return values
    normal = np.linalg.eigh(outer * (top - lack))[1][:, -1]
    normal[0] += np.copysign(1.0, normal[0])  # this sign, so that nothing cancels
    reflect = np.eye(len(scale)) - 2 * np.outer(normal, normal) / (normal @ normal)
    missing = reflect @ (outer * lack) @ reflect
    alpha, p = (reflect @ scale)[0], (reflect @ scale)[1:]
    epsilon, e = missing[0, 0], missing[0, 1:]
    # block - row row^T / corner = top p p^T - E - (top alpha p - e)(..)^T / (top alpha^2 - epsilon)
    share = alpha**2 - epsilon / top
    mixed = np.outer(p, e) * (alpha / share)
    block = mixed + mixed.T - missing[1:, 1:]
    block -= np.outer(p, p) * (epsilon / share) + np.outer(e, e / (top * share))
    return np.append(np.linalg.eigvalsh(block), values[-1])


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
    off = np.clip(1 - _correlations(K0).max(keepdims=True), 0, 2)
    histogram = depth_histogram(dag)
    missing = 0.0  # sum_p 1 - f^(d_p), which does not cancel as P - sum_p f^(d_p) would
    for d in range(max(histogram) + 1):
        missing += histogram.get(d, 0) * off.item()
        off = arc_cosine_lacks(off)[1]
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
        Steps, losses and outputs (or None). A rate above 2 / lambda_max diverges, to inf.

    Raises:
        ValueError: shapes that do not fit, an unknown loss, or a step below 0.
    """
    targets, start = np.asarray(y, float), np.zeros(np.shape(y)) if f0 is None else f0
    _check_training(kernel, targets, np.asarray(start), loss)
    ks = np.arange(steps + 1) if isinstance(steps, Integral) else np.asarray(list(steps))
    if not len(ks) or ks.min() < 0:
        raise ValueError("steps: found none or one below 0, expected steps from 0 on")
    to_mean = 2 / targets.size if loss == "mean" else 1.0
    errors, squares = _decay(kernel, lr * to_mean, start - targets, ks, outputs)
    fs = None if errors is None else targets + errors
    return TrainingPrediction(ks, squares * to_mean / 2, fs)


def _check_training(kernel: np.ndarray, y: np.ndarray, f0: np.ndarray, loss: str) -> None:
    if loss not in get_args(Loss):
        raise ValueError(f"loss: found {loss!r}, expected 'half_sum' or 'mean'")
    if y.ndim not in (1, 2) or np.shape(kernel) != (len(y), len(y)) or f0.shape != y.shape:
        raise ValueError(
            f"shapes: found kernel {np.shape(kernel)}, y {y.shape} and f0 {f0.shape}, expected "
            f"[n, n], y [n] or [n, outputs], and f0 like y"
        )


def _decay(
    kernel: np.ndarray, rate: float, error: np.ndarray, ks: np.ndarray, outputs: bool
) -> tuple[np.ndarray | None, np.ndarray]:
    """(I - rate K)^k e: the errors [s, ...] if asked for, and the sums of their squares [s]."""
    eigenvalues, modes = np.linalg.eigh(kernel)
    shares = modes.T @ error.reshape(len(error), -1)  # [modes, outputs]
    decay = 1 - rate * eigenvalues
    squares = _weighted_powers(decay**2, ks, (shares**2).sum(axis=1))
    if not outputs:
        return None, squares
    errors = modes @ (np.power(decay, ks[:, None])[:, :, None] * shares)
    return errors.reshape(-1, *error.shape), squares


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
    scale, duals = _above_diagonal(x, form, tangent)
    if len(scale) < 2:
        raise ValueError("kernel features: found 1 sample, expected at least 2")
    return duals.each(dags, lambda dual: _features(*_chosen(dual, tangent), scale))


def mean_correlations(dags: Iterable[Dag], x: np.ndarray) -> list[float]:
    """`mean_correlation` of the exact NNGP of many DAGs, as `kernel_features`, without spectra.

    Raises:
        ValueError: as `kernel_features`.
    """
    scale, duals = _above_diagonal(x, "exact", False)
    if len(scale) < 2:
        raise ValueError("mean correlation: found 1 sample, expected at least 2")
    return duals.each(dags, lambda dual: float(1 - (dual.lack / dual.top).mean()))


def _above_diagonal(x: np.ndarray, form: Form, tangent: bool) -> tuple[np.ndarray, DualKernels]:
    """The samples' scales in that form, and dual functions at the cosines above the diagonal."""
    if tangent and form != "exact":
        raise ValueError("the tangent kernel has the exact form only")
    cosine, scale = cosines_and_scales(x)
    scale = np.full(len(scale), np.sqrt(0.5)) if form == "paper" else scale
    return scale, DualKernels(cosine[np.triu_indices(len(scale), 1)], form)


def _chosen(dual: Dual, tangent: bool) -> tuple[float, np.ndarray]:
    """The NNGP's or the NTK's value on the diagonal, and what its entries lack to it."""
    if tangent:
        return dual.top + dual.tangent_top, dual.lack + dual.tangent_lack
    return dual.top, dual.lack


def _symmetric(above: np.ndarray, n: int) -> np.ndarray:
    """The matrix [n, n] with these entries above its diagonal, and zeros on it."""
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = above
    return mirrored(matrix)


def _features(top: float, lack: np.ndarray, scale: np.ndarray) -> KernelFeatures:
    """Features of scale scale^T (2 top - 2 lack), `lack` above the diagonal."""
    missing = _symmetric(lack / top, len(scale))
    values = _eigenvalues(2 * top, 2 * top * missing, scale)
    smallest, largest = float(values[0]), float(values[-1])
    condition = largest / smallest if smallest > 0 else np.inf
    normalized = _eigenvalues(1.0, missing, np.ones(len(scale)))[0]
    return KernelFeatures(smallest, condition, float(normalized), float(1 - (lack / top).mean()))
