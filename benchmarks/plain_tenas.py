"""TE-NAS' kappa as published: one backward pass per image, one network of a pair at a time."""

import torch
from torch import Tensor

from benchmarks.plain_supernet import PlainSupernet
from tenas_dag.rounds import Left
from tenas_dag.supernet import Supernet


def plain_weights(fast: Supernet, plain: PlainSupernet) -> list[Tensor]:
    """The parameters named weight: the plain cells', and the fast supernet's outside its cells."""
    names = {id(p): name for name, p in fast.named_parameters()}
    twins = [twin for p, _, twin in plain.pairs if names[id(p)].endswith("weight")]
    inside = {id(p) for p, _, _ in plain.pairs}
    outside = [
        p for name, p in fast.named_parameters() if name.endswith("weight") and id(p) not in inside
    ]
    return twins + outside


def plain_kernel(plain: PlainSupernet, weights: list[Tensor], images: Tensor, left: Left) -> Tensor:
    """The NTK [n, n] in float64 by a loop over images."""
    outputs = plain(images, left)
    rows = []
    for i in range(len(images)):
        grads = torch.autograd.grad(outputs[i].sum(), weights, retain_graph=True, allow_unused=True)
        rows.append(torch.cat([g.flatten() for g in grads if g is not None]))
    J = torch.stack(rows).double()
    return J @ J.T
