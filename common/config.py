"""Settings: dataclass defaults <- YAML file <- command line."""

import contextlib
import dataclasses
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, set_loader

from common.errors import UserError, run_main

Config, Result = TypeVar("Config"), TypeVar("Result")


class ConfigError(UserError):
    """A setting that cannot be used; the message is one line for the user."""


class _Yaml12Loader(yaml.SafeLoader):
    """Scalars by YAML 1.2's core schema, where a bare 2_02_002 is text and 1e-5 a number."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own class attribute)
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        """Stops at brackets in brackets before they take minutes."""
        self.depth += 1
        if self.depth > 50:
            raise ConfigError(f"line {self.line + 1}: found more than 50 lists within each other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


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


def _integer(_loader: _Yaml12Loader, node: yaml.ScalarNode) -> int:
    line, digits = node.start_mark.line + 1, len(node.value)
    if digits > 1000:  # of which Python makes no int
        raise ConfigError(f"line {line}: found a number of {digits} digits")
    return int(node.value)


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
_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def load_yaml(text: str) -> Any:
    """Reads one YAML document by the rules of YAML 1.2; comments alone are no settings.

    Raises:
        yaml.YAMLError: the text is not YAML.
        ConfigError: a key stands twice, a number is too long, or lists lie too deep in lists.
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
        raise ConfigError(_told(key, found, expected))


def _told(key: str, found: object, expected: str) -> str:
    return f"{key}: found {found!r:.200}, expected {expected}"


def require_choice(key: str, found: str, words: Sequence[str]) -> None:
    """Raises a ConfigError naming `key` unless `found` is one of `words`."""
    require(found in words, key, found, f"one of {', '.join(words)}")


def require_seeds(key: str, seeds: Sequence[int]) -> None:
    """Raises a ConfigError naming `key` unless there are seeds, all different and in range."""
    unique = seeds and len(set(seeds)) == len(seeds)
    in_range = all(0 <= seed < 2**63 for seed in seeds)  # what torch's generators take
    require(bool(unique) and in_range, key, seeds, "different integers from 0 on, at least one")


def free(default: Any) -> Any:
    """A dataclass field that is no part of a run's identity: it may change between resumes."""
    how = {"default_factory": default} if callable(default) else {"default": default}
    return dataclasses.field(**how, metadata={"identity": False})


def later(default: Any) -> Any:
    """A field that came when there were runs: at its default, which they had, it is no identity."""
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
    named), a value of the wrong type, or one that the dataclass' __post_init__ refuses. The
    docstrings of the dataclass, and of those in it, are the help text. A field `run` with an empty
    `name` gets the config file's stem.
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
        for file in files:
            require(file is not None, "--config", "no file's name", "that of a YAML file")
            _check_settings(config_class, load_yaml(file.read_text()))
        if files and namespace.get("run") is not None and not namespace.get("run.name"):
            namespace["run.name"] = Path(str(files[-1])).stem
        _check_settings(config_class, namespace.as_dict())
        return config_class(**parser.instantiate(namespace).as_dict())
    except ConfigError as error:
        message = str(error)  # its further lines, if any, point at a character
    except UnicodeDecodeError as error:
        message = f"--config: found a file that is no text ({error}), expected YAML in UTF-8"
    except ArgumentError as error:
        message = _one_line(config_class, str(error))
    hint = "" if "\n" in message else f" (see {prog} --help)"
    print(f"{prog}: {message}{hint}", file=sys.stderr)
    raise SystemExit(2)


def run_entry(
    prog: str,
    config_class: type[Config],
    kind: str,
    work: Callable[..., Result],
    show: Callable[[Result], None],
    *further: type[Exception],
    about: str = "",
    workers: Callable[[], contextlib.AbstractContextManager] | None = None,
) -> None:
    """Runs an entry: settings, work, its result shown, and where its record lies.

    Args:
        prog: what the user calls.
        config_class: the settings.
        kind: of the record; empty where `work` says by itself what it keeps.
        work: of the settings, and of the workers where there are any.
        show: prints the result of `work`, in the first process.
        further: errors to tell like a UserError, of rooms that know no `common`.
        about: the entry in a line; that of `config_class` by default.
        workers: joins the processes that share the work (`common.workers.Workers`).
    """

    def main() -> None:
        with (workers or contextlib.nullcontext)() as group:
            config = parse_config(config_class, prog, about or config_class.__doc__.splitlines()[0])
            result = work(config, group) if group else work(config)
        if not group or group.first:
            show(result)
            if kind:
                print(f"\nRecords: {config.run.folder(kind)}/")

    run_main(prog, main, *further)


def _check_settings(config_class: type, values: object, prefix: str = "") -> None:
    """Refuses, by key, what a file can say and the parser lets pass.

    It drops an unknown section that is empty, and a line without a value is null, which stands
    for no number and no text. An integer beyond 64 bits counts what would never end.
    """
    expected = "settings below it, or no such line"
    require(isinstance(values, dict), prefix[:-1], values, expected)
    hints = get_type_hints(config_class)
    for name, value in values.items():
        key, hint = prefix + name, hints.get(name.split(".")[0])
        if hint is None:
            raise ConfigError(_unknown(config_class, key))
        if dataclasses.is_dataclass(hint) and name in hints:
            _check_settings(hint, value, f"{key}.")
            continue
        given = value is not None or type(None) in get_args(hint)
        require(given, key, value, "a value, or no such line")
        huge = isinstance(value, int) and abs(value) >= 2**63
        require(not huge, key, value, "an integer of 64 bits")
        require(not isinstance(value, str) or "\0" not in value, key, value, "no NUL in a text")


def _one_line(config_class: type, message: str) -> str:
    message = " ".join(message.split()).replace("a typing.Literal", "one of ")
    unknown = re.search(r"(?:option '|nrecognized arguments: --|key \")([\w.+-]+)", message, re.I)
    if unknown and ("accept" in message or "nrecognized" in message):
        return _unknown(config_class, unknown[1])
    wrong = re.match(r'Parser key "(.+?)": Expected one of \[(.+)\]\. Got value: (.*)', message)
    if wrong:  # in the words of `require_choice`
        key, words, found = wrong.groups()
        return _told(key, found, "one of " + words.replace("'", ""))
    return message


def _unknown(config_class: type, key: str) -> str:
    """Names the nearest setting."""
    keys = _keys(config_class)
    nearest = difflib.get_close_matches(key.split(".")[-1], [*keys], n=1)
    hint = f"; did you mean {keys[nearest[0]]!r}?" if nearest else ""
    return f"unknown setting {key!r}{hint}"


def _keys(config_class: type, prefix: str = "") -> dict[str, str]:
    """Last part of each key -> dotted key, nested dataclasses included."""
    keys = {}
    for name, hint in get_type_hints(config_class).items():
        keys[name] = prefix + name
        keys |= _keys(hint, f"{prefix}{name}.") if dataclasses.is_dataclass(hint) else {}
    return keys
