"""What a score must beat: what a cell's text, wiring and size say, and chance."""

from collections.abc import Callable, Sequence

import torch

from wot_dag.scores.base import Inputs, OfSpace, Score, weight_generator


def _of(label: str, numbers: Callable[[Inputs, list[str]], Sequence[float]]) -> Score:
    """A score by numbers of architectures, whatever the seed."""
    return OfSpace(label, lambda inputs, keys: numbers(inputs, [key.arch for key in keys]))


BASELINES: dict[str, Score] = {
    # Here alone: Kendall's tau 0.57 / 0.56 / 0.53 on CIFAR-10 / CIFAR-100 / ImageNet16-120.
    "parameters": _of("parameters", lambda i, archs: i.space.parameters(archs, i.image_shape)),
    # Of one image; on cells they order as parameters do.
    "multiply_adds": _of(
        "multiply-adds", lambda i, archs: i.space.multiply_adds(archs, i.image_shape)
    ),
    # In the cell, or in both cells. Published for NAS-Bench-201, trainable layers: tau 0.626 /
    # 0.646 / 0.622 (VKDNW, CVPR 2025).
    "convolutions": _of("convolutions", lambda i, archs: i.space.convolutions(archs)),
    # Def. 4.1 of the paper; of a genotype the mean of its cells.
    "effective_depth": _of("effective depth", lambda i, a: i.space.shapes(a).depth.mean(axis=1)),
    "effective_width": _of("effective width", lambda i, a: i.space.shapes(a).width.mean(axis=1)),
    # A number for each architecture and seed: what no score should be below.
    "random": OfSpace(
        "random",
        lambda _, keys: [float(torch.rand(1, generator=weight_generator(*key))) for key in keys],
    ),
}
