"""What to train: a cell or genotype from a file, a search's result, a string or a name."""

import contextlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from common.config import ConfigError, require
from common.files import read_metrics
from spaces import Cell, Genotype, SpaceError
from spaces.darts import FIELDS
from spaces.published import GENOTYPES
from spaces.texts import CELL, read_architecture


class Chosen(NamedTuple):
    """A cell to train, and how it was found, as Table 1 names it; empty if unknown."""

    cell: Cell | Genotype
    method: str = ""

    @property
    def space(self) -> str:
        """nas-bench-201 or darts."""
        return "darts" if isinstance(self.cell, Genotype) else "nas-bench-201"


def read_choice(text: str, search: int | None, space: str) -> Chosen:
    """What the setting `genotype` means, checked to be of `space`.

    Raises:
        ConfigError: nothing that can be trained, several things, or one of the other space.
    """
    try:
        choice = _from_text(text) or _from_file(text, search)
    except SpaceError as error:
        raise ConfigError(f"genotype: {error}") from error
    if choice.space != space:
        raise ConfigError(
            f"genotype: found one of {choice.space}, expected {space}: use a config of "
            f"configs/retrain/ whose space is {choice.space}"
        )
    return choice


def _from_text(text: str) -> Chosen | None:
    cell = read_architecture(text)
    return cell and Chosen(cell, text.strip() if text.strip() in GENOTYPES else "")


def _from_file(name: str, search: int | None) -> Chosen:
    file, there = Path(name).expanduser(), False
    with contextlib.suppress(OSError, ValueError):  # a text too long for a name, or with a NUL
        file = file / "result.json" if name and file.is_dir() else file
        there = bool(name) and file.is_file()
    forms = "a file, a string |nor_conv_3x3~0|+..., Genotype(...), or one of"
    expected = f"{forms} {', '.join(GENOTYPES)}"
    require(there, "genotype", name, expected)
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
        content = json.loads(text) if text.startswith("{") and not CELL.match(text) else None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"genotype: {file} is neither text nor whole JSON ({error})") from error
    if isinstance(content, dict) and not set(FIELDS) & set(content):
        return _from_result(file, content, search)
    try:
        choice = _from_text(text)
    except SpaceError as error:
        raise ConfigError(f"genotype: {file}: {error}") from error
    if choice is None:
        raise ConfigError(f"genotype: {file} holds no genotype: it begins with {text[:40]!r}")
    return Chosen(choice.cell, _method_beside(file))


def _from_result(file: Path, result: dict[str, Any], search: int | None) -> Chosen:
    """One of the searches in a result.json of tenas_dag or wot_dag."""
    kind, searches = result.get("kind"), result.get("searches")
    listed = isinstance(searches, list) and all(isinstance(entry, dict) for entry in searches)
    if kind == "tenas" and listed:
        what, found = "seeds", {entry.get("seed"): entry for entry in searches}
    elif kind == "wot" and isinstance(result.get("best"), dict) and search is None:
        what, found = "best", {None: result["best"]}
    elif kind == "wot" and (file.parent / "metrics.jsonl").exists():
        repeats = enumerate(read_metrics(file.parent), start=1)
        what, found = "repeats", {number: entry for number, entry in repeats if entry.get("arch")}
    else:
        keys = "" if kind else f" ({', '.join(list(result)[:6])})"
        raise ConfigError(
            f"genotype: {file}: found a record of kind {kind!r}{keys}, expected a genotype, or "
            f"a search's record: tenas with searches, or wot with best or a metrics.jsonl beside it"
        )
    return Chosen(_cell(_pick(file, found, search, what)), str(result.get("method", "")))


def _pick(file: Path, found: dict[int, dict], search: int | None, what: str) -> dict:
    """The entry that `search` names; without it the only one."""
    if search in found:
        return found[search]
    numbers = ", ".join(map(str, list(found)[:10])) + (", ..." if len(found) > 10 else "")
    if search is not None:
        raise ConfigError(f"search: found {search}, expected one of the {what} {numbers} in {file}")
    if not found or len({str(_cell(entry)) for entry in found.values()}) > 1:
        raise ConfigError(
            f"genotype: {file} holds {len(found)} searches ({what} {numbers}): "
            f"choose one with --search NUMBER"
        )
    return next(iter(found.values()))


def _cell(entry: dict[str, Any]) -> Cell | Genotype:
    """The cell of a search's entry: fields of a genotype, or an `arch` in text."""
    if isinstance(entry.get("genotype"), dict):
        return Genotype.from_dict(entry["genotype"])
    cell = read_architecture(str(entry.get("arch", "")))
    if cell is None:
        raise SpaceError(f"a search's entry has neither genotype nor arch: {sorted(entry)}")
    return cell


def _method_beside(file: Path) -> str:
    """The method of the result.json in the genotype file's folder, where there is one."""
    beside = file.parent / "result.json"
    try:
        result = json.loads(beside.read_text()) if file.parent.name else None
    except (OSError, ValueError, RecursionError):
        return ""
    search = isinstance(result, dict) and result.get("kind") in ("tenas", "wot")
    return str(result.get("method", "")) if search else ""
