"""Trainings of DARTS genotypes beside Table 1 and TE-NAS' rows."""

import pytest

from report.__main__ import main
from tests.records import keep, results_of, row_of, section

GENOTYPE = {"normal": [["sep_conv_3x3", 0]], "reduce": [["skip_connect", 1]]}


def training(method, dataset, error, seed=0, epochs=250):
    return {
        "method": method,
        "space": "darts",
        "genotype": GENOTYPE,
        "dataset": dataset,
        "epochs": epochs,
        "tested_weights": "last",
        "parameters": 5_432_100,
        "test": {"loss": 0.1, "top1_error": error, "top5_error": error / 4},
        "seconds": 7200.0,
        "seed": seed,
    }


def search(dataset):
    entry = {
        "seed": 0,
        "genotype": GENOTYPE,
        "shapes": [[1.5, 10.0], [1.5, 10.0]],
        "in_box": [True, True],
        "evaluations": 7,
        "exempt": 1,
        "ntk_seconds": 1.0,
        "regions_seconds": 1.0,
    }
    return {
        "space": "darts",
        "filter": "none",
        "dataset": dataset,
        "seconds_per_search": {"mean": 2.0},
        "searches": [entry],
    }


def test_trainings_on_imagenet_stand_below_the_published_row(tmp_path):
    root = tmp_path / "r"
    for seed, error in enumerate((25.0, 26.0)):
        result = training("TE-NAS + DAG", "data/imagenet-1k/", error, seed)
        folder = keep(root, f"retrain/{seed}", result)
        (folder / "config.yaml").write_text("network:\n  channels: 48\n  layers: 14\n")
    keep(root, "retrain/wot", training("WOT", "imagenet-1k", 30.0, epochs=3))
    keep(root, "retrain/darts", training("DARTS_V2", "imagenet-1k", 27.0))
    keep(root, "retrain/small", training("WOT", "ImageNet16-120", 60.0))
    text = section(results_of(root, out=tmp_path), "Table 1")
    rows = [row_of(text, f"TE-NAS + DAG, {which}") for which in ("published", "here")]
    assert rows[0][1:4] == ["ImageNet, 250 epochs", "24.2 (0.3)", "7.4"]
    expected = ["25.50 (0.71)", "6.38 (0.18)", "5.43", "", "2"]
    assert rows[1][1:] == ["imagenet-1k, 250 epochs, C 48, 14 layers", *expected]
    assert row_of(text, "WOT, here")[1:3] == ["imagenet-1k, 3 epochs", "30.00"]
    assert row_of(text, "DARTS_V2, here")[2] == "27.00"
    assert row_of(text, "TE-NAS, here")[1] == "needs ImageNet"
    assert "60.00" not in text and text.count("retrain/") == 8  # four records, each linked


def test_tenas_rows_tell_the_images_of_search_and_training(tmp_path):
    root = tmp_path / "r"
    keep(root, "tenas/s", search("data/cifar10.npz"))
    keep(root, "retrain/a", training("TE-NAS", "cifar10", 2.75, epochs=600))
    keep(root, "retrain/b", training("TE-NAS", "imagenet-1k", 26.5))
    keep(root, "retrain/c", training("TE-NAS + DAG", "some_subset.npz", 50.0, epochs=3))
    keep(root, "retrain/d", training("WOT + DAG", "cifar10", 3.5))
    text = section(results_of(root, out=tmp_path), "TE-NAS: cells")
    lines = [line for line in text.splitlines() if line.startswith("| TE-NAS")]
    assert "| CIFAR-10 | 2.63" in lines[0] and "| cifar10, 600 epochs | 2.75 |" in lines[1]
    assert "searched on CIFAR-10 | 26.2" in lines[2] and "searched on cifar10" in lines[3]
    assert "| imagenet-1k, 250 epochs | 26.50 |" in lines[3]
    assert "searched on ImageNet | 24.5" in lines[4] and "| needs ImageNet |" in lines[5]
    assert "TE-NAS + DAG, here" in lines[6] and "| some_subset, 3 epochs | 50.00 |" in lines[6]
    assert "3.50" not in text


def test_the_command_prints_the_table_that_fits(tmp_path, capsys):
    run = keep(tmp_path, "a", training("TE-NAS", "cifar10", 2.75))
    main(["table1", str(run), "--out", str(tmp_path / "t.md")])
    assert "| CIFAR-10 | 2.63" in capsys.readouterr().out
    assert "2.75" in (tmp_path / "t.md").read_text()
    run = keep(tmp_path, "d", training("DARTS_V2", "digits", 5.25))
    main(["table1", str(run), "--out", str(tmp_path / "t.md")])
    assert "DARTS_V2, here | digits, 250 epochs | 5.25 |" in (tmp_path / "t.md").read_text()
    run = keep(tmp_path, "b", training("TE-NAS", "imagenet-1k", 24.75))
    main(["table1", str(run), "--out", str(tmp_path / "t.md")])
    assert "NAS-WOT, published" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match=r"no finished training of a DARTS genotype in .*empty"):
        main(["table1", str(tmp_path / "empty")])
