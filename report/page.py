"""report.html: one file with every table and figure, and plots to play with.

The plots are drawn by Chart.js (MIT), which lies in web/ and is written into the page: nothing is
fetched when it is read.
"""

import argparse
import base64
import html
import io
import json
import re
import struct
from collections.abc import Collection, Mapping
from pathlib import Path

from report import guard
from report.guard import Left
from report.planes import planes
from report.provenance import Environments, provenance_lines
from report.results import FILE as RESULTS
from report.results import add_sources, all_sections, read_sources, write_results
from report.sections import Image, Section, Sources

WEB = Path(__file__).with_name("web")
SCRIPTS = ("chart.umd.min.js", "dag.js", "plane.js", "start.js")
FILE = "report.html"


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds `page` and `all` to `python -m report`."""
    page = commands.add_parser("page", help="report.html, one file that needs no network")
    both = commands.add_parser("all", help="results and page, each figure drawn once")
    for parser, run in ((page, _page), (both, _all)):
        add_sources(parser)
        parser.set_defaults(run=run)


def _page(options: argparse.Namespace) -> list[Path]:
    return [_write(read_sources(options.records), options.out)]


def _all(options: argparse.Namespace) -> list[Path]:
    sources = read_sources(options.records)
    drawn = write_results(sources, options.out)
    return [options.out / RESULTS, _write(sources, options.out, drawn)]


def _write(sources: Sources, out: Path, drawn: Collection[str] = ()) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    file = out / FILE
    file.write_text(render(sources, out, drawn))
    return file


def render(sources: Sources, base: Path, drawn: Collection[str] = ()) -> str:
    """The page as text, as a file of `base`; KEY.png of the keys `drawn` lies in its figures/."""
    left, environments = Left(), Environments()
    sections = all_sections(sources, left)
    data = {"planes": planes(sources, left), "cosines": largest_cosines(sources)}
    parts = {
        "style": (WEB / "page.css").read_text(),
        "contents": "".join(
            f'<li><a href="#{s.key}">{html.escape(s.title)}</a> {_badge(s)}</li>\n'
            for s in sections
        ),
        "sections": "\n".join(_section(s, base, drawn, environments, left) for s in sections),
        "environments": _list(environments.lines()),
        "not-shown": _list(guard.as_lines(left)) or "<p>Nothing.</p>",
        "data": _in_script(data),
        "scripts": "\n".join(f"<script>\n{(WEB / s).read_text()}</script>" for s in SCRIPTS),
    }
    page = (WEB / "page.html").read_text()
    return re.sub(r"<!--([a-z-]+)-->", lambda match: parts[match[1]], page)


def _in_script(data: Mapping) -> str:
    """JSON that no HTML parser takes for a tag or a comment."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def largest_cosines(sources: Sources) -> dict[str, float]:
    """Images -> largest cosine between two of them after the stem, all that Eq. 12 needs."""
    found = {run.dataset: run.result.get("largest_cosine") for run in sources.of_kind("theory")}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def _badge(section: Section) -> str:
    kind = "absent" if section.status else "measured"
    return f'<span class="status {kind}">{html.escape(section.word)}</span>'


def _section(
    section: Section, base: Path, drawn: Collection[str], environments: Environments, left: Left
) -> str:
    parts = [f'<section id="{section.key}"><h2>{html.escape(section.title)} {_badge(section)}</h2>']
    if section.published:
        parts.append(f"<p>Published: {html.escape(section.published)}.</p>")
    pictures = {key: base / f"figures/{key}.png" for key in drawn}
    parts += [_figure(image, pictures.get(image.key), left) for image in section.images]
    for table in section.tables:
        label = html.escape(table.caption, quote=True)
        parts.append(f'<div class="wide" tabindex="0" role="region" aria-label="{label}">')
        parts.append(f"{table.html()}</div>")
        parts.append(f"<p>{html.escape(table.note)}</p>" if table.note else "")
    commands = "; ".join(f"<code>{html.escape(command)}</code>" for command in section.commands)
    parts.append(f"<p>Run it: {commands}</p>")
    if runs := _list(provenance_lines(section, base, environments)):
        parts.append(f"<details><summary>Runs, environments, commands</summary>{runs}</details>")
    return "\n".join(part for part in (*parts, "</section>") if part)


def _list(lines: list[str]) -> str:
    """Lines of Markdown, whose HTML is escaped, as a list without their marks."""
    items = "".join(f"<li>{html.escape(_plain(line))}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _plain(line: str) -> str:
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", line.removeprefix("- ")).replace("`", "")
    return html.unescape(text)


def _png(image: Image) -> bytes:
    buffer = io.BytesIO()
    image.draw().savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def _figure(image: Image, file: Path | None, left: Left) -> str:
    """The picture within the page, as PNG; nothing if it cannot be drawn."""
    png = file.read_bytes() if file else guard.drawn(image, _png, left)
    if not png:
        return ""
    caption, data = html.escape(image.caption, quote=True), base64.b64encode(png).decode()
    width, height = struct.unpack(">II", png[16:24])
    return (
        f'<figure><img alt="{caption}" width="{width}" height="{height}" loading="lazy" '
        f'src="data:image/png;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
