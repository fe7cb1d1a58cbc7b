"""A table of the report in its formats."""

import csv

import pytest

from report.tables import Number, Table

TABLE = Table(
    "t",
    "A & B",
    ("name", "value", "more"),
    (("a_1 | x", Number(1.23456, 0.5), 7), ("100 %", Number(0.01, spec=".3g"), "not run yet")),
)


def test_csv_keeps_precision_and_takes_standard_deviations_apart():
    rows = list(csv.reader(TABLE.csv().splitlines()))
    assert rows[0] == ["name", "value", "value std", "more"]
    assert rows[1] == ["a_1 | x", "1.23456", "0.5", "7"]
    assert rows[2] == ["100 %", "0.01", "", "not run yet"]


def test_markdown_and_html_show_the_same():
    lines = TABLE.markdown().splitlines()
    assert lines[1:3] == ["| --- | ---: | ---: |", "| a_1 \\| x | 1.23 (0.50) | 7 |"]
    assert lines[3] == "| 100 % | 0.0100 | not run yet |"
    assert '<td class="n">1.23 (0.50)</td>' in TABLE.html() and "A &amp; B" in TABLE.html()


def test_latex_escapes_and_compiles_where_latex_is(tmp_path):
    text = TABLE.latex()
    assert r"a\_1 | x & 1.23 (0.50) & 7 \\" in text and r"\caption{A \& B}" in text
    assert r"100 \% & 0.0100 & not run yet \\" in text and r"\begin{tabular}{lrr}" in text
    body, before = text.split(r"\hline")[2], text.split(r"\hline")[1]
    counts = {
        line.replace(r"\&", "").count("&") for line in [*body.split("\n"), before] if "&" in line
    }
    assert counts == {2}


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="table t: found 1 cells"):
        Table("t", "", ("a", "b"), (("x",),))
