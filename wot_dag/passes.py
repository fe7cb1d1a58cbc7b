"""Which cells of NAS-Bench-201 can share a forward pass, and how often each node is read.

A cell's kernel is K = sum over nodes of (convolutions that leave the node) x (Gram matrix of the
node's agreements), plus what lies between the cells. What a convolution computes matters only if
its target is read, by a ReLU or, over skips and pools, by a node that is. A convolution into any
other node adds its ReLU's agreements, which are those of its source, and nothing else. So cells
that differ in such dead readers alone have the same values at every node that is read, in every
cell of the network, once equal weights stand on the edges that are left: one pass gives all of
them their kernels.

Cells of one pass share their initial weights, as cells of one seed share their mini-batch; each
cell alone has the law of a network drawn on its own. That is all that sharing assumes. Cells that
compute the same function by different passes share nothing.
"""

from dag import EdgeOp
from spaces.nasbench201 import EDGES, NUM_NODES, OPERATORS, Cell
from spaces.operators import OPERATOR_TABLE

# operators with a ReLU
CONVOLUTIONS = {name for name in OPERATORS if OPERATOR_TABLE[name].edge_op == EdgeOp.LINEAR}


def pass_of(cell: Cell) -> Cell:
    """The cell with none on each edge that no read node depends on.

    These are the edges into nodes that are not read, and those out of a node that is zero for
    every image: BatchNorm makes a convolution of zeros zero again.
    """
    named = dict(zip(EDGES, cell.operators))
    zero = _zero_nodes(named)
    named = {edge: "none" if edge[0] in zero else name for edge, name in named.items()}
    read = _read_nodes(named)
    return Cell(tuple(name if edge[1] in read else "none" for edge, name in named.items()))


def readers(cell: Cell) -> list[int]:
    """Convolutions that leave each node but the last, dead ones included."""
    convolutions = [
        source for (source, _), name in zip(EDGES, cell.operators) if name in CONVOLUTIONS
    ]
    return [convolutions.count(node) for node in range(NUM_NODES - 1)]


def _zero_nodes(named: dict[tuple[int, int], str]) -> set[int]:
    """Nodes that nothing enters but none and edges out of such nodes."""
    entered = {0}
    for node in range(1, NUM_NODES):
        if any(named[s, node] != "none" and s in entered for s in range(node)):
            entered.add(node)
    return set(range(NUM_NODES)) - entered


def _read_nodes(named: dict[tuple[int, int], str]) -> set[int]:
    """Nodes whose values matter: a ReLU reads them, or they are handed on to such a node."""
    read = {NUM_NODES - 1}
    for (source, target), name in reversed(named.items()):
        if name in CONVOLUTIONS or (name != "none" and target in read):
            read.add(source)
    return read
