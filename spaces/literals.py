"""Literals as programs and logs print them: lists, dictionaries, NumPy's integers and arrays."""

import ast
from collections.abc import Callable
from typing import Any


def parse_expression(text: str) -> ast.expr:
    """A text as Python's syntax tree.

    Raises:
        SyntaxError: it is no expression; `lineno`, `offset` and `msg` say where and why.
    """
    try:
        return ast.parse(text, mode="eval").body
    except ValueError as error:  # NUL bytes
        raise SyntaxError(str(error)) from None
    except (RecursionError, MemoryError):
        raise SyntaxError("nested too deeply") from None


def literal(node: ast.expr) -> Any:
    """The value of a literal; `range(2, 6)`, `np.int64(1)` and `array([2, 3])` count as such.

    Raises:
        SyntaxError: something else, which would have to be evaluated.
    """
    if isinstance(node, (ast.List, ast.Tuple)):
        return [literal(element) for element in node.elts]
    try:
        if isinstance(node, ast.Dict):
            keys = [ast.literal_eval(key) for key in node.keys]
            if len(set(keys)) < len(keys):
                raise ValueError("a key twice")
            return {key: literal(value) for key, value in zip(keys, node.values)}
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            return _CALLS[name](*map(literal, node.args))
        return ast.literal_eval(node)
    except (KeyError, ValueError, TypeError):
        found = ast.unparse(node)[:40]
        where = (None, node.lineno, node.col_offset + 1, None)
        raise SyntaxError(f"found {found}, expected literals, each key once", where) from None


_CALLS: dict[str, Callable] = {
    "range": lambda *bounds: list(range(*bounds)[:100]),  # a mistyped bound must not fill memory
    **dict.fromkeys(("list", "tuple", "array"), list),
    **dict.fromkeys(("int", "int32", "int64"), int),
    "str_": str,
}
