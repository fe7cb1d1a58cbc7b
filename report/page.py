"""report.html: one file with every table and figure, and plots to play with.

The plots are drawn by Chart.js (MIT), which lies in web/ and is written into the page: nothing is
fetched when it is read.
"""

import base64
import html
import io
import json
import re
import struct
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from report import guard
from report.guard import Left
from report.planes import planes
from report.provenance import Environments
from report.results import all_sections
from report.sections import Image, Section, Sources

WEB = Path(__file__).with_name("web")
SCRIPTS = ("chart.umd.min.js", "dag.js", "plane.js", "start.js")
_escape = partial(html.escape, quote=True)


def write_page(sources: Sources, out: Path, drawn: Collection[str] = ()) -> Path:
    """Writes out/report.html; KEY.png of the keys `drawn` lies in out/figures/."""
    left, environments = Left(), Environments()
    sections = all_sections(sources, left)
    data = {"planes": planes(sources, left), "cosines": largest_cosines(sources)}
    pictures = {key: out / f"figures/{key}.png" for key in drawn}
    parts = {
        "style": (WEB / "page.css").read_text(),
        "contents": "\n".join(
            f'<li><a href="#{s.key}">{_escape(s.title)}</a> {_badge(s)}</li>' for s in sections
        ),
        "sections": "\n".join(
            _section(
                s,
                [_figure(image, pictures.get(image.key), left) for image in s.images],
                _list(environments.runs(s.records, out)),
            )
            for s in sections
        ),
        "environments": _list(environments.lines()),
        "not-shown": _list(left.lines()) or "<p>Nothing.</p>",
        # no HTML parser takes any of it for a tag or a comment
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "scripts": "\n".join(f"<script>\n{(WEB / s).read_text()}</script>" for s in SCRIPTS),
    }
    page = (WEB / "page.html").read_text()
    out.mkdir(parents=True, exist_ok=True)
    file = out / "report.html"
    file.write_text(re.sub(r"<!--([a-z-]+)-->", lambda match: parts[match[1]], page))
    return file


def largest_cosines(sources: Sources) -> dict[str, float]:
    """Images -> largest cosine between two of them after the stem, all that Eq. 12 needs."""
    found = {run.dataset: run.result.get("largest_cosine") for run in sources.of_kind("theory")}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def _badge(section: Section) -> str:
    kind = "absent" if section.status else "measured"
    return f'<span class="status {kind}">{_escape(section.word)}</span>'


def _section(section: Section, figures: Iterable[str], runs: str) -> str:
    commands = "; ".join(f"<code>{_escape(command)}</code>" for command in section.commands)
    parts = [
        f'<section id="{section.key}"><h2>{_escape(section.title)} {_badge(section)}</h2>',
        section.published and f"<p>Published: {_escape(section.published)}.</p>",
        *figures,
        *(table.html() for table in section.tables),
        f"<p>Run it: {commands}</p>",
        runs and f"<details><summary>Runs, environments, commands</summary>{runs}</details>",
        "</section>",
    ]
    return "\n".join(filter(None, parts))


def _list(lines: Iterable[str]) -> str:
    """Lines of Markdown, whose HTML is escaped, as a list without their marks."""
    plain = (re.sub(r"^- |`|\[([^]]*)\]\([^)]*\)", r"\1", line) for line in lines)
    items = "".join(f"<li>{_escape(html.unescape(line))}</li>" for line in plain)
    return items and f"<ul>{items}</ul>"


def _png(image: Image) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(image.draw()).print_png(buffer)  # as `save_figure` does
    return buffer.getvalue()


def _figure(image: Image, file: Path | None, left: Left) -> str:
    """The picture within the page, as PNG; nothing if it cannot be drawn."""
    png = file.read_bytes() if file else guard.drawn(image, _png, left)
    if not png:
        return ""
    caption, data = _escape(image.caption), base64.b64encode(png).decode()
    width, height = struct.unpack(">II", png[16:24])
    return (
        f'<figure><img alt="{caption}" width="{width}" height="{height}" loading="lazy" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
