"""RESULTS.md, tables in three formats and figures, from committed records and from small ones."""

import csv
import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from common.runs import read_json
from report.__main__ import main
from report.beyond import beyond_sections
from report.records import find_records
from report.results import all_sections, anchor, read_sources, results_markdown
from report.sections import PUBLISHED
from report.tables import Number, Table
from tests.records import keep, results_of, row_of, section

ROOT = Path(__file__).resolve().parent.parent
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


def search_result(filter_, rank_by="both", space="nas-bench-201", dataset="cifar10"):
    search = {
        "seed": 0,
        "arch": CELL,
        "shapes": [[1.75, 1.71], [1.5, 2.0]],
        "in_box": [True, False],
        "evaluations": 36 if filter_ == "exempt" else 54,
        "exempt": 18 if filter_ == "exempt" else 0,
        "ntk_seconds": 100.0,
        "regions_seconds": 11.0,
        "rounds": [{"left": [[["skip_connect"], ["nor_conv_1x1"]]]}],
    }
    row = {"mean": 93.4567, "std": 0.1234, "n": 4, "values": [93.4567] * 4}
    return {
        "space": space,
        "filter": filter_,
        "rank_by": rank_by,
        "dataset": dataset,
        "seconds_per_search": {"mean": 111.0, "std": 0.0, "n": 4},
        "searches": [search] * 4,
        "accuracy": {"cifar10": row, "cifar100": row | {"mean": 71.2345}},
    }


def correlate_result():
    row = {key: {"tau": tau, "p": 0.012, "n": 100} for key, tau in TAUS.items()}
    records = [{"arch": CELL, "kappa": 10.0 + i, "regions": 50.0 + i} for i in range(5)]
    accuracy = {"accuracy": [70.0 + i for i in range(5)]}
    return {
        "architectures": 100,
        "without_kappa": 0,
        "correlations": {"cifar100": row | accuracy},
        "records": records,
    }


TAUS = {"kappa": -0.3141, "kappa_only_finite": -0.2718, "regions": 0.1618}


def retrain_result():
    return {
        "dataset": "digits",
        "epochs": 6,
        "tested_weights": "best",
        "parameters": 12345,
        "test": {"loss": 0.1, "top1_error": 7.654, "top5_error": 0.321},
        "seconds": 7200.0,
        "seed": 3,
    }


def test_committed_results_are_those_of_the_committed_records(monkeypatch):
    """RESULTS.md is generated: `python -m report results --out results --markdown-only`."""
    monkeypatch.chdir(ROOT)
    folder = Path("results")
    text = results_markdown(all_sections(read_sources([folder])), folder)
    assert (folder / "RESULTS.md").read_text() == text


def test_links_of_committed_results_lead_somewhere():
    text = (ROOT / "results/RESULTS.md").read_text()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    titles = {anchor(line[3:]) for line in text.splitlines() if line.startswith("## ")}
    for target in targets:
        there = target[1:] in titles if target[0] == "#" else (ROOT / "results" / target).is_file()
        assert there, target
    assert len(targets) >= len(titles) + 14


def test_without_records_every_section_says_so(tmp_path):
    empty = tmp_path / "records"
    empty.mkdir()
    sections = all_sections(read_sources([empty]))
    words = {s.key: s.word for s in sections if s.key != "fig3"}
    assert set(words.values()) == {"not run yet", "needs ImageNet"}
    needed = {"fig4_mnist", "fig4_cifar10", "fig5", "table1", "table2", "table3"}
    needed |= {"tenas_correlations", "tenas_preference", "tenas_darts"}
    assert needed <= set(words)
    text = results_of(empty, out=tmp_path)
    assert "needs the NDS files" in section(text, "Fig. 5")
    assert row_of(section(text, "Table 2"), "TE-NAS + DAG")[1] == "not run yet"
    assert row_of(section(text, "Table 3"), "0.25")[1:3] == ["not run yet", "69.97 (1.19)"]


def test_te_nas_searches_stand_beside_the_published_rows(tmp_path):
    keep(tmp_path / "r", "tenas/a_exempt", search_result("exempt"))
    keep(tmp_path / "r", "tenas/b_none", search_result("none"))
    table = section(results_of(tmp_path / "r", out=tmp_path), "Table 2")
    row = row_of(table, "TE-NAS + DAG", "cifar10")
    assert row[2:6] == ["93.60 (0.37)", "93.46 (0.12)", "71.26 (0.77)", "71.23 (0.12)"]
    assert row[8:] == ["1077", "111", "33.3 %", "4"]
    assert row_of(table, "TE-NAS", "cifar10")[8:] == ["1558", "111", "", "4"]
    provenance = "2031-05-06; NVIDIA H200; Some CPU, 12 cores; Python 3.12.1, torch 2.99.0; commit"
    assert provenance in table and "`python -m somewhere --seed 7`" in table


def test_searches_by_one_indicator_are_no_row_of_table_2(tmp_path):
    for rank_by in ("kappa", "regions", "both"):
        keep(tmp_path / "r", f"tenas/{rank_by}", search_result("none", rank_by))
    text = results_of(tmp_path / "r", out=tmp_path)
    assert section(text, "Table 2").count("| TE-NAS | cifar10 |") == 1
    row = row_of(section(text, "TE-NAS: which operators"), "by kappa alone")
    assert row[1:] == ["50.0", "50.0", "4"]


def test_rankings_are_compared_between_runs_made_alike(tmp_path):
    """A search for Table 2 by both indicators, with other seeds, is not the third of two others."""
    for rank_by in ("kappa", "regions", "both"):
        keep(tmp_path / "r", f"tenas/p/{rank_by}", search_result("none", rank_by))
    other = search_result("none")
    other["searches"] = other["searches"][:3]
    keep(tmp_path / "own", "tenas/table2_none", other)
    text = results_of(tmp_path / "r", tmp_path / "own", out=tmp_path)
    for label in ("by kappa alone", "by both"):
        assert row_of(section(text, "TE-NAS: which operators"), label)[-1] == "4"


def test_correlations_stand_beside_the_published_tau(tmp_path):
    keep(tmp_path / "r", "tenas/correlate", correlate_result())
    text = section(results_of(tmp_path / "r", out=tmp_path), "TE-NAS: do kappa")
    assert row_of(text, "kappa", "cifar100")[2:] == ["-0.42", "-0.31", "0.012", "100"]
    assert row_of(text, "R", "cifar100")[2:4] == ["", "0.16"]
    assert "not run yet" not in text


def test_searches_of_darts_cells_and_trainings_have_tables(tmp_path):
    keep(tmp_path / "r", "tenas/darts", search_result("exempt", space="darts"))
    keep(tmp_path / "r", "retrain/digits", retrain_result())
    text = results_of(tmp_path / "r", out=tmp_path)
    row = row_of(section(text, "TE-NAS: cells"), "cifar10", "exempt")
    assert row[6:8] == ["1.75", "1.71"] and row[-1] == "no"
    row = row_of(section(text, "Chosen cells"), "retrain/digits")
    assert row[1:] == ["digits", "6", "7.65", "0.32", "12345", "2.00", "3", "1"]


def test_a_copy_of_a_record_counts_once(tmp_path):
    for root in ("a", "b"):
        keep(tmp_path / root, "tenas/x", search_result("none"))
    keep(tmp_path / "b", "tenas/y", search_result("exempt"))
    records = find_records([tmp_path / "a", tmp_path / "b", tmp_path / "absent"])
    assert [record.name for record in records] == ["tenas/y", "tenas/x"]


def test_a_damaged_record_is_named(tmp_path):
    folder = keep(tmp_path / "r", "x", {})
    (folder / "result.json").write_text('{"a": ')
    with pytest.raises(SystemExit, match=r"x/result.json: Expecting value"):
        results_of(tmp_path / "r", out=tmp_path)
    with pytest.raises(SystemExit, match=r"found no folder .*absent"):
        results_of(tmp_path / "absent", out=tmp_path)


def test_tables_and_figures_are_files(tmp_path):
    keep(tmp_path / "r", "tenas/correlate", correlate_result())
    main(["results", "--records", str(tmp_path / "r"), "--out", str(tmp_path / "out")])
    for suffix in ("csv", "md", "tex"):
        names = {file.stem for file in (tmp_path / "out/tables").glob(f"*.{suffix}")}
        assert {"fig3", "table1", "table2", "table3", "tenas_correlations"} <= names
    for key in ("fig3_dags", "r_tenas_correlate_correlation_cifar100"):
        for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
            assert (tmp_path / f"out/figures/{key}.{kind}").read_bytes().startswith(start)


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


def test_published_numbers_are_the_papers(shared):
    """published.yaml against the list of published numbers beside the checkout."""
    ours, theirs = (
        yaml.safe_load(PUBLISHED.read_text()),
        yaml.safe_load((shared / "paper.yaml").read_text()),
    )
    paper, tenas = theirs["convergence_paper"], theirs["tenas_paper"]
    assert ours["fig3"] == paper["figure3_dags"]
    for row in paper["table2_nasbench201"]:
        own = ours["table2"][row["method"]]
        for name, std in (
            ("cifar10", "std10"),
            ("cifar100", "std100"),
            ("ImageNet16-120", "std16"),
        ):
            assert own[name] == [row[key] for key in (name, std) if key in row]
        assert own.get("seconds") == row.get("gpu_sec")
    assert len(ours["table2"]) == len(paper["table2_nasbench201"])
    for row in paper["table3_filter_ablation"]:
        assert ours["table3"][row["fraction"]]["cifar100"] == [row["cifar100"], row["std"]]
    for row in paper["table1_darts_imagenet"]:
        own = ours["table1"][row["method"]]
        assert own["top1"] == [row[key] for key in ("top1", "std1") if key in row]
        assert own["top5"] == [row["top5"]]
        assert (own["params_m"], own["gpu_days"]) == (row["params_m"], row["gpu_days"])
    assert ours["tenas"]["kendall_tau"]["cifar100"]["kappa"] == tenas["ntk_kendall_tau_cifar100"]
    own, row = ours["tenas"]["darts"]["CIFAR-10"], tenas["darts_cifar10"]
    assert own["top1"] == [row["test_error"], row["std"]] and own["params_m"] == row["params_m"]
    for where in ("CIFAR-10", "ImageNet"):
        own = ours["tenas"]["darts"][f"ImageNet, searched on {where}"]
        row = tenas[f"darts_imagenet_searched_on_{where.lower().replace('-', '')}"]
        assert own == {k: [v] if k.startswith("top") else v for k, v in row.items()}


def test_derived_columns_of_the_kernels():
    (theory,) = (s for s in beyond_sections(read_sources([ROOT / "results"])) if s.key == "theory")
    table = theory.tables[0]
    column = {name: i for i, name in enumerate(table.columns)}
    for row in table.rows:
        record = read_json(ROOT / f"results/theory/{row[0]}/result.json")["dags"][row[1]]
        ratio = record["eq12_bound"] / min(record["exact"]["eigenvalues"])
        assert math.isclose(row[column["Eq. 12 / lambda_min"]].value, ratio, rel_tol=1e-3)


@pytest.mark.slow
def test_the_script_writes_everything(tmp_path):
    """In a checkout with records but without runs."""
    if not (ROOT / ".venv/installed").exists():
        pytest.skip("this checkout has no .venv of scripts/common.sh to borrow")
    copy = tmp_path / "a checkout"
    ignored = shutil.ignore_patterns(".venv", "runs", ".git", "data", "tests", "*.pdf")
    shutil.copytree(ROOT, copy, ignore=ignored)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / "results/RESULTS.md").write_text("old")
    command = ["bash", str(copy / "scripts/report.sh")]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (copy / "results/RESULTS.md").read_text() == (ROOT / "results/RESULTS.md").read_text()
    for name in ("report.html", "RESULTS.md", "tables/table2.tex", "figures/fig3_dags.pdf"):
        assert (copy / "runs/report" / name).stat().st_size > 500
    data = re.search(r'id="data">(.*?)</script>', (copy / "runs/report/report.html").read_text())
    assert {plane["key"] for plane in json.loads(data[1])["planes"]} >= {
        "nasbench201",
        "topologies",
    }
