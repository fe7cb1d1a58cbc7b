"""Effective depth and width of any nn.Module, from the graph of its values.

Every value is a node, every use of a value an edge. What has weights and mixes its inputs
(linear, convolution, attention, recurrence, embedding; a product with a parameter) is a linear
operation on the edges that enter it. What has weights per channel or none (normalization,
activation, pooling, sum, product of two values, concatenation, reshape) hands paths on. What
reads only sizes carries no path, and no path starts at a parameter.

An attention layer or a recurrent layer is one linear operation with one edge per distinct input.
Attention written out is what it is written as: its projections are layers, and the product of
queries, keys and values, which has no weights, hands paths on; name its class in `units` to
count it as one operation. An operation in place replaces the value that it changes.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn
from torch.fx import Node

from dag import Dag, Edge, EdgeOp, PathCounts, path_counts
from spaces.torch_tracing import Traced, TraceError, Types, evaluating, trace_graph

# Linear if one of the two operands, at these places, is a parameter or made of parameters only.
_OPERANDS = {
    **dict.fromkeys(
        ("linear", "bilinear", "matmul", "__matmul__", "imatmul", "mm", "bmm", "mv", "tensordot",
         "embedding", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
         "conv_transpose3d", "deform_conv2d"),
        slice(2),
    ),
    **dict.fromkeys(("addmm", "addmv", "addbmm", "baddbmm"), slice(1, 3)),  # sum + product
    **dict.fromkeys(
        ("einsum", "multi_head_attention_forward", "scaled_dot_product_attention"), slice(None)
    ),
    "bilinear": slice(3),
}  # fmt: skip
_ATTENTION = ("multi_head_attention_forward", "scaled_dot_product_attention")
_SIZES = (
    "size", "shape", "dim", "ndim", "numel", "len", "device", "dtype", "stride", "sym_size",
    "is_floating_point", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like",
    "randn_like", "new_zeros", "new_ones", "new_empty", "new_full", "new_tensor",
)  # fmt: skip
_LIKE = ("expand_as", "view_as", "reshape_as", "type_as")  # of the second value they read sizes
_IN_PLACE = ("iadd", "isub", "imul", "itruediv", "imatmul", "ipow")


def trace(
    model: nn.Module, example: tuple | None = None, units: Types = (), blocks: bool = False
) -> PathCounts | dict[str, PathCounts]:
    """Counts the paths of a model in evaluation mode, exactly.

    Args:
        model: any module; its weights may lie on the meta device.
        example: arguments of a call, for what only torch.export can trace; blocks get theirs
            from a call of the model.
        units: types of modules whose call is one linear operation, such as an own attention.
        blocks: counts each block of the model's outermost nn.Sequential containers instead.

    Returns:
        The counts, or {name of the block: its counts}.

    Raises:
        TraceError: the model cannot be traced, or takes no input.
    """
    if not isinstance(model, nn.Module):
        raise TraceError(f"found {type(model).__name__}, expected a torch.nn.Module")
    if blocks:
        found = dict(_blocks(model, ""))
        inputs = {} if example is None else _inputs_of(found, model, example)
        return {name: trace(block, inputs.get(name), units) for name, block in found.items()}
    return path_counts(model_dag(model, example, units))


def _blocks(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(module, nn.Sequential):
            yield prefix + name, child
        else:
            yield from _blocks(child, f"{prefix}{name}.")


def _inputs_of(blocks: Mapping[str, nn.Module], model: nn.Module, example: tuple) -> dict:
    """The arguments of each block's first call within a call of the model, which needs weights."""
    inputs: dict[str, tuple] = {}

    def keep(name: str) -> Callable:
        return lambda _block, arguments: inputs.setdefault(name, arguments) and None

    hooks = [block.register_forward_pre_hook(keep(name)) for name, block in blocks.items()]
    try:
        with torch.no_grad(), evaluating(model):
            model(*example)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs


def model_dag(model: nn.Module, example: tuple | None = None, units: Types = ()) -> Dag:
    """The DAG of a model's values; see `trace`."""
    traced = trace_graph(model, example, units)
    if not traced.inputs:
        raise TraceError(f"{type(model).__name__}: found a model without inputs, expected one")
    return _Values(traced).dag()


class _Values:
    """Numbers the values that an input reaches, in the order of their making."""

    def __init__(self, traced: Traced) -> None:
        self._traced = traced
        inputs = (node for node in traced.graph.nodes if node in traced.inputs)
        self._numbers = {node: number for number, node in enumerate(inputs)}
        self._count = len(self._numbers)
        self._units: dict[str, int] = {}
        self._weights = set(traced.weights)
        self._replaced: dict[Node, Node] = {}  # by an operation in place
        self._edges: list[Edge] = []
        self._unit_edges: dict[Edge, None] = {}

    def dag(self) -> Dag:
        """The DAG, whose output node joins everything that the model returns."""
        for node in self._traced.graph.nodes:
            if node.op.startswith("call_"):
                self._call(node)
            elif node.op == "output":
                self._join(self._carrying(node.args), self._new(), EdgeOp.SKIP)
        edges = (*self._edges, *self._unit_edges)
        return Dag(self._count, edges, len(self._traced.inputs))

    def _call(self, node: Node) -> None:
        name = _operation(node)
        arguments = _arguments(node, name)
        if not self._carrying(arguments):
            if any(self._now(use) in self._weights for use in _uses(arguments)):
                self._weights.add(node)
        elif node in self._traced.units:
            self._enter_unit(node, arguments)
        else:
            self._enter(node, name, arguments)
        in_place = name in _IN_PLACE or (name.endswith("_") and not name.endswith("__"))
        if in_place and isinstance(node.args[0], Node):
            self._replaced[self._now(node.args[0])] = node

    def _enter_unit(self, node: Node, arguments: list) -> None:
        call = self._traced.units[node]
        if call not in self._units:
            self._units[call] = self._new()
        target = self._numbers[node] = self._units[call]
        for source in self._carrying(arguments):
            if source != target:
                self._unit_edges[Edge(source, target, EdgeOp.LINEAR)] = None

    def _enter(self, node: Node, name: str, arguments: list) -> None:
        target = self._numbers[node] = self._new()
        if node in self._traced.layers:
            self._join(self._carrying(arguments), target, EdgeOp.LINEAR)
            return
        operands = arguments[_OPERANDS.get(name, slice(0))]
        others = arguments if not operands else [a for a in arguments if a not in operands]
        product = any(self._now(use) in self._weights for use in _uses(operands))
        sources = self._carrying(operands)
        if name in _ATTENTION:
            sources = list(dict.fromkeys(sources))
        self._join(sources, target, EdgeOp.LINEAR if product else EdgeOp.SKIP)
        self._join(self._carrying(others), target, EdgeOp.SKIP)

    def _carrying(self, arguments: object) -> list[int]:
        """Numbers of the values among the arguments that carry paths, one for each use."""
        uses = map(self._now, _uses(arguments))
        return [self._numbers[use] for use in uses if use in self._numbers]

    def _join(self, sources: list[int], target: int, op: EdgeOp) -> None:
        self._edges += [Edge(source, target, op) for source in sources]

    def _new(self) -> int:
        self._count += 1
        return self._count - 1

    def _now(self, node: Node) -> Node:
        while node in self._replaced:
            node = self._replaced[node]
        return node


def _operation(node: Node) -> str:
    """The name of what a node calls: of a function, a method, an attribute that it reads."""
    if node.op != "call_function":
        return node.target if node.op == "call_method" else ""
    if node.target is getattr:
        return node.args[1]
    return getattr(node.target, "overloadpacket", node.target).__name__


def _arguments(node: Node, name: str) -> list:
    if name in _SIZES:
        return []
    if name in _LIKE:
        return list(node.args[:1])
    return [*node.args, *(value for key, value in node.kwargs.items() if key != "bias")]


def _uses(argument: object) -> Iterator[Node]:
    """The nodes in an argument, one that stands twice twice."""
    if isinstance(argument, Node):
        yield argument
    elif isinstance(argument, Mapping):
        yield from _uses(list(argument.values()))
    elif isinstance(argument, (list, tuple)):
        for part in argument:
            yield from _uses(part)
    elif isinstance(argument, slice):
        yield from _uses([argument.start, argument.stop, argument.step])
