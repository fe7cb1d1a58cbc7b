"""report.html: one file with every table and figure, and plots to play with.

The plots are drawn by Chart.js (MIT), which lies in web/ and is written into the page: nothing is
fetched when it is read.
"""

from __future__ import annotations

import argparse
import base64
import html
import json
import os
import re
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dag import Dag, eq12_bound
from report.planes import planes
from report.records import of_kind
from report.results import add_sources, all_sections, provenance_lines, read_sources, save_image
from report.sections import Image, Section, Sources

WEB = Path(__file__).with_name("web")
SCRIPTS = ("chart.umd.min.js", "dag.js", "plane.js", "start.js")
FILE = "report.html"


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `page` to `python -m report`."""
    page = commands.add_parser("page", help="report.html, one file that needs no network")
    add_sources(page)
    page.set_defaults(run=_page)


def _page(options: argparse.Namespace) -> list[Path]:
    sources = read_sources(options.records)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / FILE
    file.write_text(render(sources, nasbench201_table()))
    return [file]


def nasbench201_table() -> Path | None:
    """The accuracy table in the user's data folder, if it is there; the page does without."""
    file = Path(os.environ.get("DATA_ROOT", "data")) / "nasbench201.csv.gz"
    return file if file.is_file() else None


def render(sources: Sources, table: Path | None = None) -> str:
    """The page as text."""
    sections = all_sections(sources)
    data = {"planes": planes(sources, table), "cosines": largest_cosines(sources)}
    parts = {
        "style": (WEB / "page.css").read_text(),
        "contents": "".join(_entry(s) for s in sections),
        "sections": "\n".join(_section(s, sources.roots[0]) for s in sections),
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/"),
        "scripts": "\n".join(f"<script>\n{(WEB / s).read_text()}</script>" for s in SCRIPTS),
    }
    page = (WEB / "page.html").read_text()
    return re.sub(r"<!--(\w+)-->", lambda match: parts[match[1]], page)


def largest_cosines(sources: Sources) -> dict[str, float]:
    """Images -> largest cosine between two of them after the stem.

    Read back from the record of Eq. 12, which depends on the images by this number alone.
    """
    runs = {run.dataset: run for run in reversed(of_kind(sources.records, "theory"))}
    return {name: _cosine(run.result["dags"]) for name, run in runs.items()}


def _cosine(dags: Mapping[str, Mapping]) -> float:
    """Bisection: the bound falls with the cosine."""
    row = next(iter(dags.values()))
    dag, low, high = Dag.parse(row["code"]), 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if eq12_bound(dag, np.array([[1, middle], [middle, 1]])) > row["eq12_bound"]:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _entry(section: Section) -> str:
    status = _badge(section)
    return f'<li><a href="#{section.key}">{html.escape(section.title)}</a> {status}</li>\n'


def _badge(section: Section) -> str:
    kind = "absent" if section.status else "measured"
    return f'<span class="status {kind}">{html.escape(section.word)}</span>'


def _section(section: Section, base: Path) -> str:
    parts = [f'<section id="{section.key}"><h2>{html.escape(section.title)} {_badge(section)}</h2>']
    if section.published:
        parts.append(f"<p>Published: {html.escape(section.published)}.</p>")
    parts += [_figure(image) for image in section.images]
    for table in section.tables:
        label = html.escape(table.caption, quote=True)
        parts.append(f'<div class="wide" tabindex="0" role="region" aria-label="{label}">')
        parts.append(f"{table.html()}</div>")
        parts.append(f"<p>{html.escape(table.note)}</p>" if table.note else "")
    commands = "; ".join(f"<code>{html.escape(command)}</code>" for command in section.commands)
    parts += [f"<p>Run it: {commands}</p>", _provenance(section, base), "</section>"]
    return "\n".join(part for part in parts if part)


def _provenance(section: Section, base: Path) -> str:
    lines = provenance_lines(section, base)
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(_plain(line))}</li>" for line in lines)
    return f"<details><summary>Hardware, versions, commands</summary><ul>{items}</ul></details>"


def _plain(line: str) -> str:
    """A line of Markdown without its marks."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line.removeprefix("- ")).replace("`", "")


def _png(image: Image) -> bytes:
    """The picture that a run left, or one drawn now; nothing if neither can be."""
    if image.file and image.file.is_file():
        return image.file.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        files = save_image(image, Path(folder)) if image.draw else []
        return b"".join(file.read_bytes() for file in files if file.suffix == ".png")


def _figure(image: Image) -> str:
    """The picture within the page, as PNG."""
    png = _png(image)
    if not png:
        return ""
    caption, data = html.escape(image.caption, quote=True), base64.b64encode(png).decode()
    width, height = struct.unpack(">II", png[16:24])
    return (
        f'<figure><img alt="{caption}" width="{width}" height="{height}" loading="lazy" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
