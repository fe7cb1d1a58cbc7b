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

What is carried is not c(r) but what it lacks to its value on the diagonal, c(1) - c(r), and the
same of t. Behind many layers all correlations are near 1, so that a kernel's entries agree in
every digit of float64 while its smallest eigenvalue is made of their differences alone. The
constant M^2 drops out of the lacks, which are sums of terms >= 0: nothing cancels, and each keeps
its relative precision whatever the depth:
    c_h(1) - c_h(r) = sum_u q_hu c_u(1) (1 - kappa1(rho_u)),
    t_h(1) - t_h(r) = sum_u q_hu ((1 - kappa0) (c_u + t_u)(1) + kappa0 (lack of c_u + t_u)).
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np

from dag.graph import Dag, EdgeOp

Form = Literal["exact", "paper"]
T = TypeVar("T")
_SNAP = 64 * np.finfo(float).eps  # a cosine this near to +-1 is +-1: equal inputs, not rounding
_SERIES = 0.1  # angles below it: the first term left out of the series is below rounding


class Recipe(NamedTuple):
    """A node's dual function: sorted (feature, m, q); equal recipes are equal kernels."""

    terms: tuple[tuple[int, float, float], ...]


class Dual(NamedTuple):
    """A node's functions c and t: their values at cosine 1, and what they lack to them elsewhere.

    c(r) = top - lack, t(r) = tangent_top - tangent_lack; the lacks are arrays like the cosines.
    """

    lack: np.ndarray
    tangent_lack: np.ndarray
    top: float
    tangent_top: float


class _Feature(NamedTuple):
    """What a linear edge adds to a node: its covariance and tangent part, and its mean."""

    dual: Dual
    mean: float


class DualKernels:
    """The dual functions of any number of DAGs at the same cosines, sharing equal nodes.

    Nodes with equal recipes are computed once, whichever DAG they stand in, so that the codes of
    a space share what they have in common.

    Args:
        cosine: float64 array of any shape, cosines between inputs, clipped to -1 .. 1.
        form: "exact", or "paper" for Lemma 3.2, whose t leaves the means out likewise.
        stem: factor of the stem's own share in t.

    Raises:
        ValueError: an unknown form.
    """

    def __init__(self, cosine: np.ndarray, form: Form = "exact", stem: float = 1.0) -> None:
        if form not in get_args(Form):
            raise ValueError(f"kernel form: found {form!r}, expected 'exact' or 'paper'")
        self._exact = form == "exact"
        off = 1 - _snapped(np.asarray(cosine, float))
        # A linear edge adds kappa0 (c + t): with t = (stem - 1) c the inputs count `stem` times.
        inputs = Dual(off, (stem - 1) * off, 1.0, stem - 1)
        self._features = [self._feature(inputs)]
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

    def evaluate(self, recipe: Recipe) -> Dual:
        """Functions c and t of a recipe.

        Raises:
            ValueError: a value passes float64's range.
        """
        parts = [(q if self._exact else m, self._features[u].dual) for u, m, q in recipe.terms]
        mean = sum(m * self._features[u].mean for u, m, _ in recipe.terms) * self._exact
        with np.errstate(over="ignore", invalid="ignore"):
            top = float(np.square(mean)) + sum(weight * dual.top for weight, dual in parts)
            tangent_top = sum(weight * dual.tangent_top for weight, dual in parts)
            if not np.isfinite(top + tangent_top):
                raise ValueError("the kernel of this DAG passes float64's range: too many paths")
            lack = sum(weight * dual.lack for weight, dual in parts)
            tangent_lack = sum(weight * dual.tangent_lack for weight, dual in parts)
        return Dual(lack, tangent_lack, top, tangent_top)

    def __call__(self, dag: Dag) -> Dual:
        """`evaluate` of the DAG's recipe."""
        return self.evaluate(self.recipe(dag))

    def each(self, dags: Iterable[Dag], number: Callable[[Dual], T]) -> list[T]:
        """`number` of each DAG's functions; those of equal recipes are computed once."""
        recipes = [self.recipe(dag) for dag in dags]
        found = {recipe: number(self.evaluate(recipe)) for recipe in set(recipes)}
        return [found[recipe] for recipe in recipes]

    def _index(self, recipe: Recipe) -> int:
        if recipe not in self._known:
            self._known[recipe] = len(self._features)
            self._features.append(self._feature(self.evaluate(recipe)))
        return self._known[recipe]

    def _feature(self, node: Dual) -> _Feature:
        lack0, lack1 = arc_cosine_lacks(node.lack / node.top)
        total = node.top + node.tangent_top
        tangent = lack0 * total + (1 - lack0) * (node.lack + node.tangent_lack)
        # The features' means are added apart, squared as one sum: here the covariance without it.
        centred = node.top * (1 - self._exact / np.pi)
        mean = float(np.sqrt(node.top / np.pi))
        return _Feature(Dual(node.top * lack1, tangent, centred, total), mean)


def check_dag(dag: Dag) -> None:
    """Raises a ValueError unless the DAG has one input, which reaches the output."""
    if dag.num_inputs != 1:
        raise ValueError(f"kernels need a DAG with 1 input, found {dag.num_inputs}: {dag}")
    if not dag.has_path:
        raise ValueError(f"DAG {dag} has no path from input to output, so its kernel is 0")


def arc_cosine_lacks(off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - kappa0 and 1 - kappa1 of correlations rho = 1 - `off`, `off` in 0 .. 2.

    The arc-cosine kernels of degree 0 and 1, scaled to 1 at correlation 1 (Cho & Saul, 2009), are
    kappa0 = (pi - a) / pi and kappa1 = (sin a + (pi - a) cos a) / pi with rho = cos a.
    """
    half = np.sqrt(off / 2)  # sin(a / 2): arccos(1 - off) would lose half of off's digits
    angle = 2 * np.arcsin(half)
    gap = 2 * half * np.sqrt(1 - half * half) - angle * (1 - off)  # sin a - a cos a
    near = angle < _SERIES
    if near.any():  # there the two terms agree to a^3 / 3, so its series takes their place
        a = angle[near]
        gap[near] = a**3 * (1 / 3 - a**2 * (1 / 30 - a**2 * (1 / 840 - a**2 / 45360)))
    return angle / np.pi, off - gap / np.pi


def _snapped(rho: np.ndarray) -> np.ndarray:
    """Cosines in -1 .. 1, with those within rounding of either end exactly there."""
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
