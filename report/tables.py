"""A table once, written as CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


@dataclass(frozen=True)
class Number:
    """A number as a table shows it: `value` or `value (std)`, in the format `spec`.

    ".3g" keeps its zeros: 0.0100 has three digits. Other "g" show a published number as it is.
    """

    value: float
    std: float | None = None
    spec: str = ".2f"

    def __str__(self) -> str:
        shown = self._format(self.value)
        return shown if self.std is None else f"{shown} ({self._format(self.std)})"

    def _format(self, value: float) -> str:
        if self.spec == ".3g":
            return format(value, "#.3g").removesuffix(".")
        return format(value, self.spec)


Cell = Number | str | int
Columns = Mapping[str, str | Callable[[Any], Cell]]  # name -> where a cell stands, or its maker
ABSENT = ""


def measured(row: Mapping | None, spec: str = ".2f") -> Cell:
    """A record's {mean, std}; an empty cell for none. One value has no deviation."""
    if not row or row.get("mean") is None:
        return ABSENT
    return Number(row["mean"], None if row.get("n") == 1 else row.get("std"), spec)


def number(value: float | None, spec: str = ".2f") -> Cell:
    """A number; an empty cell for none."""
    return ABSENT if value is None else Number(value, spec=spec)


def general(value: float | None) -> Cell:
    """Three digits; an empty cell for none."""
    return number(value, ".3g")


def percent(share: float | None) -> str:
    """A share in percent; empty for none."""
    return ABSENT if share is None else f"{100 * share:.1f} %"


def interval(bounds: Sequence[float], spec: str = ".2f") -> str:
    """An interval such as [0.57, 0.81]."""
    return f"[{bounds[0]:{spec}}, {bounds[1]:{spec}}]"


def mean_std(pair: Sequence[float] | None, spec: str = ".2f") -> Cell:
    """A published [mean] or [mean, std]; an empty cell for none."""
    return ABSENT if pair is None else Number(*pair, spec=spec)


def cell(entry: Any, where: str) -> Cell:
    """What stands at "path" or "path:form" of an entry, such as "result.test.top1_error?:.2f".

    A path is of keys, attributes and places in a list; what "?" ends may be absent. A form is a
    number's format, "%", or "+-" ({mean, std}) or "[]" (an interval) with a format, .2f if none.
    """
    path, _, form = where.partition(":")
    for step in path.split("."):
        if step.endswith("?"):
            entry = (entry or {}).get(step[:-1])
        elif isinstance(entry, Mapping):
            entry = entry[step]
        else:
            entry = entry[int(step)] if step.isdigit() else getattr(entry, step)
    if form == "%":
        return percent(entry)
    if form[:2] == "+-":
        return measured(entry, form[2:] or ".2f")
    if form[:2] == "[]":
        return interval(entry, form[2:] or ".2f")
    return number(entry, form) if form else ABSENT if entry is None else entry


@dataclass(frozen=True)
class Table:
    """Rows of cells below named columns.

    Raises:
        ValueError: a row does not fit the columns.
    """

    key: str  # file name without suffix
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # what a reader must know, one paragraph

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                found = f"found {len(row)} cells, expected {self.columns}"
                raise ValueError(f"table {self.key}: {found}")

    @classmethod
    def of(
        cls, key: str, caption: str, entries: Iterable, columns: Columns, note: str = ""
    ) -> Table:
        """A row for each entry; where cells stand: see `cell`."""
        rows = (
            tuple(w(entry) if callable(w) else cell(entry, w) for w in columns.values())
            for entry in entries
        )
        return cls(key, caption, tuple(columns), tuple(rows), note)

    def right_aligned(self) -> list[bool]:
        """Whether each column holds numbers: words of absence count as neither."""
        columns = zip(*self.rows) if self.rows else ((),) * len(self.columns)
        return [any(not isinstance(cell, str) for cell in column) for column in columns]

    def markdown(self) -> str:
        """The table in Markdown."""
        rule = ("---:" if right else "---" for right in self.right_aligned())
        lines = [self.columns, tuple(rule), *self.rows]
        return "".join(f"| {' | '.join(in_markdown(c) for c in line)} |\n" for line in lines)

    def csv(self) -> str:
        """The table as CSV: full precision, a standard deviation in a column of its own."""
        wide = [
            any(isinstance(row[i], Number) and row[i].std is not None for row in self.rows)
            for i in range(len(self.columns))
        ]
        head = [(c, f"{c} std")[: 1 + w] for c, w in zip(self.columns, wide)]
        body = [[_in_csv(c)[: 1 + w] for c, w in zip(row, wide)] for row in self.rows]
        buffer = io.StringIO()
        lines = ([v for pair in line for v in pair] for line in (head, *body))
        csv.writer(buffer, lineterminator="\n").writerows(lines)
        return buffer.getvalue()

    def latex(self) -> str:
        """The table as a LaTeX table environment that needs no package."""
        align = "".join("r" if right else "l" for right in self.right_aligned())
        lines = (map(_in_latex, line) for line in (self.columns, *self.rows))
        head, *rows = (" & ".join(line) + " \\\\\n" for line in lines)
        return (
            f"\\begin{{table}}\n\\caption{{{_in_latex(self.caption)}}}\n"
            f"\\begin{{tabular}}{{{align}}}\n\\hline\n{head}\\hline\n{''.join(rows)}\\hline\n"
            "\\end{tabular}\n\\end{table}\n"
        )

    def html(self) -> str:
        """The table with caption and note as HTML; wide ones scroll."""
        kinds = [' class="n"' if right else "" for right in self.right_aligned()]

        def line(cells: Sequence[Cell], tag: str, more: str = "") -> str:
            pairs = zip(map(html.escape, map(str, cells)), kinds)
            return f"<tr>{''.join(f'<{tag}{more}{k}>{c}</{tag}>' for c, k in pairs)}</tr>"

        head = line(self.columns, "th", ' scope="col"')
        body = "".join(line(row, "td") + "\n" for row in self.rows)
        caption = html.escape(self.caption)
        return (
            f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">\n'
            f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>\n{body}</tbody></table>"
            "</div>" + (self.note and f"\n<p>{html.escape(self.note)}</p>")
        )

    def shown(self) -> str:
        """Caption, Markdown and note: what a terminal and RESULTS.md show."""
        note = f"\n{in_markdown(self.note)}\n" if self.note else ""
        return f"{in_markdown(self.caption)}.\n\n{self.markdown()}{note}"

    def write(self, folder: Path) -> list[Path]:
        """Writes key.csv, key.md and key.tex into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{self.key}.{suffix}" for suffix in ("csv", "md", "tex")]
        for file, text in zip(files, (self.csv(), self.markdown(), self.latex())):
            file.write_text(text)
        return files


def in_markdown(text: object) -> str:
    """A text that Markdown shows as it is, on one line: no HTML, no new column."""
    return html.escape(" ".join(str(text).split()), quote=False).replace("|", "\\|")


def _in_latex(cell: Cell) -> str:
    return "".join(_LATEX.get(char, char) for char in " ".join(str(cell).split()))


def _in_csv(cell: Cell) -> tuple:
    """Value and standard deviation, or the cell and nothing."""
    if not isinstance(cell, Number):
        return cell, ""
    return cell.value, "" if cell.std is None else cell.std
