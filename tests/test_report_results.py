"""RESULTS.md, tables in three formats and figures, from committed records and from small ones."""

import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from common.files import read_json, write_json
from dag import FIGURE_3
from report import theory
from report.__main__ import main
from report.guard import Left
from report.records import find_records, read_record
from report.results import all_sections, anchor, results_markdown
from report.sections import PUBLISHED, Sources
from report.tenas import draw_correlation
from tests.records import (
    correlation,
    keep,
    keep_mlp,
    landscape,
    results_of,
    row_of,
    rows_of,
    search,
    section,
    training,
    wot,
)
from tests.running import make_venv

ROOT = Path(__file__).resolve().parent.parent


def test_committed_results_are_those_of_the_committed_records(monkeypatch):
    """RESULTS.md is generated: `python -m report results --out results`."""
    monkeypatch.chdir(ROOT)
    folder, left = Path("results"), Left()
    sections = all_sections(Sources.read([folder]), left)
    figures = {file.stem for file in (folder / "figures").iterdir()}
    assert figures == {image.key for made in sections for image in made.images}
    assert (folder / "RESULTS.md").read_text() == results_markdown(sections, folder, figures, left)


def test_links_of_committed_results_lead_somewhere():
    text = (ROOT / "results/RESULTS.md").read_text()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    titles = {anchor(line[3:]) for line in text.splitlines() if line.startswith("## ")}
    for target in targets:
        there = target[1:] in titles if target[0] == "#" else (ROOT / "results" / target).is_file()
        assert there, target
    assert len(targets) >= len(titles) + 14


def test_without_records_every_section_says_so(tmp_path):
    (tmp_path / "records").mkdir()
    sections = all_sections(Sources.read([tmp_path / "records"]), Left())
    words = {made.key: made.word for made in sections if made.key != "fig3"}
    assert set(words.values()) == {"not run yet", "needs ImageNet"} and len(words) == 20
    text = results_of(tmp_path / "records", out=tmp_path)
    assert "needs the NDS files" in section(text, "Fig. 5")
    assert row_of(section(text, "Table 2"), "TE-NAS + DAG")[1] == "not run yet"
    assert row_of(section(text, "Table 3"), "0.25")[1:5] == ["not run yet", "", "", "69.97 (1.19)"]
    assert "## Not shown" not in text


def test_searches_stand_beside_the_published_rows(tmp_path):
    keep(tmp_path / "r", "tenas/a", search("exempt", accuracy=94.0))
    keep(tmp_path / "r", "tenas/b", search("none"))
    text = results_of(tmp_path / "r", out=tmp_path)
    table = section(text, "Table 2")
    row = row_of(table, "TE-NAS + DAG", "cifar10", "channels 3")
    assert row[4:8] == ["93.60 (0.37)", "93.46 (0.12)", "71.26 (0.77)", "71.23 (0.12)"]
    assert row[10:] == ["1077", "111", "33.3 %", "4"]
    assert row_of(table, "TE-NAS", "cifar10")[10:] == ["1558", "111", "", "4"]
    assert "2031-05-06, A, commit 0123456789; `python -m somewhere --seed 7`" in table
    assert "- A: NVIDIA H200; Some CPU, 12 cores; Python 3.12.1, torch 2.99.0" in text
    assert text.count("NVIDIA H200") == 1


def test_the_exempt_rule_is_paired_over_equal_seeds(tmp_path):
    """Against the textbook: differences 2, 0, 1 have mean 1 and t(0.975, 2) = 4.3027."""
    plain, exempt = search("none", seeds=range(4)), search("exempt", seeds=range(1, 4))
    for entry, more in zip(exempt["searches"], (2.0, 0.0, 1.0)):
        entry["accuracy"]["cifar10"] = 93.0 + entry["seed"] + more
    keep(tmp_path / "r", "tenas/a", exempt)
    keep(tmp_path / "r", "tenas/b", plain)
    row = row_of(section(results_of(tmp_path / "r", out=tmp_path), "Table 2"), "cifar10", "cifar10")
    low, high = (1 + sign * 4.302653 / math.sqrt(3) for sign in (-1, 1))
    assert row[3:] == ["+1.00", f"[{low:.2f}, {high:.2f}]", "3"]


def test_every_run_of_a_row_is_shown_those_of_most_repeats_first(tmp_path):
    keep(tmp_path / "r", "wot/a", wot(0.5, n=2, mean=10.0))
    keep(tmp_path / "r", "wot/b", wot(0.5, n=500))
    keep(tmp_path / "r", "wot/c", wot(0.6))
    keep(tmp_path / "r", "wot/darts", wot(space="darts"))
    keep(tmp_path / "r", "tenas/k", search(rank_by="kappa"))
    text = results_of(tmp_path / "r", out=tmp_path)
    rows = rows_of(section(text, "Table 2"), "WOT + DAG", "cifar10_subset", "cells 5", "3")
    assert [row[-1] for row in rows] == ["500", "2"]
    assert row_of(section(text, "Table 3"), "0.6")[-1] == "500"
    assert row_of(section(text, "Table 1"), "WOT", "cifar10_subset")[4] == "12.50"
    assert "| TE-NAS | cifar10 |" not in section(text, "Table 2")
    assert row_of(section(text, "TE-NAS: which"), "by kappa alone")[2:] == ["50.0", "50.0", "4"]
    assert "## Not shown" not in text


def test_rankings_are_compared_between_runs_made_alike(tmp_path):
    """A search for Table 2 by both indicators, with other seeds, is not the third of two others."""
    for rank_by in ("kappa", "regions", "both"):
        keep(tmp_path / "r", f"tenas/{rank_by}", search(rank_by=rank_by))
    keep(tmp_path / "r", "tenas/other", search(seeds=range(3)))
    text = section(results_of(tmp_path / "r", out=tmp_path), "TE-NAS: which")
    assert [row[-1] for row in rows_of(text, "by both")] == ["4"]


def test_correlations_stand_beside_the_published_tau(tmp_path):
    keep(tmp_path / "r", "tenas/correlate", correlation())
    text = section(results_of(tmp_path / "r", out=tmp_path), "TE-NAS: do kappa")
    assert row_of(text, "kappa", "cifar100", "cifar10")[3:] == [
        "-0.42",
        "-0.31",
        "0.012",
        "96",
        "4",
    ]
    assert row_of(text, "R", "cifar100", "cifar10")[3:5] == ["", "0.16"]
    assert "not run yet" not in text


def test_nds_is_not_missed_where_a_list_was_measured(tmp_path):
    assert "| NDS, cifar10 | needs" in results_of(tmp_path, out=tmp_path)
    panel = landscape()["panels"][0] | {"dataset": "DARTS", "cell": "normal"}
    run = landscape() | {"network": {"space": "nds"}, "panels": [panel]}
    keep(tmp_path, "landscape/NDS", run)
    text = results_of(tmp_path, out=tmp_path)
    assert "| NDS, DARTS, normal cell |" in text and "needs the NDS files" not in text


def test_correlations_that_do_not_exist_are_drawn(tmp_path):
    found = correlation()
    for of in found["records"]:
        of["kappa"] = None
    found["correlations"]["cifar100"]["kappa"] = {"tau": None, "p": None, "n": 0, "undefined": 5}
    keep(tmp_path / "r", "tenas/correlate", found)
    run = read_record(tmp_path / "r", tmp_path / "r/tenas/correlate")
    titles = [axis.get_title() for axis in draw_correlation(run, "cifar100").axes]
    assert titles == ["Kendall's tau unknown, n = 0", "Kendall's tau +0.16, n = 96"]


def test_seeds_of_one_training_are_averaged_and_other_runs_are_not(tmp_path):
    root = tmp_path / "r"
    for seed, error in enumerate((25.0, 26.0)):
        keep(root, f"retrain/{seed}", training("TE-NAS + DAG", "imagenet-1k", error, seed))
    keep(root, "retrain/short", training("TE-NAS + DAG", "imagenet-1k", 40.0, epochs=3))
    keep(root, "retrain/copy", training("TE-NAS + DAG", "imagenet-1k", 25.0, 0))
    keep(root, "retrain/darts", training("DARTS_V2", "imagenet-1k", 27.0))
    text = section(results_of(root, out=tmp_path), "Table 1")
    rows = rows_of(text, "TE-NAS + DAG, here")
    first = "imagenet-1k, 250 epochs, channels 36, layers 20"
    assert rows[0][1:] == [first, "25.50 (0.71)", "6.38 (0.18)", "5.43", "", "2"]
    assert rows[1][2] == "40.00" and rows[1][-1] == "1" and len(rows) == 2
    assert row_of(text, "DARTS_V2, here")[2] == "27.00"
    assert row_of(text, "TE-NAS, here")[1] == "needs ImageNet"


def test_cells_of_te_nas_tell_the_images_of_search_and_training(tmp_path):
    root = tmp_path / "r"
    found = search(space="darts")
    found["searches"][0]["genotype"] = training()["genotype"]
    keep(root, "tenas/s", found)
    keep(root, "retrain/a", training(epochs=600))
    keep(root, "retrain/b", training(dataset="imagenet-1k", error=26.5))
    keep(root, "retrain/d", training("WOT + DAG", error=3.5))
    text = section(results_of(root, out=tmp_path), "TE-NAS: cells")
    lines = [line for line in text.splitlines() if line.startswith("| TE-NAS")]
    assert "| CIFAR-10 | 2.63" in lines[0] and "| 2.75 |" in lines[1]
    assert "searched on CIFAR-10 | 26.2" in lines[2] and "searched on cifar10" in lines[3]
    assert "| needs ImageNet |" in lines[5] and "3.50" not in text
    assert row_of(text, "cifar10", "none")[6:8] == ["1.75", "1.71"]


def test_a_cell_that_several_searches_found_names_the_images_of_all(tmp_path):
    """Whichever record comes first: none of them alone is where it was searched."""
    root = tmp_path / "r"
    found = search(space="darts")
    found["searches"][0]["genotype"] = training()["genotype"]
    for name, images in (("a", "svhn"), ("b", "cifar10")):
        keep(root, f"tenas/{name}", found | {"dataset": {"name": images, "digest": name}})
    keep(root, "retrain/a", training())
    rows = rows_of(section(results_of(root, out=tmp_path), "TE-NAS: cells"), "TE-NAS, here")
    assert [row[1] for row in rows] == ["not trained here", "needs ImageNet", "needs ImageNet"]
    text = section(results_of(root, out=tmp_path), "TE-NAS: cells")
    assert row_of(text, "TE-NAS, here, searched on cifar10, svhn")[2] == "2.75"


def test_a_record_counts_once(tmp_path):
    """Of a run made again the later folder's stands, the other is listed; a copy needs no word."""
    for root in ("a", "b"):
        keep(tmp_path / root, "tenas/x", search())
        keep(tmp_path / root, f"wot/copy_in_{root}", wot(n=6), {"seed": 2})
    keep(tmp_path / "a", "wot/old", wot(n=3), {"seed": 0})
    keep(tmp_path / "b", "wot/new", wot(n=4), {"seed": 0})
    keep(tmp_path / "b", "wot/other", wot(n=5), {"seed": 1})
    records, left = find_records([tmp_path / "a", tmp_path / "b", tmp_path / "absent"])
    names = ["tenas/x", "wot/copy_in_b", "wot/new", "wot/other"]
    assert [run.name for run in records] == names
    assert [folder for folder, _ in left] == [tmp_path / "a/wot/old"]
    text = section(results_of(tmp_path / "a", tmp_path / "b", out=tmp_path), "Not shown")
    line = f"- {tmp_path}/a/wot/old: the same run as {tmp_path}/b/wot/new, which is shown"
    assert text.splitlines()[2:] == [line]


def test_searches_that_another_table_judges_have_rows_of_their_own(tmp_path):
    for name, mean, best in (("a", 92.5, 93.5), ("b", 91.5, 94.5), ("c", 90.5, 93.0)):
        result = wot(mean=mean) | {"table": {"name": name, "digest": name}}
        result["accuracy"]["cifar100"]["best"] = best
        keep(tmp_path / "r", f"wot/{name}", result, {"seed": 0})
    text = results_of(tmp_path / "r", out=tmp_path)
    rows = rows_of(section(text, "Table 2"), "WOT", "cifar10_subset")
    assert [row[7] for row in rows] == ["92.50 (1.00)", "91.50 (1.00)", "90.50 (1.00)"]
    assert row_of(section(text, "Table 2"), "Optimal")[7] == "94.50"  # of all tables


@pytest.mark.parametrize(
    ("images", "fig4", "others"),
    [
        ({"name": "part", "digest": "0742a165ede4a6ca"}, "measured in part", "not run yet"),
        ({"name": "jpeg", "digest": "d23c5e90c3c63ded"}, "measured", "not run yet"),
        ({"name": "cifar10", "digest": "0" * 16}, "measured", "not run yet"),
        ({"name": "cifar10_subset", "digest": "0" * 16}, "not run yet", "measured"),
        ({"name": "cifar10.npz", "digest": "0" * 16}, "not run yet", "measured"),
    ],
)
def test_what_images_are_is_told_by_their_digest(tmp_path, images, fig4, others):
    folder = keep_mlp(tmp_path / "r", "m", FIGURE_3, codes=tuple(FIGURE_3.values()))
    write_json(folder / "result.json", read_json(folder / "result.json") | {"dataset": images})
    words = {s.key: s.word for s in all_sections(Sources.read([tmp_path / "r"]), Left())}
    assert (words["fig4_cifar10"], words["mlp"]) == (fig4, others)


def test_a_path_spelt_in_two_ways_is_one_data_set(tmp_path):
    """The header has its digest: seeds are averaged, those on other images are not."""
    for seed, error in enumerate((2.0, 3.0)):
        config = {"dataset": f"{'./' * seed}my.npz", "data": {"dataset": seed}, "seed": seed}
        keep(tmp_path / "r", f"retrain/{seed}", training("TE-NAS", "my", error, seed), config)
    other = training("TE-NAS", "my", 9.0, 2) | {"dataset": {"name": "my", "digest": "1" * 16}}
    keep(tmp_path / "r", "retrain/other", other, {"dataset": "my.npz", "seed": 2})
    text = section(results_of(tmp_path / "r", out=tmp_path), "TE-NAS: cells")
    rows = rows_of(text, "TE-NAS, here")
    assert [(row[2], row[-1]) for row in rows if row[2]] == [("2.50 (0.71)", "2"), ("9.00", "1")]


def test_tables_and_figures_are_files(tmp_path, capsys):
    keep(tmp_path / "r", "tenas/a", search())
    keep(tmp_path / "s", "tenas/c", correlation())
    out = tmp_path / "out"
    main(["results", "--records", str(tmp_path / "r"), "--out", str(out)])
    main(["show", "tenas_indicators", str(tmp_path / "s/tenas/c"), "--out", str(out)])
    assert "| kappa | cifar100 | cifar10 | -0.42 | -0.31 |" in capsys.readouterr().out
    for suffix in ("csv", "md", "tex"):
        names = {file.stem for file in (out / "tables").glob(f"*.{suffix}")}
        assert {"fig3", "table1", "table2", "table3", "tenas_indicators"} <= names
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        for key in ("fig3_dags", "tenas_c_cifar100"):
            assert (out / f"figures/{key}.{kind}").read_bytes().startswith(start)
    with pytest.raises(SystemExit, match=r"found KEY 'table4', expected all, fig3, .*table3"):
        main(["show", "table4"])


def test_published_numbers_are_the_papers(shared):
    """published.yaml against the list of published numbers beside the checkout."""
    ours, theirs = (
        yaml.safe_load(PUBLISHED.read_text()),
        yaml.safe_load((shared / "paper.yaml").read_text()),
    )
    paper, tenas = theirs["convergence_paper"], theirs["tenas_paper"]
    assert paper["figure3_dags"] == FIGURE_3
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
    table = next(theory.section(Sources.read([ROOT / "results"])))
    column = {name: i for i, name in enumerate(table.columns)}
    for row in table.rows:
        record = read_json(ROOT / f"results/theory/{row[0]}/result.json")["dags"][row[1]]
        ratio = record["eq12_bound"] / min(record["exact"]["eigenvalues"])
        assert math.isclose(row[column["Eq. 12 / lambda_min"]].value, ratio, rel_tol=1e-3)


def first_of_each_kind(root):
    """Removes the other records below `root`: each figure and table is drawn once."""
    records = find_records([root])[0]
    kept = {run.kind: run.folder for run in reversed(records)}
    for run in records:
        if run.folder not in kept.values():
            shutil.rmtree(run.folder)
    return len(kept)


@pytest.mark.slow
def test_the_script_writes_everything(tmp_path):
    """In a checkout with a record of each kind but without runs."""
    copy = tmp_path / "a checkout"
    ignored = shutil.ignore_patterns(".venv", "runs", ".git", "data", "tests", "figures")
    shutil.copytree(ROOT, copy, ignore=ignored)
    assert first_of_each_kind(copy / "results") >= 14
    make_venv(copy)
    (copy / "results/RESULTS.md").write_text("old")
    command = ["bash", str(copy / "scripts/report.sh")]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (copy / "results/RESULTS.md").read_text() == "old"  # committed records are left alone
    for name in ("report.html", "RESULTS.md", "tables/table2.tex", "figures/fig3_dags.pdf"):
        assert (copy / "runs/report" / name).stat().st_size > 500
    text = (copy / "runs/report/RESULTS.md").read_text()
    assert "figure " not in section(text, "Not shown")
    page = (copy / "runs/report/report.html").read_text()
    data = re.search(r'id="data">(.*?)</script>', page)
    planes = {plane["key"] for plane in json.loads(data[1])["planes"]}
    assert planes >= {"nasbench201", "topologies"}
    shown = re.findall(r'src="data:image/png;base64,', page)
    assert len(shown) == len(list((copy / "runs/report/figures").glob("*.pdf"))) >= 12
