"""Where numbers come from: record, commit and command of each run, and environments by letter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from report.records import Record
from report.tables import in_markdown


class Environments:
    """Distinct hardware and versions, in the order in which they are met, by letter."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def lines(self) -> list[str]:
        """A line of Markdown for each."""
        return [f"- {name}: {in_markdown(words)}" for words, name in self._letters.items()]

    def runs(self, records: Sequence[Record], base: Path) -> list[str]:
        """A line of Markdown for each run; links are those of a file in the folder `base`."""
        lines = []
        for record in records:
            link, name = record.link(base), in_markdown(record.name)
            shown = f"[{name}]({link})" if link else f"`{name}`"
            lines.append(f"- {shown}: {in_markdown(self._run(record))}")
        return lines

    def _run(self, record: Record) -> str:
        """Each start's date, environment, commit; and the last command."""
        if not record.starts:
            return "no environment was recorded"
        starts = []
        for start in record.starts:
            letter = self._letters.setdefault(_environment(start), _letter(len(self._letters)))
            commit = f"commit {start.get('commit', '?')}"
            starts.append(f"{start.get('date', 'no date')}, {letter}, {commit}")
        return f"{'; '.join(dict.fromkeys(starts))}; `{record.starts[-1].get('command', '?')}`"


def _letter(number: int) -> str:
    """A, B, ... Z, AA, ..."""
    before = _letter(number // 26 - 1) if number >= 26 else ""
    return before + ascii_uppercase[number % 26]


def _environment(start: Mapping) -> str:
    versions, device = start.get("versions"), start.get("device", "")
    pairs = versions.items() if isinstance(versions, Mapping) else ()
    cpu = f"{start.get('cpu', '')}, {start.get('cores', '?')} cores"
    hardware = cpu if device in ("cpu", "auto", "") else f"{device}; {cpu}"
    named = [f"Python {start.get('python', '?')}", *(f"{k} {v}" for k, v in pairs)]
    return f"{hardware}; {', '.join(named)}"
