"""Models by name: torchvision's classifiers, and what a function of one's own returns."""

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode

from spaces.errors import SpaceError, check_name
from spaces.torch_graph import trace


class _NoData(TorchFunctionMode):
    """Tensors of torch.empty, which layers make their weights of, take no memory and no time.

    What a constructor computes from numbers stays real, unlike under torch.device("meta").
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def build(make: Callable[[], Any]) -> Any:
    """Calls `make` without drawing weights, or, where it needs their values, with them."""
    try:
        with _NoData():
            return make()
    except (NotImplementedError, RuntimeError):  # what PyTorch raises for a tensor without data
        return make()


def classifiers() -> list[str]:
    """Names of torchvision's image classifiers."""
    return torchvision.models.list_models(module=torchvision.models)


def check_classifier(name: str) -> None:
    """Raises a SpaceError that names the nearest classifier for a foreign name."""
    check_name(name, classifiers(), f"torchvision:{name}")


def classifier(name: str) -> nn.Module:
    """One of torchvision's classifiers, without weights."""
    # Without the option these two draw their weights from a slow distribution, and warn of it.
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return build(lambda: torchvision.models.get_model(name, weights=None, **options))


def family(name: str) -> str:
    """The file of torchvision that defines the classifier, such as "resnet"."""
    return torchvision.models.get_model_builder(name).__module__.rpartition(".")[2]


def top1(name: str) -> float | None:
    """ImageNet top-1 accuracy (%) of the classifier's first weights, which torchvision ships."""
    weights = list(torchvision.models.get_model_weights(name))
    return weights[0].meta["_metrics"]["ImageNet-1K"]["acc@1"] if weights else None


def own_function(text: str) -> Callable[[], Any]:
    """The function of "package.module:function", looked for from the current folder too.

    Raises:
        SpaceError: no such module or function, one that fails, or one that needs arguments.
    """
    if not re.fullmatch(r"\w+(\.\w+)*:\w+", text):
        raise SpaceError(f"found {text[:60]!r}, expected package.module:function")
    module_name, _, name = text.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module = _of_ones_own(text, lambda: importlib.import_module(module_name))
    if not callable(getattr(module, name, None)):
        callables = [key for key, value in vars(module).items() if callable(value)]
        check_name(name, callables or ["a function"], text)
    function = getattr(module, name)
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError) as error:
        raise SpaceError(f"{text}: {error}; expected a function without arguments") from error
    return function


def of_classifier(name: str) -> dict[str, Any]:
    """What is measured and known of one of torchvision's classifiers, as `Row.of` takes it."""
    return _measured(classifier(name)) | {"family": family(name), "top1": top1(name)}


def own_model(text: str, function: Callable[[], Any], with_weights: bool) -> nn.Module:
    """What the function returns; torch.export needs it with weights.

    Raises:
        SpaceError: that is no model.
    """
    made = _of_ones_own(text, function if with_weights else lambda: build(function))
    if not isinstance(made, nn.Module):
        raise SpaceError(f"{text}: returned {type(made).__name__}, expected a torch.nn.Module")
    return made


def of_own(text: str, function: Callable[[], Any], shape: Sequence[int] | None) -> dict[str, Any]:
    """What is measured of a function's model, as `Row.of` takes it; torch.export gets `shape`."""
    model = own_model(text, function, with_weights=shape is not None)
    return _measured(model, None if shape is None else (torch.zeros(shape),))


def _measured(model: nn.Module, example: tuple | None = None) -> dict[str, Any]:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"counts": trace(model, example), "parameters": parameters}


def _of_ones_own(text: str, call: Callable[[], Any]) -> Any:
    """What code of one's own gives; whatever it raises is told with its line.

    It may raise anything, and `sys.exit()` in it is no success of ours.
    """
    try:
        return call()
    except (Exception, SystemExit) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise SpaceError(f"{text}: {told} ({where}); expected package.module:function") from error
