"""Paths, effective depth and effective width of anything: see `measure`.

The package holds what `python -m spaces.measure` needs. Nothing here imports torch before a model
is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dag import Dag, PathCounts, path_counts

if TYPE_CHECKING:
    from torch import nn


def measure(
    network: nn.Module | Dag,
    example: tuple | None = None,
    units: tuple[type, ...] = (),
    blocks: bool = False,
) -> PathCounts | dict[str, PathCounts]:
    """Paths, effective depth and log2 effective width of a PyTorch model, or of a DAG.

    >>> from spaces import measure
    >>> print(measure(torchvision.models.resnet18()))
    256 paths of 5 to 18 layers, effective depth 11.5, log2 width 4.476

    Args:
        network: any nn.Module (left as it was), or a Dag, as `to_dag()` of a cell gives it.
        example: arguments of a call of the model, for what torch.fx cannot trace.
        units: types of modules whose call is one linear operation, such as an own attention.
        blocks: of the model's blocks instead: the parts of its outermost nn.Sequential containers.

    Returns:
        The counts, or {name of a block: its counts}.

    Raises:
        SpaceError: the model cannot be traced; names the module and the line at fault.
    """
    if isinstance(network, Dag):
        return path_counts(network)
    from spaces.torch_graph import trace

    return trace(network, example, units, blocks)
