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

from common.files import read_json
from report import theory
from report.__main__ import main
from report.guard import Left
from report.records import find_records
from report.results import all_sections, anchor, results_markdown
from report.sections import PUBLISHED, Sources
from tests.launcher import make_venv
from tests.records import keep, record, results_of, row_of, rows_of, section

ROOT = Path(__file__).resolve().parent.parent
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


def search(
    filter_="none", rank_by="both", seeds=range(4), accuracy=93.0, space="nas-bench-201", **more
):
    """A TE-NAS run; the accuracies of its seeds are `accuracy`, + 1, + 2, ..."""
    exempt = 18 if filter_ == "exempt" else 0
    entry = {"arch": CELL, "shapes": [[1.75, 1.71], [1.5, 2.0]], "in_box": [True, False],
             "evaluations": 54 - exempt, "exempt": exempt, "ntk_seconds": 100.0,
             "regions_seconds": 11.0,
             "rounds": [{"left": [[["skip_connect"], ["nor_conv_1x1"]]]}]}  # fmt: skip
    searches = [entry | {"seed": s, "accuracy": {"cifar10": accuracy + s}} for s in seeds]
    row = {"mean": 93.4567, "std": 0.1234, "n": len(seeds), "best": 94.3733}
    settings = {
        "rank_by": rank_by,
        "seconds_per_search": {"mean": 111.0, "std": 0.0, "n": len(seeds)},
        "searches": searches,
        "accuracy": {"cifar10": row, "cifar100": row | {"mean": 71.2345}},
    }
    method = "TE-NAS + DAG" if filter_ == "exempt" else "TE-NAS"
    network = {"space": space, "channels": 3}
    return record("tenas", n=len(seeds), network=network, method=method, filter_=filter_,
                  **settings | more)  # fmt: skip


def wot(fraction=None, n=500, mean=92.5, space="nas-bench-201", seeds=3):
    filter_ = "none" if fraction is None else "box"
    accuracy = {"cifar100": {"mean": mean, "std": 1.0, "n": n}}
    return record("wot", "cifar10_subset", n, {"space": space, "cells": 5, "seeds": seeds},
                  "WOT" if fraction is None else "WOT + DAG", filter_, fraction,
                  seconds_per_repeat={"total": 1.5}, evaluations_saved=0.598, accuracy=accuracy,
                  best={"arch": CELL, "score": 12.5})  # fmt: skip


def correlation():
    row = {key: {"tau": tau, "p": 0.012, "n": 96, "undefined": 4} for key, tau in TAUS.items()}
    records = [{"arch": CELL, "kappa": 10.0 + i, "regions": 50.0 + i} for i in range(5)]
    accuracy = {"accuracy": [70.0 + i for i in range(5)]}
    return record("tenas_correlation", n=100, architectures=100, records=records,
                  correlations={"cifar100": row | accuracy})  # fmt: skip


TAUS = {"kappa": -0.3141, "regions": 0.1618}


def training(method="TE-NAS", dataset="cifar10", error=2.75, seed=0, epochs=250, **more):
    network = {"space": "darts", "channels": 36, "layers": 20}
    settings = {"genotype": {"normal": [["sep_conv_3x3", 0]]}, "epochs": epochs, "seed": seed,
                "parameters": 5_432_100, "seconds": 7200.0,
                "test": {"top1_error": error, "top5_error": error / 4}}  # fmt: skip
    return record("retrain", dataset, 1, network, method, **settings | more)


def landscape(**more):
    panel = {"dataset": "cifar10", "architectures": 4, "circles": 2, "cell": "",
             "r_architectures": 0.54, "r_architectures_interval": [0.5, 0.6], "r_circles": 0.5,
             "r_circles_interval": [0.1, 0.7], "best_mean": 93.0, "best_depth_width": [1.0, 2.0],
             "circles_at": [[1, 2, 93, 0.5, 2], [2, 1, 90, 1.5, 2], [1, 1, 80, 0, 1]]}  # fmt: skip
    return record("landscape", None, 4, {"space": "nas-bench-201"}, panels=[panel | more])


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


def test_a_record_counts_once(tmp_path):
    """A copy, and the same config, seed and data run again; the later folder's stands."""
    for root in ("a", "b"):
        keep(tmp_path / root, "tenas/x", search())
    keep(tmp_path / "a", "wot/old", wot(n=3), {"seed": 0})
    keep(tmp_path / "b", "wot/new", wot(n=4), {"seed": 0})
    keep(tmp_path / "b", "wot/other", wot(n=5), {"seed": 1})
    records, unread = find_records([tmp_path / "a", tmp_path / "b", tmp_path / "absent"])
    assert [run.name for run in records] == ["tenas/x", "wot/new", "wot/other"] and not unread


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
    keep(tmp_path / "r", "wot/w", wot() | {"dataset": {"name": evil}, "method": evil})
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


def test_tables_and_figures_are_files(tmp_path, capsys):
    keep(tmp_path / "r", "tenas/c", correlation())
    out = tmp_path / "out"
    main(["results", "--records", str(tmp_path / "r"), "--out", str(out)])
    main(["show", "tenas_indicators", str(tmp_path / "r/tenas/c"), "--out", str(out)])
    assert "| kappa | cifar100 | cifar10 | -0.42 | -0.31 |" in capsys.readouterr().out
    for suffix in ("csv", "md", "tex"):
        names = {file.stem for file in (out / "tables").glob(f"*.{suffix}")}
        assert {"fig3", "table1", "table2", "table3", "tenas_indicators"} <= names
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        for key in ("fig3_dags", "r_tenas_c_cifar100", "tenas_c_cifar100"):
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
    if not (ROOT / ".venv/installed").exists():
        pytest.skip("this checkout has no .venv of scripts/common.sh to borrow")
    copy = tmp_path / "a checkout"
    ignored = shutil.ignore_patterns(".venv", "runs", ".git", "data", "tests", "figures")
    shutil.copytree(ROOT, copy, ignore=ignored)
    assert first_of_each_kind(copy / "results") >= 14
    make_venv(copy, ROOT / ".venv")
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
