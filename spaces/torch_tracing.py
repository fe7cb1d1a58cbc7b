"""Any nn.Module -> the graph of its values: torch.fx, or torch.export where fx cannot trace."""

import inspect
import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.fx import Graph, Node, Tracer
from torch.fx import proxy as fx_proxy
from torchvision.models.maxvit import RelativePositionalMultiHeadAttention
from torchvision.models.swin_transformer import ShiftedWindowAttention, ShiftedWindowAttentionV2
from torchvision.ops import DeformConv2d

from spaces.errors import SpaceError

Types = tuple[type[nn.Module], ...]

# A call of these is one linear operation on each edge that enters it.
LAYERS: Types = (
    nn.Linear, nn.Bilinear, nn.Embedding, nn.EmbeddingBag, DeformConv2d,
    nn.Conv1d, nn.Conv2d, nn.Conv3d,
    nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
# These are one linear operation with one edge per distinct input value, whatever is inside.
UNITS: Types = (
    nn.MultiheadAttention, ShiftedWindowAttention, ShiftedWindowAttentionV2,
    RelativePositionalMultiHeadAttention,
    nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell,
)  # fmt: skip

# What a model's code raises on stand-ins of tensors.
FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, AssertionError, LookupError,
            fx_proxy.TraceError)  # fmt: skip
_CALLS = str(Path(torch.__file__).parent / "nn/modules/module.py")


class TraceError(SpaceError):
    """A model whose graph cannot be had; the message names the module and line at fault."""


@dataclass(frozen=True)
class Traced:
    """A graph of values.

    Args:
        graph: of torch.fx; its nodes are the values.
        inputs: the nodes that paths start from.
        weights: the nodes that are parameters.
        layers: the nodes that call a module of LAYERS.
        units: the nodes that belong to one operation as a whole, and the name of its call.
    """

    graph: Graph
    inputs: frozenset[Node]
    weights: frozenset[Node]
    layers: frozenset[Node]
    units: Mapping[Node, str]


def trace_graph(model: nn.Module, example: tuple | None, units: Types) -> Traced:
    """The graph of a model in evaluation mode; the model is left as it was.

    Args:
        model: any module.
        example: positional arguments of a call. torch.export needs them; torch.fx does not.
        units: further types of modules whose call is one linear operation.

    Raises:
        TraceError: neither torch.fx nor torch.export can trace the model.
    """
    with evaluating(model):
        try:
            return _trace_fx(model, 0 if example is None else len(example), units)
        except FAILURES as error:
            reason = f"torch.fx: {_fault(error, model)}"
        if example is None:
            raise TraceError(
                f"cannot trace {_name(model)}: {reason}; with an example input torch.export is "
                f"tried too"
            )
        try:
            return _trace_export(model, example, units)
        except FAILURES as error:
            reason = f"{reason}; torch.export: {_fault(error, model)}"
    raise TraceError(f"cannot trace {_name(model)}: {reason}")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within it the model is in evaluation mode; then it is as it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


class _Tracer(Tracer):
    """Goes into every module but PyTorch's own small ones and the units.

    A subclass with a forward of its own is gone into: it may do more than its base (LoRA).
    """

    def __init__(self, units: Types) -> None:
        super().__init__()
        self._units = units

    def is_layer(self, module: nn.Module) -> bool:
        return type(module).forward in [known.forward for known in LAYERS]

    def is_unit(self, module: nn.Module) -> bool:
        known = type(module).forward in [known.forward for known in UNITS]
        return known or isinstance(module, self._units)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = type(m).__module__.startswith("torch.nn.") and not list(m.children())
        return own or self.is_layer(m) or self.is_unit(m)


def _trace_fx(model: nn.Module, given: int, units: Types) -> Traced:
    tracer = _Tracer(units)
    parameters = list(inspect.signature(model.forward).parameters.values())
    optional = {p.name: p.default for p in parameters[given:] if p.default is not p.empty}
    modules, graph = dict(model.named_modules()), Graph()
    weights = dict(model.named_parameters(remove_duplicate=False))
    if tracer.is_unit(model):  # the tracer would go into its root, come what may
        names = [p.name for p in parameters if p.name not in optional]
        graph.output(graph.call_module("", tuple(map(graph.placeholder, names))))
    else:
        graph = tracer.trace(model, optional)
    called = {node: modules[node.target] for node in graph.nodes if node.op == "call_module"}
    units_of = {node: node.name for node, module in called.items() if tracer.is_unit(module)}
    names = {p.name for p in parameters if p.name not in optional} | {"*args"}
    return Traced(
        graph,
        frozenset(n for n in graph.nodes if n.op == "placeholder" and n.target in names),
        frozenset(n for n in graph.nodes if n.op == "get_attr" and n.target in weights),
        frozenset(node for node, module in called.items() if tracer.is_layer(module)),
        units_of,
    )


def _trace_export(model: nn.Module, example: tuple, units: Types) -> Traced:
    with _quiet():
        exported = torch.export.export(model, example).run_decompositions({})
    signature = exported.graph_signature
    tracer, modules = _Tracer(units), dict(model.named_modules())
    units_of = {}
    for node in exported.graph.nodes:
        for call, (path, _) in node.meta.get("nn_module_stack", {}).items():
            module = modules.get(path)
            if module is not None and tracer.is_unit(module):
                units_of.setdefault(node, call)  # the outermost
    named = {node.name: node for node in exported.graph.nodes}
    return Traced(
        exported.graph,
        frozenset(named[name] for name in signature.user_inputs if name in named),
        frozenset(named[name] for name in signature.inputs_to_parameters),
        frozenset(),
        units_of,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """torch.export logs, warns and prints of what its error says anyway."""
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _fault(error: BaseException, model: nn.Module) -> str:
    """The first line of an error, and the innermost module of the model that it came from."""
    names = {id(module): name or "the model" for name, module in model.named_modules()}
    where = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        if id(owner) in names and code.co_filename != _CALLS:
            where = f" in {names[id(owner)]} ({_name(owner)}), {code.co_filename}:{line}"
    said = str(error).strip().splitlines() or [type(error).__name__]
    return f"{said[0]}{where}"


def _name(model: nn.Module) -> str:
    return type(model).__name__
