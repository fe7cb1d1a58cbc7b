"""A pickle reader for benchmark archives: an allow-list of classes, and bounded memory.

The official files hold every epoch of every run, about 40 GB once unpickled, of which a table
needs the last epoch. This reader is the standard library's Python implementation with three
changes: foreign classes are refused, series over epochs keep their last entry, and texts that
repeat are stored once.
"""

import codecs
import collections
import numbers
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from spaces.errors import SpaceError


class Pickled:
    """Stands for an object of the benchmark packages: its attributes are what was pickled."""


def _no_weights(*_: Any) -> None:
    """Stands for a stored tensor: weights are never read."""


_NUMPY = "numpy._core.multiarray"
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("_codecs", "encode"): codecs.encode,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    (_NUMPY, "scalar"): np.float64(0).__reduce__()[0],
    (_NUMPY, "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("torch._utils", "_rebuild_tensor_v2"): _no_weights,
    ("torch", "FloatStorage"): _no_weights,
    ("torch", "LongStorage"): _no_weights,
}
_MODULES = {
    "__builtin__": "builtins",
    "numpy.core.multiarray": _NUMPY,
}
_PACKAGES = ("nas_201_api", "nats_bench")
_RECORDS = ("ArchResults", "ResultsCount")


def find_allowed(module: str, name: str) -> Any:
    """What a pickle may name.

    Raises:
        SpaceError: a foreign class, named in the message.
    """
    module = _MODULES.get(module, module)
    if module.split(".")[0] in _PACKAGES and name in _RECORDS:
        return Pickled
    try:
        return _ALLOWED[module, name]
    except KeyError:
        raise SpaceError(
            f"refused: the file holds {module}.{name}, which no NAS-Bench-201 or NATS-Bench "
            f"archive needs; it may be harmful"
        ) from None


def _is_series(key: Any, value: Any) -> bool:
    """Whether an entry belongs to a series over epochs: {3: 0.5} or {"x-valid@3": 0.5}."""
    return isinstance(value, numbers.Number) and (
        isinstance(key, int) or (isinstance(key, str) and "@" in key)
    )


def _name_and_epoch(key: int | str) -> tuple[str, int]:
    if isinstance(key, int):
        return "", key
    name, _, epoch = key.rpartition("@")
    return name, int(epoch) if epoch.isdigit() else -1


def keep_last_epochs(entries: dict[Any, Any]) -> None:
    """Deletes, in place, all but the last epoch of each series."""
    last: dict[str, int] = {}
    for key in entries:
        name, epoch = _name_and_epoch(key)
        last[name] = max(epoch, last.get(name, -1))
    for key in [k for k in entries if (p := _name_and_epoch(k))[1] != last[p[0]]]:
        del entries[key]


class StreamingUnpickler(pickle._Unpickler):
    """Reads one object; `tick` is called now and then, for a display of progress."""

    def __init__(self, file: BinaryIO, tick: Callable[[], None] = lambda: None) -> None:
        super().__init__(file)
        self.memo = []
        self._tick, self._dicts = tick, 0

    def find_class(self, module: str, name: str) -> Any:
        """Only what is on the list."""
        return find_allowed(module, name)

    def persistent_load(self, _: Any) -> None:
        """Storages of tensors are not read."""

    def _set_items(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        if items and _is_series(items[0], items[1]):
            entries = dict(zip(items[::2], items[1::2]))
            entries.update(target)
            keep_last_epochs(entries)
            target.clear()
            target.update(entries)
        else:
            target.update(zip(items[::2], items[1::2]))
        self._dicts += 1
        if self._dicts % 512 == 0:
            self._tick()

    def _text(self, length: int) -> None:
        self.append(sys.intern(str(self.read(length), "utf-8", "surrogatepass")))

    def _binunicode(self) -> None:
        self._text(struct.unpack("<I", self.read(4))[0])

    def _short_binunicode(self) -> None:
        self._text(self.read(1)[0])

    def _memoize(self) -> None:
        self.memo.append(self.stack[-1])

    def _put(self, number: int) -> None:
        if number == len(self.memo):
            self.memo.append(self.stack[-1])
        else:
            self.memo[number] = self.stack[-1]

    def _binput(self) -> None:
        self._put(self.read(1)[0])

    def _long_binput(self) -> None:
        self._put(struct.unpack("<I", self.read(4))[0])

    dispatch = {  # noqa: RUF012 - as in the base class
        **pickle._Unpickler.dispatch,
        pickle.SETITEMS[0]: _set_items,
        pickle.BINUNICODE[0]: _binunicode,
        pickle.SHORT_BINUNICODE[0]: _short_binunicode,
        pickle.MEMOIZE[0]: _memoize,
        pickle.BINPUT[0]: _binput,
        pickle.LONG_BINPUT[0]: _long_binput,
    }
