"""Finds the records of finished runs, in results/ and in runs/; each says itself what it is."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_HEADER = {"kind": str, "method": str, "filter": object, "fraction": object, "dataset": dict | None,
           "network": dict | None, "n": int | float | None}  # fmt: skip
UNREADABLE = (OSError, ValueError, RecursionError, yaml.YAMLError)


@dataclass(frozen=True)
class Record:
    """A finished run."""

    name: str  # its folder below the root, such as "wot/table2_cifar10_box"
    folder: Path
    result: Mapping[str, Any]  # result.json, which begins with what it is
    starts: Sequence[Mapping[str, Any]] = ()  # of environment.json: what each start used
    config: Mapping[str, Any] = field(default_factory=dict)  # config.yaml

    @property
    def kind(self) -> str:
        """What made it, such as "wot"."""
        return self.result["kind"]

    @property
    def key(self) -> str:
        """A file name: its folder's, with that of the root."""
        root = self.folder.parents[len(Path(self.name).parts) - 1]
        return re.sub(r"[^A-Za-z0-9.]+", "_", f"{root.name}_{self.name}").strip("_")

    @property
    def dataset(self) -> str:
        """Name of the images; empty where none were read."""
        return (self.result["dataset"] or {}).get("name", "")

    @property
    def network(self) -> str:
        """What was built in its space, in words: "channels 16, cells 5"."""
        parts = {k: v for k, v in self._network.items() if k not in ("space", "seeds")}
        return ", ".join(f"{key} {value}" for key, value in parts.items() if value is not None)

    @property
    def space(self) -> str:
        """The search space; empty where there is none."""
        return self._network.get("space", "")

    @property
    def score_seeds(self) -> int | str:
        """Over how many seeds each score stands; empty where nothing is scored."""
        return self._network.get("seeds", "")

    @property
    def _network(self) -> Mapping[str, Any]:
        return self.result["network"] or {}

    def alike(self, *but: str) -> str:
        """What made it, but for some settings: equal where runs differ by those alone.

        That is kind, images, table of accuracies, network and settings. Those that name images are
        left out: a path has many spellings, and the header has the digest.
        """
        settings = {key: value for key, value in self.config.items() if key not in but}
        read = self.result["dataset"], self.result.get("table")
        made = [self.kind, *read, self._network, _without_datasets(settings)]
        return json.dumps(made, sort_keys=True, default=str)

    def link(self, base: Path) -> str:
        """Path of result.json as seen from the folder `base`, if it lies below, else nothing."""
        file = self.folder / "result.json"
        return file.relative_to(base).as_posix() if file.is_relative_to(base) else ""


def find_records(roots: Sequence[Path]) -> tuple[list[Record], list[tuple[Path, Exception]]]:
    """Records below the roots, those of the last root first; what is left out, and why.

    A run counts once: one made anew is left out; so is, without a word, one with the same result.
    """
    found: dict[str, Record] = {}
    left: list[tuple[Path, Exception]] = []
    for root in reversed(roots):
        for file in sorted(root.rglob("result.json")):
            try:
                record = read_record(root, file.parent)
            except UNREADABLE as error:
                left.append((file.parent, error))
            else:
                made = record.alike() if record.config else json.dumps(record.result)
                shown = found.setdefault(made, record)
                if shown.result != record.result:
                    why = f"the same run as {shown.folder}, which is shown"
                    left.append((file.parent, ValueError(why)))
    return list(found.values()), left


def _without_datasets(settings: Any) -> Any:
    if not isinstance(settings, Mapping):
        return settings
    return {k: _without_datasets(v) for k, v in settings.items() if k != "dataset"}


def read_record(root: Path, folder: Path) -> Record:
    """The record in `folder`.

    Raises:
        OSError, ValueError, yaml.YAMLError: a file of it cannot be read, or has no header.
    """
    result = _read_object(folder / "result.json")
    _check_header(result)
    environment, config = folder / "environment.json", folder / "config.yaml"
    starts = _read_object(environment).get("starts", ()) if environment.exists() else ()
    if not isinstance(starts, Sequence) or not all(isinstance(s, Mapping) for s in starts):
        raise ValueError("environment.json: expected {starts: [...]}, one object for each start")
    settings = yaml.safe_load(config.read_text()) if config.exists() else {}
    if not isinstance(settings, Mapping):
        raise ValueError(f"config.yaml: found {type(settings).__name__}, expected keys and values")
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    return Record(name, folder, result, starts, settings)


def _read_object(file: Path) -> dict:
    """A JSON object; NaN and infinity, which JSON does not know, are refused."""

    def refuse(word: str) -> None:
        raise ValueError(f"found {word}, expected finite numbers")

    try:
        found = json.loads(file.read_text(), parse_constant=refuse)
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file.name}: found {type(found).__name__}, expected an object")
    return found


def _check_header(result: Mapping[str, Any]) -> None:
    if missing := [key for key in _HEADER if key not in result]:
        raise ValueError(f"result.json: no {', '.join(missing)}: this is no record of a run")
    data = result["dataset"]
    fits = all(isinstance(result[key], kinds) for key, kinds in _HEADER.items())
    words = [data.get(key) for key in ("name", "digest")] if fits and data is not None else []
    if not fits or not all(isinstance(word, str) for word in words):
        head = {key: result[key] for key in _HEADER}
        raise ValueError(f"result.json: found {str(head)[:300]}, expected a run's header")


def by_n(records: Iterable[Record]) -> list[Record]:
    """Those with the most repeats first."""
    return sorted(records, key=lambda record: -(record.result["n"] or 0))
