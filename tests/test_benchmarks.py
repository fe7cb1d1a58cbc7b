"""python -m benchmarks: a row that lacks its data is left out in words, the others are there."""

import os
import sys
from dataclasses import replace

import pytest

from benchmarks import batched, growth, harness, kernels, mlp, tenas, wot
from benchmarks.__main__ import main
from report import speed
from report.sections import Sources
from report.tables import Number
from tests.server import python


def test_without_mnist_its_row_is_left_out_and_named(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(sys, "executable", str(python()))
    with pytest.raises(SystemExit, match=r"^python -m benchmarks: left out: mlp, for the reason"):
        main(["--only", "mlp", "--out", str(tmp_path / "out")])
    (why,) = capfd.readouterr().err.strip().splitlines()
    assert why.startswith("python -m benchmarks.mlp: ") and "mnist" in why
    assert (tmp_path / "out/table.md").read_text().startswith("| what | plain |")


def test_a_record_says_what_it_is(tmp_path, monkeypatch):
    """Images, options and hardware; the report shows its rows and curves."""
    whole = wot.layout_for
    small = {"channels": 2, "cells_per_stage": 1}
    monkeypatch.setattr(wot, "layout_for", lambda images: replace(whole(images), **small))
    words = ["wot", "--dataset", "digits", "--architectures", "1", "--ranked", "0"]
    monkeypatch.setattr(sys, "argv", [*words, "--out", str(tmp_path / "wot")])
    wot.main()
    monkeypatch.setitem(growth.CURVES, "shape", ("nodes", growth.shape, (3, 4)))
    growth.main(["--curve", "shape", "--device", "cpu", "--out", str(tmp_path / "growth")])
    sources = Sources.read([tmp_path])
    of = {run.kind: run for run in sources.records}
    assert of["benchmark"].dataset == "digits" and not of["growth"].dataset
    config = of["benchmark"].config
    assert (config["benchmark"], config["ranked"], config["cores"]) == ("wot", 0, os.cpu_count())
    assert "out" not in config and of["growth"].config["curve"] == ["shape"]
    *_, speeds, curves = speed.section(sources)
    assert [row[0] for row in speeds.rows] == ["wot", "wot"]
    assert all(isinstance(row[6], Number) for row in speeds.rows[:1])  # of float32 alone
    assert [row[1] for row in curves.rows] == ["3 nodes", "4 nodes"]


@pytest.mark.parametrize(
    ("module", "words", "told"),
    [
        (mlp, ["--width", "0"], "found '0', expected 1"),
        (mlp, ["--epochs", "-1"], "found '-1', expected 1"),
        (batched, ["--device", "tpu"], "invalid choice: 'tpu'"),
        (tenas, ["--repeats", "x"], "found 'x', expected 1"),
        (wot, ["--ranked", "15626"], "expected 0 to 15625"),
        (kernels, ["--device", "cpu"], "unrecognized arguments: --device"),
    ],
)
def test_words_that_make_no_sense_are_told(module, words, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["x", *words])
    with pytest.raises(SystemExit):
        module.main()
    assert told in capsys.readouterr().err


def test_every_benchmark_has_the_same_words():
    for module in (growth, kernels, mlp, batched, tenas, wot):
        assert module.make_parser is harness.make_parser
