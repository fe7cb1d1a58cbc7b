"""Settings: dataclass defaults <- YAML file <- command line."""

import dataclasses
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_loader

from common.errors import UserError

Config = TypeVar("Config")


class ConfigError(UserError):
    """A setting that cannot be used; the message is one line for the user."""


class _Yaml12Loader(yaml.SafeLoader):
    """Scalars by YAML 1.2's core schema, where a bare 2_02_002 is text and 1e-5 a number."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own class attribute)


for _tag, _pattern, _first in [
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN"),
]:
    # PyYAML tries resolvers in order, so int comes before float.
    _Yaml12Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [*_first, *([""] * (_tag == "null"))]
    )


_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))


def _mapping(loader: _Yaml12Loader, node: yaml.MappingNode) -> dict[str, Any]:
    """A mapping whose keys are text as written, 08 and 1e5 too, each only once."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"line {key.start_mark.line + 1}: found a list as key, expected text")
        if key.value in found:
            line = key.start_mark.line + 1
            raise ConfigError(f"line {line}: found key {key.value!r} a second time, expected once")
        found[key.value] = loader.construct_object(value, deep=True)
    return found


_Yaml12Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load_yaml(text: str) -> Any:
    """Reads one YAML document by the rules of YAML 1.2; comments alone are no settings.

    Raises:
        yaml.YAMLError: the text is not YAML.
        ConfigError: a key stands twice in a mapping.
    """
    loader = _Yaml12Loader(text)
    try:
        node = loader.get_single_node()
        return {} if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


set_loader("yaml12", load_yaml, exceptions=(yaml.YAMLError,))


def require(ok: bool, key: str, found: object, expected: str) -> None:
    """Raises a ConfigError naming `key` unless `ok`."""
    if not ok:
        raise ConfigError(f"{key}: found {found!r}, expected {expected}")


def require_choice(key: str, found: str, words: Sequence[str]) -> None:
    """Raises a ConfigError naming `key` unless `found` is one of `words`."""
    require(found in words, key, found, f"one of {', '.join(words)}")


def require_seeds(key: str, seeds: Sequence[int]) -> None:
    """Raises a ConfigError naming `key` unless there are seeds, all different and in range."""
    unique = seeds and len(set(seeds)) == len(seeds)
    in_range = all(0 <= seed < 2**63 for seed in seeds)  # what torch's generators take
    require(bool(unique) and in_range, key, seeds, "different integers from 0 on, at least one")


def free(default: Any) -> Any:
    """A dataclass field that is no part of a run's identity: it may change between resumes.

    Args:
        default: its value, or a dataclass or function that makes one.
    """
    how = {"default_factory": default} if callable(default) else {"default": default}
    return dataclasses.field(**how, metadata={"identity": False})


def later(default: Any) -> Any:
    """A field that came when there were runs already: at its default it is no part of identities.

    Args:
        default: its value, which means what runs did before; a list is copied.
    """
    how = {"default_factory": lambda: list(default)} if default == [] else {"default": default}
    return dataclasses.field(**how, metadata={"unless": default})


def identity(config: object) -> dict[str, Any]:
    """The settings that decide a result, by name; dataclasses within become dicts."""
    return {
        field.name: identity(value) if dataclasses.is_dataclass(value) else value
        for field in dataclasses.fields(config)
        if field.metadata.get("identity", True)
        for value in [getattr(config, field.name)]
        if "unless" not in field.metadata or value != field.metadata["unless"]
    }


def parse_config(
    config_class: type[Config], prog: str, description: str, args: Sequence[str] | None = None
) -> Config:
    """Builds a config from `--config file.yaml` and `--key value`, or stops with one line.

    The process exits with status 2 before any work on an unknown key (the nearest valid one is
    named), a value of the wrong type, or one that the dataclass' __post_init__ refuses.

    Args:
        config_class: dataclass, nested ones allowed; its docstring is the help text. A field
            `run` with an empty `name` gets the config file's stem.
        prog: how the command is typed, such as "python -m mlp_code".
        description: first lines of `--help`.
        args: words of the command line, sys.argv[1:] by default.
    """
    parser = ArgumentParser(
        prog=prog, description=description, parser_mode="yaml12", exit_on_error=False
    )
    parser.add_argument("--config", action="config", help="YAML file with settings")
    parser.add_class_arguments(config_class)
    words = sys.argv[1:] if args is None else list(args)
    try:
        namespace = parser.parse_args(words)
        files = namespace.pop("config") or []
        namespace = _with_run_name(namespace, str(files[-1]) if files else "")
        for field in dataclasses.fields(config_class):  # a section whose lines are all comments
            empty = dataclasses.is_dataclass(field.default_factory) and not namespace[field.name]
            require(not empty, field.name, None, "settings below it, or no such line")
        return config_class(**parser.instantiate(namespace).as_dict())
    except ConfigError as error:
        message = str(error)  # its further lines, if any, point at a character
    except ArgumentError as error:
        message = _one_line(config_class, str(error))
    hint = "" if "\n" in message else f" (see {prog} --help)"
    print(f"{prog}: {message}{hint}", file=sys.stderr)
    raise SystemExit(2)


def _with_run_name(namespace: Namespace, file: str) -> Namespace:
    if file and namespace.get("run") is not None and not namespace.get("run.name"):
        namespace["run.name"] = Path(file).stem
    return namespace


def _one_line(config_class: type, message: str) -> str:
    message = " ".join(message.split())
    unknown = re.search(
        r"(?:[Oo]ption '|[Uu]nrecognized arguments: --|[Kk]ey \")([\w.+-]+)", message
    )
    if unknown and "accept" in message + "accept" * ("nrecognized" in message):
        key = unknown.group(1).split("=")[0]
        nearest = difflib.get_close_matches(key.split(".")[-1], [*_keys(config_class)], n=1)
        hint = f"; did you mean {_keys(config_class)[nearest[0]]!r}?" if nearest else ""
        message = f"unknown setting {key!r}{hint}"
    return message


def _keys(config_class: type, prefix: str = "") -> dict[str, str]:
    """Last part of each key -> dotted key, nested dataclasses included."""
    keys = {}
    for field in dataclasses.fields(config_class):
        keys[field.name] = prefix + field.name
        factory = field.default_factory
        if dataclasses.is_dataclass(factory):
            keys |= _keys(factory, f"{prefix}{field.name}.")
    return keys
