"""Progress: a bar on a terminal, few lines in a file."""

import io
import sys

from common.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(monkeypatch, stream: io.StringIO, **settings) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(5000, 1000, "cell", "scores", **settings) as bar:
        for _ in range(4000):
            bar.update()
        bar.refresh()  # as it is drawn a last time
    return stream.getvalue()


def test_a_file_gets_a_line_at_the_start_and_at_the_end(monkeypatch):
    text = run(monkeypatch, io.StringIO(), every=1e9)
    assert "\r" not in text
    first, last = text.splitlines()
    assert first.startswith("scores: 1000/5000 cell (20 %)")
    assert last.startswith("scores: 5000/5000 cell (100 %)")


def test_a_file_gets_more_lines_where_time_passes(monkeypatch):
    assert len(run(monkeypatch, io.StringIO(), every=0).splitlines()) == 4001


def test_a_terminal_gets_one_bar_of_79_columns(monkeypatch):
    text = run(monkeypatch, Terminal())
    assert text.count("\n") == 1 and max(map(len, text.split("\r"))) <= 80
    assert "5000/5000" in text


def test_what_is_not_shown_prints_nothing(monkeypatch):
    assert run(monkeypatch, io.StringIO(), shown=False) == ""
