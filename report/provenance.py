"""Where numbers come from: record, commit and command of each run, and environments by letter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from report.records import Record
from report.sections import Section
from report.tables import in_markdown


@dataclass
class Environments:
    """Distinct hardware and versions, in the order in which they are met."""

    known: list[str] = field(default_factory=list)

    def letter(self, start: Mapping) -> str:
        """A, B, ... Z, AA, ... of the environment of a start."""
        words = _environment(start)
        if words not in self.known:
            self.known.append(words)
        return _letter(self.known.index(words))

    def lines(self) -> list[str]:
        """A line of Markdown for each."""
        letters = [_letter(number) for number in range(len(self.known))]
        return [f"- {name}: {in_markdown(words)}" for name, words in zip(letters, self.known)]


def _letter(number: int) -> str:
    name, number = "", number + 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def provenance_lines(section: Section, base: Path, environments: Environments) -> list[str]:
    """A line of Markdown for each run."""
    lines = []
    for record in section.records:
        link = record.link(base)
        name = in_markdown(record.name)
        shown = f"[{name}]({link})" if link else f"`{name}`"
        lines.append(f"- {shown}: {in_markdown(_run(record, environments))}")
    return lines


def _run(record: Record, environments: Environments) -> str:
    """Each start's date, environment, commit; and the last command."""
    if not record.starts:
        return "no environment was recorded"
    starts = (
        f"{start.get('date', 'no date')}, {environments.letter(start)}, "
        f"commit {start.get('commit', '?')}"
        for start in record.starts
    )
    return f"{'; '.join(dict.fromkeys(starts))}; `{record.starts[-1].get('command', '?')}`"


def _environment(start: Mapping) -> str:
    versions = start.get("versions")
    pairs = versions.items() if isinstance(versions, Mapping) else ()
    device = start.get("device", "")
    cpu = f"{start.get('cpu', '')}, {start.get('cores', '?')} cores"
    hardware = cpu if device in ("cpu", "auto", "") else f"{device}; {cpu}"
    return "; ".join([hardware, ", ".join([f"Python {start.get('python', '?')}",
                                           *(f"{k} {v}" for k, v in pairs)])])  # fmt: skip
