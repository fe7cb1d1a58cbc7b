"""WOT's kernel of NAS-Bench-201 cells, several from one forward pass.

The network of a pass (`wot_dag.passes`) is run node by node: the edges that leave a node share its
ReLU and its code, and what only none enters is not computed.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from spaces.initialization import initialize
from spaces.nasbench201 import EDGES, NUM_NODES, Cell
from spaces.nasbench201_networks import NasBench201Cell, NasBench201Layout, NasBench201Network
from wot_dag.kernel import CodeKernel
from wot_dag.passes import pass_of, readers


@torch.inference_mode()
def nasbench201_kernels(
    cells: Sequence[Cell],
    images: Tensor,
    generator: torch.Generator,
    layout: NasBench201Layout | None = None,
) -> Tensor:
    """K [m, n, n], float64, of the networks of m cells on images [n, c, h, w].

    Args:
        cells: all of one pass; each is at all positions of its network.
        images: a mini-batch; its dtype is the precision.
        generator: of the weights of the pass' own network; on the CPU, so that every device gets
            the same ones.
        layout: channels and depth.

    Raises:
        ValueError: the cells' passes differ.
    """
    passes = {pass_of(cell) for cell in cells}
    if len(passes) != 1:
        raise ValueError(f"found cells of {len(passes)} passes, expected one")
    network = NasBench201Network(*passes, layout)
    initialize(network, "default", generator)
    network.to(images).to(memory_format=torch.channels_last)
    counts = torch.tensor([readers(cell) for cell in cells], dtype=torch.float64)
    read = counts.any(0).nonzero().flatten().tolist()
    between, nodes = _agreements(network, images, read)
    return between + torch.tensordot(counts.to(nodes.device), nodes, dims=1)  # exact: integers


def _agreements(
    network: NasBench201Network, images: Tensor, read: Collection[int]
) -> tuple[Tensor, Tensor]:
    """Agreements of the ReLUs between the cells [n, n], and of a ReLU at each node [3, n, n].

    `read` are the nodes of the cell that any ReLU reads: the others stay 0.
    """
    # one kernel for each node, over all positions of the cell, and one for what is between
    *kernels, between = (CodeKernel(len(images), images.device) for _ in range(NUM_NODES))
    x = network.stem(images.contiguous(memory_format=torch.channels_last))
    for block in network.blocks:
        if isinstance(block, NasBench201Cell):
            x = _run(block, network.cell, x, kernels, read)
        else:
            middle = block.conv_a[1:](_counted(between, x))
            x = block.shortcut(x) + block.conv_b[1:](_counted(between, middle))
    _counted(between, network.last_activation[0](x))
    return between.matrix(), torch.stack([kernel.matrix() for kernel in kernels])


def _run(
    modules: NasBench201Cell,
    cell: Cell,
    x: Tensor,
    kernels: Sequence[CodeKernel],
    read: Collection[int],
) -> Tensor:
    """The last node of a cell on `x`; adds the codes of the nodes that are read."""
    nodes, activated = [x], {}
    for target in range(1, NUM_NODES):
        if target - 1 in read:
            activated[target - 1] = _counted(kernels[target - 1], nodes[-1])
        total = None
        for (source, t), name, module in zip(EDGES, cell.operators, modules.edges):
            if t == target and name != "none":
                convolves = isinstance(module, nn.Sequential)  # after a ReLU, which is shared
                term = module[1:](activated[source]) if convolves else module(nodes[source])
                total = term if total is None else total + term
        nodes.append(torch.zeros_like(x) if total is None else total)
    return nodes[-1]


def _counted(kernel: CodeKernel, x: Tensor) -> Tensor:
    """The ReLU of `x`, whose code is added to a kernel."""
    activated = x.relu()
    kernel.add(activated.permute(0, 2, 3, 1))  # a view in the order of memory: no copy
    return activated
