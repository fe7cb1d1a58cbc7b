"""The plain computation of a DAG's kernels: the second moments of all pairs of nodes, in order."""

import numpy as np

from dag.graph import Dag, Edge, EdgeOp


def pairwise_kernels(dag: Dag, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NNGP and NTK [n, n] of samples x [n, d_in], for a DAG with one input and a path."""
    return _Recursion(x).run(dag.live())


class _Recursion:
    """Moments C[a, b], tangent kernels T[a, b] and means mu[a] of the nodes so far."""

    def __init__(self, x: np.ndarray) -> None:
        gram = x @ x.T / x.shape[1]
        self.C, self.T = {}, {}
        self.C[0, 0], derivative = _through_relu(gram)
        self.T[0, 0] = derivative * gram
        self.mu = {0: _relu_mean(gram)}

    def run(self, dag: Dag) -> tuple[np.ndarray, np.ndarray]:
        reached = {0}
        for node in range(1, dag.num_nodes):
            edges = [e for e in dag.edges if e.target == node]
            if edges:
                self._add(node, edges, sorted(reached))
                reached.add(node)
        C, T = self.C[dag.output, dag.output], self.T[dag.output, dag.output]
        return 2 * C, 2 * (C + T)

    def _add(self, node: int, edges: list[Edge], earlier: list[int]) -> None:
        self.mu[node] = sum(self._mean(e) for e in edges)
        for b in earlier:
            self.C[node, b] = sum(self._with_node(e, b) for e in edges)
            skips = (self.T[e.source, b] for e in edges if e.op == EdgeOp.SKIP)
            self.T[node, b] = sum(skips, np.zeros_like(self.C[0, 0]))
            self.C[b, node], self.T[b, node] = self.C[node, b].T, self.T[node, b].T
        pairs = [
            self._with_itself(e) if i == j else self._with_edge(e, f)
            for i, e in enumerate(edges)
            for j, f in enumerate(edges)
        ]
        self.C[node, node] = sum(c for c, _ in pairs)
        self.T[node, node] = sum(t for _, t in pairs)

    def _mean(self, edge: Edge) -> np.ndarray:
        if edge.op == EdgeOp.SKIP:
            return self.mu[edge.source]
        return _relu_mean(self.C[edge.source, edge.source])

    def _with_node(self, edge: Edge, node: int) -> np.ndarray:
        if edge.op == EdgeOp.SKIP:
            return self.C[edge.source, node]
        return np.outer(self._mean(edge), self.mu[node])

    def _with_itself(self, edge: Edge) -> tuple[np.ndarray, np.ndarray]:
        C, T = self.C[edge.source, edge.source], self.T[edge.source, edge.source]
        if edge.op == EdgeOp.SKIP:
            return C, T
        moment, derivative = _through_relu(C)
        return moment, derivative * (C + T)

    def _with_edge(self, a: Edge, b: Edge) -> tuple[np.ndarray, np.ndarray]:
        if a.op == b.op == EdgeOp.SKIP:
            return self.C[a.source, b.source], self.T[a.source, b.source]
        return np.outer(self._mean(a), self._mean(b)), np.zeros_like(self.C[0, 0])


def _through_relu(C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moments of ReLU outputs and of their derivatives, times 2, for Gaussian inputs."""
    norms = np.sqrt(np.diag(C))
    angle = np.arccos(np.clip(C / np.outer(norms, norms), -1, 1))
    kappa1 = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    return np.outer(norms, norms) * kappa1, (np.pi - angle) / np.pi


def _relu_mean(C: np.ndarray) -> np.ndarray:
    return np.sqrt(np.diag(C) / np.pi)
