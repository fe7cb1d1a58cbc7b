"""Scores in RESULTS.md: their own section, the kernel's rows of Tables 2 and 3, queries."""

import pytest

from report.__main__ import main
from tests.records import keep, record, results_of, row_of, rows_of, section

SPACE = {"space": "nas-bench-201", "channels": 16, "cells": 1}
NAMES = ("cifar10", "cifar100", "ImageNet16-120")


def correlated(tau, more):
    low, high = more - 0.01, more + 0.01
    of = {
        "n": 90,
        "kendall": tau,
        "kendall_interval": [tau - 0.02, tau + 0.02],
        "spearman": 0.777,
        "kendall_minus_parameters": more,
        "kendall_minus_parameters_interval": [low, high],
    }
    return {"all": of | {"kendall": tau + 0.1}, "deep": of}


def row(score, names, tau, more, n=100, chosen=False, seeds=3, devices=("cpu",)):
    accuracy = {name: {"mean": 90.0, "std": 1.0, "n": 500} for name in NAMES}
    found = {"accuracy": accuracy, "evaluated": 20_000, "repeats": 500,
             "seconds_per_repeat": {"total": 0.25}}  # fmt: skip
    asked = {name: {"mean": 93.5, "std": 0.1, "n": 3} for name in NAMES}
    return {
        "score": score,
        "names": names,
        "n": n,
        "chosen": chosen,
        "seeds": seeds,
        "devices": [*devices],
        "datasets": {name: correlated(tau, m) for name, m in zip(NAMES, more)},
        "over_seeds": {name: correlated(tau + 0.04, m) for name, m in zip(NAMES, more)},
        "seconds": 0.0123,
        "seed_share": 0.25,
        "searches": {"none": found, "box": found | {"evaluated": 8_000}},
        "queries": {"number": 20, "looked_at": "test accuracy after 12 epochs",
                    "accuracy": asked, "accuracy_by_first": asked, "held": asked},
    }  # fmt: skip


def test_scores_stand_beside_what_they_must_beat(tmp_path):
    rows = [
        row("parameters", ["parameters"], 0.5, (0, 0, 0), seeds=1),
        row("WOT", ["wot"], 0.55, (0.05, 0.04, 0.005)),
        row("meco", ["meco"], 0.3, (-0.2, -0.2, -0.2), devices=("H100", "cpu")),
        row("a + b", ["a", "b"], 0.6, (0.1, 0.1, 0.1), chosen=True),
    ]
    space = SPACE | {"seeds": 3}
    keep(tmp_path / "r", "scores/x", record("scores", "digits", 100, space, rows=rows, repeats=500))
    taus = {key: {"tau": -0.4, "p": 0.0, "n": 96, "undefined": 4} for key in ("kappa", "regions")}
    found = {"cifar100": taus | {"accuracy": [1]}}
    for images in ("cifar10", "digits"):
        tenas = record("tenas_correlation", images, 100, correlations=found, architectures=100,
                       records=[])  # fmt: skip
        keep(tmp_path / "r", f"tenas_correlation/{images}", tenas)
    text = section(results_of(tmp_path / "r", out=tmp_path), "Training-free scores")
    assert row_of(text, "parameters")[8:11] == ["", "", ""]
    wot = row_of(text, "WOT")
    assert wot[1:6] == ["100", "0.650", "0.650", "0.650", "0.550 [0.530, 0.570]"]
    assert wot[8:11] == ["0.590 / 0.590 / 0.590", "+0.050 / +0.040 / +0.005", "no"]
    assert wot[-3:] == ["25.0 %", "0.0123", "0.571 / 0.607 / 0.605"]
    assert row_of(text, "meco")[10] == "no, worse"
    assert row_of(text, "a + b (chosen)")[10] == "yes"
    for images in ("cifar10", "digits"):
        assert row_of(text, f"TE-NAS' kappa, images of {images}")[1:5] == ["96", "", "-0.400", ""]
    assert "By 3 seeds:" in text and "whatever ran there; on H100 and cpu meco." in text
    assert "0.905" in text and row_of(text, "VKDNW aggregate, published")[-1].startswith("0.750")
    searches = rows_of(text, "WOT", "100")
    assert [r[2:] for r in searches if r[2] in ("none", "box")] == [
        [filter_, *["90.00 (1.00)"] * 3, kept, "0.250", "500"]
        for filter_, kept in (("none", "40.0"), ("box", "16.0"))
    ]
    assert "test accuracy after 12 epochs: the choice has seen test data" in text


@pytest.mark.parametrize(("fraction", "in_table2"), [(0.1, True), (0.05, False)])
def test_the_kernel_has_rows_of_its_own(tmp_path, fraction, in_table2):
    accuracy = {"cifar100": {"mean": 70.04, "std": 1.24, "n": 500}}
    run = record("wot", "digits", 500, SPACE, "WOT + DAG + kernel", "kernel", fraction,
                 seconds_per_repeat={"total": 0.1}, evaluations_saved=0.92,
                 accuracy=accuracy)  # fmt: skip
    keep(tmp_path / "r", "wot/kernel", run)
    text = results_of(tmp_path / "r", out=tmp_path)
    found = rows_of(section(text, "Table 2"), "WOT + DAG + kernel")
    assert len(found) == in_table2
    cells = row_of(section(text, "Table 3"), str(fraction), "WOT + DAG + kernel")
    assert cells[6:] == ["70.04 (1.24)", "", "92.0 %", "500"]
    assert row_of(section(text, "Table 3"), "0.25")[1] == "not run yet"


def test_a_number_by_queries_says_so(tmp_path):
    accuracy = {"cifar100": {"mean": 73.0, "std": 0.1, "n": 500}}
    by_first = {"cifar100": {"mean": 72.0, "std": 0.1, "n": 500}}
    run = record("wot", "digits", 500, SPACE, "NNGP, 20 queries", "none", None, accuracy=accuracy,
                 accuracy_by_first=by_first, seconds_per_repeat={"total": 0.1}, evaluations_saved=0,
                 queries={"looked_at": "a look", "first": "cifar10", "mean": 20})  # fmt: skip
    keep(tmp_path / "r", "wot/queries", run)
    text = section(results_of(tmp_path / "r", out=tmp_path), "Table 2")
    assert row_of(text, "NNGP, 20 queries")[7] == "73.00 (0.10)"
    assert row_of(text, "NNGP, 20 queries of cifar10 alone")[7] == "72.00 (0.10)"
    assert "by a look: it has seen test data" in text


def test_the_quickstart_ends_with_the_kernel_that_needs_no_network(tmp_path, capsys):
    accuracy = {"cifar10": {"mean": 92.95, "std": 0.75, "n": 500}}
    run = record("wot", "digits", 500, {"space": "nas-bench-201", "built": "no network"}, "NNGP",
                 "none", None, accuracy=accuracy, seconds_per_repeat={"total": 0.0312},
                 evaluations_saved=0)  # fmt: skip
    keep(tmp_path / "r", "wot/nngp", run)
    main(["summary", str(tmp_path / "r")])
    line = "Table 2  kernel alone 92.95 % on CIFAR-10, no network, 0.031 seconds"
    assert line in capsys.readouterr().out
    text = section(results_of(tmp_path / "r", out=tmp_path), "Table 2")
    assert row_of(text, "NNGP")[2] == "built no network"
