"""Fig. 5, the score's scatter and Tables 2 and 3, from small files."""

import gzip

import numpy as np
import pytest

from common.runs import read_json, write_json
from report.__main__ import main
from report.fig5 import draw_fig5, group_by_shape, read_columns
from report.search_tables import read_results, table2, table3

RNG = np.random.default_rng(0)
POINTS = np.array([[0.5, 4.0], [1.0, 2.0], [1.5, 2.0], [3.0, 1 / 3]])


def search_result(method: str, fraction: float, mean: float) -> dict:
    accuracy = {"mean": mean, "std": 0.61, "n": 500, "best": 94.37, "mean_of_space": 87.0}
    return {
        "method": method,
        "filter": "box",
        "fraction": fraction,
        "repeats": 500,
        "evaluations_saved": 0.5996,
        "seconds_per_repeat": {"total": 12.345},
        "accuracy": {"cifar10": accuracy},
    }


@pytest.fixture
def landscape(tmp_path):
    """A file as wot_dag.landscape writes it: accuracy is linear in depth and width, plus noise."""
    shapes = np.vstack([POINTS[RNG.integers(4, size=200)], np.zeros((9, 2))])
    accuracy = 80 + 3 * shapes[:, 0] + 2 * shapes[:, 1] + RNG.normal(size=209)
    rows = [f"{d},{w},{a}" for (d, w), a in zip(shapes, accuracy)]
    path = tmp_path / "toy.csv"
    path.write_text("\n".join(["effective_depth,effective_width,digits", *rows]) + "\n")
    return path, shapes, accuracy


def test_circles_are_means_and_variances_of_equal_shapes():
    index, accuracy = RNG.integers(4, size=100), RNG.normal(size=100)
    where, mean, variance, count = group_by_shape(POINTS[index], accuracy)
    for point, m, v, c in zip(where, mean, variance, count):
        group = accuracy[[np.allclose(point, POINTS[i]) for i in index]]
        assert (m, v, c) == pytest.approx((group.mean(), group.var(), len(group)))


def test_fig5_leaves_degenerate_architectures_out_and_reports_r(landscape, tmp_path, capsys):
    path, shapes, accuracy = landscape
    main(["fig5", str(path), "--out", str(tmp_path / "out/fig5")])
    (panel,) = read_json(tmp_path / "out/fig5.json")["panels"]
    design = np.column_stack([np.ones(200), shapes[:200]])
    fitted = design @ np.linalg.lstsq(design, accuracy[:200])[0]
    assert panel["r_architectures"] == pytest.approx(np.corrcoef(fitted, accuracy[:200])[0, 1])
    assert panel["architectures"] == 200 and panel["circles"] == 4
    assert (tmp_path / "out/fig5.png").stat().st_size > 10_000
    assert "toy, digits: R" in capsys.readouterr().out


def test_fig5_says_which_columns_it_needs(tmp_path):
    (tmp_path / "bad.csv").write_text("depth,width\n1,2\n")
    with pytest.raises(ValueError, match=r"bad.csv: found columns depth, width, expected"):
        draw_fig5([tmp_path / "bad.csv"])


def test_scatter_reads_singular_scores(tmp_path):
    header = "arch,effective_depth,effective_width,score,cifar10"
    rows = ["a,1,2,-inf,10.0", "b,1,2,5.5,90.0", "c,1,3,6.5,91.0"]
    (tmp_path / "rows.csv").write_text("\n".join([header, *rows]) + "\n")
    assert read_columns(tmp_path / "rows.csv")["score"].tolist() == [-np.inf, 5.5, 6.5]
    (tmp_path / "rows.csv").rename(tmp_path / "architectures.csv")
    record = {"datasets": {"cifar10": {"score": {"kendall": 0.5, "spearman": 0.7}}}}
    write_json(tmp_path / "correlation.json", record)
    text = (tmp_path / "architectures.csv").read_bytes()
    (tmp_path / "architectures.csv.gz").write_bytes(gzip.compress(text))
    main(["scatter", str(tmp_path)])
    assert (tmp_path / "scatter.png").stat().st_size > 5_000


def test_table2_stands_beside_the_published_rows():
    text = table2([search_result("WOT + DAG", 0.5, 93.12)])
    assert "| WOT + DAG | 93.12 (0.61) | 12.3 | 60.0 % | 500 |" in text
    assert "| WOT + DAG, published | 92.98 (0.78) | 17.95 |  |  |" in text
    assert "| Optimal, published | 94.37 |  |  |  |" in text


def test_table2_on_another_data_set_names_no_published_rows():
    result = search_result("WOT", 0.5, 90.0)
    result["accuracy"] = {"digits": result["accuracy"]["cifar10"]}
    assert "published" not in table2([result]).split("repeats |")[1]


def test_table2_without_a_table_of_accuracies():
    result = search_result("WOT", 0.5, 90.0)
    del result["accuracy"]
    assert "| WOT | 12.3 | 60.0 % | 500 |" in table2([result])


def test_table2_has_rows_for_tenas(tmp_path):
    accuracy = {"digits": {"mean": 95.2, "std": 0.31, "n": 3, "best": 97.5}}
    searches = [{"evaluations": 36, "exempt": 18}] * 3
    for name in ("none", "exempt"):
        result = {
            "filter": name,
            "searches": searches,
            "seconds_per_search": {"mean": 12.25, "std": 1.0},
            "accuracy": accuracy,
        }
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "result.json", result)
    text = table2(read_results([tmp_path / "none", tmp_path / "exempt"]))
    assert "| TE-NAS | 95.20 (0.31) | 12.2 |  | 3 |" in text
    assert "| TE-NAS + DAG | 95.20 (0.31) | 12.2 | 33.3 % | 3 |" in text
    assert "| Optimal of the table | 97.50 |" in text


def test_table3_labels_the_papers_data_set():
    text = table3([search_result("", f, 92 + f) for f in (1.0, 0.25)])
    assert "| 1 | 93.00 (0.61) | 60.0 % | 500 | 69.48 (1.70) |" in text
    assert "| 0.25 | 92.25 (0.61) | 60.0 % | 500 | 69.97 (1.19) |" in text
    assert "published, CIFAR-100" in text


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(SystemExit, match="holds no finished run"):
        main(["table2", str(tmp_path)])
