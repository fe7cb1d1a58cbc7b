"""Kernels of wide DAG networks as functions of one number, the cosine between two inputs.

ReLU networks without biases are homogeneous: every second moment of two inputs is
|x| |x'| / d_in times a function of their cosine r alone, the DAG's dual function. In it each
linear edge is a random feature that is independent of all others, so a node h that is the sum of
its features, each taken as often as skip paths lead from it to h, has
    c_h(r) = M_h^2 + sum_u q_hu (L_u(r) - l_u^2),    M_h = sum_u m_hu l_u,
    t_h(r) = sum_u q_hu kappa0(rho_u) (c_u(r) + t_u(r)),
    L_u(r) = c_u(1) kappa1(rho_u),    l_u = sqrt(c_u(1) / pi),    rho_u = c_u(r) / c_u(1),
where over the linear edges from u, m_hu sums the numbers of those skip paths and q_hu their
squares. The stem is a linear edge from the inputs themselves, c = r and t = 0. This equals the
recursion over all pairs of nodes, and keeps one function per node instead of one per pair.

New against the paper (Lemma 3.2): the means l of ReLU outputs, and skip paths that carry the
same feature twice; its form is M = 0 with m in the place of q.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

from dag.graph import Dag, EdgeOp

Form = Literal["exact", "paper"]
_SNAP = 64 * np.finfo(float).eps  # a correlation this near to +-1 is +-1: arccos doubles the loss


class Recipe(NamedTuple):
    """A node's dual function: sorted (feature, m, q); equal recipes are equal kernels."""

    terms: tuple[tuple[int, float, float], ...]


class _Feature(NamedTuple):
    """What a linear edge adds to a node: covariance and tangent part [entries], and its mean."""

    covariance: np.ndarray
    tangent: np.ndarray
    mean: float


class DualKernels:
    """The dual functions of any number of DAGs at the same cosines, sharing equal nodes.

    Nodes with equal recipes are computed once, whichever DAG they stand in, so that the codes of
    a space share what they have in common.

    Args:
        cosine: float64 array of any shape, cosines between inputs, clipped to -1 .. 1.
        form: "exact", or "paper" for Lemma 3.2, where t has no meaning.

    Raises:
        ValueError: an unknown form.
    """

    def __init__(self, cosine: np.ndarray, form: Form = "exact") -> None:
        if form not in get_args(Form):
            raise ValueError(f"kernel form: found {form!r}, expected 'exact' or 'paper'")
        self._exact = form == "exact"
        self._shape = np.shape(cosine)
        # The last entry is cosine 1: the value of every function on the kernel's diagonal.
        inputs = np.append(_snapped(np.asarray(cosine, float).ravel()), 1.0)
        self._features = [self._feature(inputs, np.zeros_like(inputs))]
        self._known: dict[Recipe, int] = {}

    def recipe(self, dag: Dag) -> Recipe:
        """The recipe of the output node; computes the features that it names.

        Raises:
            ValueError: the DAG has several inputs, or no path from input to output.
        """
        check_dag(dag)
        live = dag.live()
        once, squared = _skip_path_sums(live)
        sources = {source for source, _, op in live.edges if op == EdgeOp.LINEAR}
        features = {-1: 0}  # by source node; -1 is the inputs
        for node in sorted(sources):
            features[node] = self._index(_recipe(node, features, once, squared))
        return _recipe(dag.output, features, once, squared)

    def evaluate(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Functions c and t in the shape of the cosines, and their values c(1) and t(1).

        Raises:
            ValueError: a value passes float64's range.
        """
        c, t = self._sums(recipe)
        return c[:-1].reshape(self._shape), t[:-1].reshape(self._shape), c[-1], t[-1]

    def __call__(self, dag: Dag) -> tuple[np.ndarray, np.ndarray, float, float]:
        """`evaluate` of the DAG's recipe."""
        return self.evaluate(self.recipe(dag))

    def _index(self, recipe: Recipe) -> int:
        if recipe not in self._known:
            self._known[recipe] = len(self._features)
            self._features.append(self._feature(*self._sums(recipe)))
        return self._known[recipe]

    def _feature(self, c: np.ndarray, t: np.ndarray) -> _Feature:
        kappa0, kappa1 = arc_cosine(c / c[-1])
        kappa1 -= self._exact / np.pi  # minus the squared mean
        return _Feature(c[-1] * kappa1, kappa0 * (c + t), float(np.sqrt(c[-1] / np.pi)))

    def _sums(self, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
        mean = sum(m * self._features[u].mean for u, m, _ in recipe.terms) * self._exact
        with np.errstate(over="ignore", invalid="ignore"):
            c = np.full_like(self._features[0].tangent, np.square(mean))
            t = np.zeros_like(c)
            for feature, m, q in recipe.terms:
                weight = q if self._exact else m
                c += weight * self._features[feature].covariance
                t += weight * self._features[feature].tangent
        if not np.isfinite(c[-1] + t[-1]):
            raise ValueError("the kernel of this DAG passes float64's range: too many paths")
        return c, t


def check_dag(dag: Dag) -> None:
    """Raises a ValueError unless the DAG has one input, which reaches the output."""
    if dag.num_inputs != 1:
        raise ValueError(f"kernels need a DAG with 1 input, found {dag.num_inputs}: {dag}")
    if not dag.has_path:
        raise ValueError(f"DAG {dag} has no path from input to output, so its kernel is 0")


def arc_cosine(rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arc-cosine kernels of degree 0 and 1, scaled to 1 at correlation 1 (Cho & Saul, 2009).

    kappa0 = (pi - arccos rho) / pi and kappa1 = (sqrt(1 - rho^2) + rho (pi - arccos rho)) / pi;
    `rho` is clipped to -1 .. 1.
    """
    rho = _snapped(rho)
    kappa0 = 1 - np.arccos(rho) / np.pi
    return kappa0, np.sqrt((1 - rho) * (1 + rho)) / np.pi + rho * kappa0


def _snapped(rho: np.ndarray) -> np.ndarray:
    """Correlations in -1 .. 1, with those within rounding of either end exactly there."""
    return np.where(np.abs(rho) > 1 - _SNAP, np.sign(rho), rho)


def _skip_path_sums(dag: Dag) -> tuple[np.ndarray, np.ndarray]:
    """m and q of the module's equations, each [source node, node]; the last row is the inputs'."""
    nodes = dag.num_nodes
    paths = np.eye(nodes)  # [from, to], skip paths
    linear = np.zeros((nodes + 1, nodes))  # [source, target]
    linear[-1, 0] = 1  # the stem
    with np.errstate(over="ignore", invalid="ignore"):
        for source, target, op in dag.edges:  # sorted by target
            if op == EdgeOp.SKIP:
                paths[:, target] += paths[:, source]
            else:
                linear[source, target] += 1
        return linear @ paths, linear @ paths**2


def _recipe(node: int, features: dict[int, int], once: np.ndarray, squared: np.ndarray) -> Recipe:
    """Sums (m, q) over the sources of `node`, those with the same feature function together."""
    sums: dict[int, tuple[float, float]] = {}
    for source, feature in features.items():
        if once[source, node]:
            m, q = sums.get(feature, (0.0, 0.0))
            sums[feature] = (m + float(once[source, node]), q + float(squared[source, node]))
    return Recipe(tuple((feature, *sums[feature]) for feature in sorted(sums)))
