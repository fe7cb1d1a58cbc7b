"""The builder of digits-201: shares, resuming, the table, and the committed one."""

import json
from pathlib import Path

import pytest
import torch

from common.config import ConfigError
from common.data import load_dataset
from common.runs import RunSettings, StopRequest
from retrain import digits201
from retrain.digits201 import (
    Digits201Config,
    check_size,
    distinct_cells,
    missing_cells,
    read_records,
    train_missing,
)
from retrain.miniature import build_table, summarize
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import all_cells
from spaces.networks import NasBench201Layout, NasBench201Network

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = ROOT / "results/digits201/table.csv.gz"


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def small(**changes):
    return Digits201Config(**{"channels": 2, "epochs": 1, "batch_size": 500, **changes})


def train(config, data, folder, processes=1):
    """As so many processes do it: all read what is missing, then each trains its share."""
    missing = missing_cells(config, folder)
    for rank in range(processes):
        path = folder / f"records-{rank}.jsonl"
        train_missing(config, data, missing[rank::processes], path, StopRequest())


def keys(folder):
    return sorted((record["arch"], record["seed"]) for record in read_records(folder))


def test_a_batch_beyond_the_images_is_refused(digits):
    with pytest.raises(ConfigError, match=r"batch_size: found 1001, expected 2 \.\. 1000"):
        check_size(small(batch_size=1001), digits)
    check_size(small(batch_size=1000), digits)


def test_there_are_6466_distinct_cells():
    cells = distinct_cells()
    assert len(cells) == len(set(cells)) == 6466
    assert all(cell.canonical() == cell for cell in cells)


@pytest.mark.parametrize("at_once", [1, 4])
def test_shares_cover_every_cell_and_seed_once(tmp_path, monkeypatch, digits, at_once):
    cells = distinct_cells()[1000:1007]
    monkeypatch.setattr(digits201, "distinct_cells", lambda: list(cells))
    config = small(cells_at_once=at_once)
    train(config, digits, tmp_path, processes=2)
    assert keys(tmp_path) == sorted((str(cell), seed) for cell in cells for seed in (0, 1))


def test_a_killed_build_goes_on_and_a_seed_may_be_added(tmp_path, monkeypatch, digits):
    cells = distinct_cells()[2000:2004]
    monkeypatch.setattr(digits201, "distinct_cells", lambda: list(cells))
    train(small(), digits, tmp_path)
    file = tmp_path / "records-0.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:5]) + lines[5][:20])  # killed while it wrote the sixth
    train(small(), digits, tmp_path)
    assert file.read_bytes().startswith(b"".join(lines[:5]))

    def accuracies(text):
        rows = map(json.loads, text.splitlines())
        return sorted((r["arch"], r["seed"], r["train"], r["test"]) for r in rows)

    assert accuracies(file.read_bytes()) == accuracies(whole)
    train(small(seeds=[0, 1, 7]), digits, tmp_path, processes=2)
    assert keys(tmp_path) == sorted((str(cell), seed) for cell in cells for seed in (0, 1, 7))


def test_a_stop_request_leaves_what_is_done(tmp_path, monkeypatch, digits):
    monkeypatch.setattr(digits201, "distinct_cells", lambda: list(all_cells())[:5])
    request = StopRequest()
    request.signal = 15
    with pytest.raises(SystemExit):
        missing = missing_cells(small(), tmp_path)
        train_missing(small(), digits, missing, tmp_path / "records-0.jsonl", request)
    assert keys(tmp_path) == []


def records(seeds=(0, 1)):
    return [
        {
            "arch": str(cell),
            "seed": seed,
            "train": 50.0 + number % 40 + seed,
            "validation": 40.0 + number % 40 + seed,
            "test": 30.0 + number % 40 + seed,
            "seconds": 0.5,
        }
        for number, cell in enumerate(distinct_cells())
        for seed in seeds
    ]


def test_the_table_has_a_row_per_string_and_equal_cells_share_it():
    layout = NasBench201Layout(4, 1, 2, 10, 1)
    table = build_table(records(), "digits", 4, layout)
    assert len(table) == 15_625
    values = {record["arch"]: [] for record in records()}
    for record in records():
        values[record["arch"]].append(record["test"])
    for cell in list(all_cells())[::997]:
        expected = sum(values[str(cell.canonical())]) / 2
        assert table.accuracy(cell, "digits", "test", 4) == expected
        network = NasBench201Network(cell, layout)
        row = table.columns["params"][table.position(cell)]
        assert row == sum(p.numel() for p in network.parameters())


def test_a_summary_names_spread_and_noise():
    summary = summarize(records())
    assert summary["cells"] == 6466 and summary["trainings"] == 2 * 6466
    assert summary["test"]["quantiles"][0] == 30.5
    assert summary["test"]["seed_std"] == pytest.approx(0.5**0.5)
    assert summary["test"]["seed_spearman"] == pytest.approx(1)


@pytest.mark.skipif(not COMMITTED.is_file(), reason="results/digits201 is not there")
def test_rows_of_the_committed_table_can_be_made_again(capsys, tmp_path):
    assert COMMITTED.stat().st_size < 2_000_000
    assert len(AccuracyTable.read(COMMITTED)) == 15_625
    record = json.loads((COMMITTED.parent / "result.json").read_text())
    config = Digits201Config(
        check=4,
        seeds=record["seeds"],
        table=str(COMMITTED),
        run=RunSettings(root=str(tmp_path)),
    )
    threads = torch.get_num_threads()
    try:
        digits201.check(config)
    finally:
        torch.set_num_threads(threads)
    found = json.loads((tmp_path / "digits201/check.json").read_text())
    assert found["rows"] == 4 and found["median"] <= 1
    assert "of 4 rows equal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seeds": [1, 1]}, "seeds: found"),
        ({"epochs": 0}, "epochs: found 0"),
        ({"dataset": "digit"}, "dataset: found 'digit'"),
        ({"lr": float("inf")}, "lr: found inf"),
        ({"check": -1}, "check: found -1"),
    ],
)
def test_impossible_settings_are_told(changes, told):
    with pytest.raises(ConfigError, match=told):
        small(run=RunSettings(), **changes)
