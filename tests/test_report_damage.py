"""Records that are damaged, foreign or hostile: none of them ends the report, or writes into it."""

import json
import re

from report.__main__ import main
from report.guard import Left
from report.results import all_sections, results_markdown
from report.sections import Sources
from tests.records import (
    correlation,
    keep,
    landscape,
    record,
    results_of,
    search,
    section,
    training,
    wot,
)

GOOD = {
    "tenas/search": lambda: search("exempt"),
    "wot/w": lambda: wot(0.5),
    "tenas/c": correlation,
    "retrain/t": training,
    "landscape/l": landscape,
}
TEXTS = ('{"a": ', "", "[]", "null", "7", "\x00\x01\xff", "{}", '{"kind": NaN}', "[" * 10**5,
         '{"kind": ["wot"]}')  # fmt: skip


def damages():
    """What can befall a folder: (record's name, file, text) and (name, None, changed result)."""
    for name in GOOD:
        for text in TEXTS:
            yield name, "result.json", text
    for file in ("environment.json", "config.yaml"):
        for text in ("{", "- a", "[]", "\x00"):
            yield "wot/w", file, text
    for name, make in GOOD.items():
        for key in make():
            for value in (None, "x", [], {}, -1):
                yield name, None, make() | {key: value}
            yield name, None, {k: v for k, v in make().items() if k != key}
        for kind in ("mlp", "theory", "topologies", "nasbench201_topologies", "wot_correlation"):
            yield name, None, make() | {"kind": kind}  # foreign fields, files that are not there


def damage(folder, file, changed):
    if file is None:
        (folder / "result.json").write_text(json.dumps(changed))
    else:
        (folder / file).write_bytes(changed.encode("latin-1"))


def test_no_damaged_folder_ends_the_report(tmp_path):
    """Sections and figures of the other records come out; the damaged one is shown or listed."""
    root = tmp_path / "r"
    for name, make in GOOD.items():
        keep(root, name, make())
    (root / "odd/result.json").mkdir(parents=True)
    intact = {name: (root / name / "result.json").read_bytes() for name in GOOD}
    count = 0
    for name, file, changed in damages():
        damage(root / name, file, changed)
        left = Left()
        sources = Sources.read([root])
        sections = all_sections(sources, left)
        text = results_markdown(sections, tmp_path, set(), left)
        shown = {run.name for made in sections for run in made.records}
        assert set(GOOD) - {name} <= shown, (name, file, changed)
        assert name in shown or str(root / name) in left.reasons, (name, file, changed)
        assert f"{root / 'odd'}: " in text
        (root / name / "result.json").write_bytes(intact[name])
        for other in ("environment.json", "config.yaml"):
            (root / name / other).unlink(missing_ok=True)
        count += 1
    assert count > 250


def test_a_figure_that_cannot_be_drawn_is_listed(tmp_path):
    keep(tmp_path / "r", "landscape/l", landscape(circles_at=[[1, 2, 3]]))
    keep(tmp_path / "r", "tenas/c", correlation())
    main(["all", "--records", str(tmp_path / "r"), "--out", str(tmp_path / "out")])
    text = (tmp_path / "out/RESULTS.md").read_text()
    assert "figure fig5: " in section(text, "Not shown")
    assert (tmp_path / "out/figures/r_tenas_c_cifar100.png").stat().st_size > 5000
    assert "figure fig5: " in (tmp_path / "out/report.html").read_text()


def test_names_cannot_write_html_or_rows(tmp_path):
    evil = "</script><img src=x onerror=alert(1)>|\nb"
    data = {"name": evil, "digest": evil}
    keep(tmp_path / "r", "wot/w", wot() | {"dataset": data, "method": evil})
    theory = record("theory", "<!--<script>", largest_cosine=0.5, dags={}, kernel_samples=4)
    keep(tmp_path / "r", "theory/t", theory)
    text = results_of(tmp_path / "r", out=tmp_path)
    assert "<img" not in text
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\| b" in text
    main(["page", "--records", str(tmp_path / "r"), "--out", str(tmp_path)])
    page = (tmp_path / "report.html").read_text()
    assert "<img src=x" not in page and "<!--<script>" not in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["cosines"] == {"<!--<script>": 0.5}
