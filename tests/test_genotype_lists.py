"""Lists of genotypes with accuracies, from the file to Fig. 5's columns."""

import csv
import gzip
import json

import numpy as np
import pytest

from common.dataset import digest_of
from common.statistics import bootstrap_interval, multiple_correlation
from dag import effective_depth_width
from spaces import Genotype, SpaceError
from spaces.genotype_lists import read_genotypes
from wot_dag.landscape import main as landscape
from wot_dag.landscape import r_interval


def genotypes(n):
    rng = np.random.default_rng(7)
    return [Genotype.random(rng) for _ in range(n)]


def write(path, rows):
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


@pytest.mark.parametrize("header", [[], [["name", "genotype", "accuracy"]]])
@pytest.mark.parametrize("form", [str, Genotype.to_json, "genotype = {}  # best".format])
def test_both_forms_with_and_without_a_header(tmp_path, header, form):
    made = genotypes(5)
    rows = [[f"g{i}", form(g), 90 + i / 4] for i, g in enumerate(made)]
    found = read_genotypes(write(tmp_path / "list.csv", header + rows))
    assert found == [(g, 90 + i / 4) for i, g in enumerate(made)]


def test_a_named_column_among_several_numbers(tmp_path):
    (made,) = genotypes(1)
    rows = [["epochs", "Test Acc", "genotype"], [600, 97.1, made]]
    assert read_genotypes(write(tmp_path / "list.csv", rows)) == [(made, 97.1)]


def test_200_random_genotypes_end_to_end(tmp_path):
    made = genotypes(200)
    accuracies = np.random.default_rng(0).uniform(90, 97, 200).round(3).tolist()
    path = write(tmp_path / "list.csv", zip(made, accuracies))
    landscape(["--nds", str(path), "--run.root", str(tmp_path)])
    record = json.loads((tmp_path / "landscape/NDS/result.json").read_text())
    (panel, _), (of,) = record["panels"], record["nds"]
    assert of == {"name": "list", "digest": digest_of([path.read_bytes()])}
    shapes = np.array([effective_depth_width(g.to_dag("normal")) for g in made])
    known = shapes[:, 0] > 0
    assert panel["dataset"] == "list" and panel["architectures"] == known.sum()
    design = np.column_stack([np.ones(known.sum()), shapes[known]])
    y = np.array(accuracies)[known]
    fit = design @ np.linalg.lstsq(design, y)[0]
    assert panel["r_architectures"] == pytest.approx(np.corrcoef(fit, y)[0, 1])
    low, high = panel["r_architectures_interval"]
    assert low < panel["r_architectures"] < high < 0.5  # made up: no more than chance gives


@pytest.mark.parametrize(
    ("n", "columns"),
    [(60, (0, 1)), (4, (0, 1)), (5, (0, 0)), (3, (2, 2))],  # both; samples on a line; twice; flat
)
def test_the_interval_of_r_is_that_of_refits(n, columns):
    rng = np.random.default_rng(n)
    values = np.column_stack([rng.integers(4, size=(n, 2)) / 4, np.full(n, 0.1)])
    points, y = values[:, columns], values @ [1, -2, 0] + rng.normal(size=n) + 90

    def refit(rows):
        return multiple_correlation(points[rows], y[rows])

    assert r_interval(points, y) == pytest.approx(bootstrap_interval(refit, np.arange(n)))


def broken(rows):
    rows[16][0] = rows[16][0].replace("normal=[('", "normal=[('x", 1)
    return rows


MISTAKES = {
    "empty": (lambda rows: [], "found no genotypes"),
    "header alone": (lambda rows: [["genotype", "accuracy"]], "found no genotypes"),
    "broken": (broken, "line 17: normal cell: edge"),
    "fractions": (lambda rows: [[g, a / 100] for g, a in rows], "up to 0.97, expected percent"),
    "no number": (lambda rows: [*rows, [rows[0][0], "high"]], "line 21: found accuracy 'high'"),
    "above 100": (lambda rows: [*rows, [rows[0][0], 101]], "line 21: found accuracy '101'"),
    "cut": (lambda rows: [*rows, [rows[0][0]]], "line 21: found 1 columns"),
    "two numbers": (lambda rows: [[*row, 3] for row in rows], "line 1: found 2 columns of"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_the_file_and_the_line(tmp_path, name):
    change, message = MISTAKES[name]
    rows = change([[str(g), 97.0] for g in genotypes(20)])
    path = write(tmp_path / "list.csv", rows)
    with pytest.raises(SpaceError) as told:
        read_genotypes(path)
    assert str(told.value).startswith(f"{path}: ") and message in str(told.value)
    with pytest.raises(SystemExit, match=r"list\.csv"):
        landscape(["--nds", str(path), "--run.root", str(tmp_path)])


def test_a_compressed_list(tmp_path):
    made = genotypes(5)
    plain = write(tmp_path / "list.csv", [[g, 97.0] for g in made])
    packed = tmp_path / "list.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_genotypes(packed) == read_genotypes(plain)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SpaceError, match=r"list\.csv\.gz: found no readable CSV"):
        read_genotypes(packed)


def test_a_genotype_without_quotes(tmp_path):
    (tmp_path / "list.csv").write_text(f"{genotypes(1)[0]},97\n")
    with pytest.raises(SpaceError, match=r"line 1: .*double quotes|line 1: genotype"):
        read_genotypes(tmp_path / "list.csv")


def test_nds_files_are_read_as_before(tmp_path):
    (made,) = genotypes(1)
    net = {"genotype": made.to_dict(), "width": 4, "depth": 3}
    path = tmp_path / "nds.json"
    path.write_text(json.dumps([{"net": net, "test_ep_top1": [50.0, 7.5]}]))
    assert read_genotypes(path) == [(made, 92.5)]
