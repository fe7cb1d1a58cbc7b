"""NNGP and NTK of an infinitely wide network that a DAG connects.

The network is linear + ReLU (the stem), the DAG, and a linear readout; every weight matrix has
entries N(0, 2 / fan_in) and biases are 0. The tangent kernel is that of all weights in the NTK
parameterization, W = sqrt(2 / fan_in) w with w ~ N(0, 1). `dag.dual` holds the equations.
"""

import numpy as np

from dag.dual import DualKernels, Form, check_dag
from dag.graph import Dag

_BLOCK = 1 << 16  # entries at a time: a few arrays of that size stay in the cache
_TILE = 512  # rows at a time when the upper triangle is copied to the lower


def nngp(dag: Dag, x: np.ndarray, form: Form = "exact") -> np.ndarray:
    """NNGP kernel of the network's outputs, or K(H) of the paper's Lemma 3.2.

    "exact" is 2 C_HH, the covariance of an output over random weights, with the means of ReLU
    outputs. "paper" is K(H): samples scaled to K_ii(0) = 1 after the stem, K = kappa1(K) along a
    linear edge, nodes add; its diagonal is the number of paths P, which Eq. 12 bounds. Half of the
    exact kernel of samples with |x|^2 = d_in is in the same units.

    Args:
        dag: one input; zero rows and parallel edges are fine.
        x: samples [n, ...], flattened to [n, d_in].
        form: "exact" or "paper".

    Returns:
        Float64 array [n, n], symmetric bit by bit.

    Raises:
        ValueError: a sample is zero or not finite, the DAG has several inputs or no path, an
            unknown form, or values pass float64's range.
    """
    cosine, scale = cosines_and_scales(x)
    if form == "paper":
        scale = np.full(len(scale), np.sqrt(0.5))  # undoes the readout's factor 2
    return _fill(dag, cosine, scale, form, tangent=False)[0]


def ntk(dag: Dag, x: np.ndarray) -> np.ndarray:
    """Tangent kernel 2 (C_HH + T_HH) of one output; arguments and errors as `nngp`."""
    return nngp_and_ntk(dag, x)[1]


def nngp_and_ntk(dag: Dag, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both exact kernels in one pass; arguments and errors as `nngp`."""
    cosine, scale = cosines_and_scales(x)
    return _fill(dag, cosine, scale, "exact", tangent=True)


def _fill(
    dag: Dag, cosine: np.ndarray, scale: np.ndarray, form: Form, tangent: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Kernels from the upper triangle of `cosine`, which becomes the NNGP in place."""
    check_dag(dag)
    n = len(cosine)
    theta = np.empty_like(cosine) if tangent else cosine
    rows = max(1, _BLOCK // n)
    for a in range(0, n, rows):
        block = np.s_[a : a + rows, a:]
        dual = DualKernels(cosine[block], form)(dag)
        factor = 2 * np.outer(scale[block[0]], scale[block[1]])
        c = dual.top - dual.lack
        if tangent:
            theta[block] = factor * (c + (dual.tangent_top - dual.tangent_lack))
        cosine[block] = factor * c
    return mirrored(cosine), mirrored(theta) if tangent else cosine


def mirrored(kernel: np.ndarray) -> np.ndarray:
    """Copies the upper triangle to the lower, in place and by tiles."""
    for a in range(0, len(kernel), _TILE):
        b = a + _TILE
        corner = np.triu(kernel[a:b, a:b])
        kernel[a:b, a:b] = corner + np.triu(corner, 1).T
        kernel[b:, a:b] = kernel[a:b, b:].T
    return kernel


def cosines_and_scales(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines [n, n] between samples with ones on the diagonal, and |x| / sqrt(d_in) [n]."""
    samples = _checked(x)
    # Dividing by the largest entry first keeps the squares inside float64's range.
    largest = np.abs(samples).max(axis=1, keepdims=True)
    samples /= largest
    norms = np.linalg.norm(samples, axis=1, keepdims=True)
    samples /= norms
    cosine = samples @ samples.T
    np.fill_diagonal(cosine, 1.0)
    return cosine, (norms * largest)[:, 0] / np.sqrt(samples.shape[1])


def _checked(x: np.ndarray) -> np.ndarray:
    """A float64 copy [n, d_in] of samples of which none is zero or not finite."""
    if np.ndim(x) < 2 or not np.size(x):
        raise ValueError(f"samples: found shape {np.shape(x)}, expected [n, ...] with n, d_in >= 1")
    samples = np.array(x, float).reshape(len(x), -1)
    finite = np.isfinite(samples).all(axis=1)
    for bad, what in ((~finite, "is not finite"), (~samples.any(axis=1), "is all zeros")):
        if bad.any():
            index = int(bad.argmax())
            raise ValueError(f"sample {index} {what}: expected finite values, not all zero")
    return samples
