"""Accuracy tables, and archives in the official structure against the packages' own answers."""

import bz2
import collections
import gzip
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spaces.benchmark import AccuracyTable
from spaces.benchmark.__main__ import main
from spaces.benchmark.archive import SPLITS, convert
from spaces.benchmark.streaming_pickle import StreamingUnpickler, keep_last_epochs
from spaces.depth_width import nasbench201_shapes
from spaces.errors import SpaceError
from spaces.nasbench201 import EDGES, Cell, all_cells
from wot_dag.store import Key, ScoreValue, read_scores, write_scores

RUNS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
ALL = tuple(map(str, all_cells()))
CELLS = list(ALL[5::2500])
SOME = ALL[::31]  # the first to the last


def trial(api, name, run, seed, epochs, rng):
    """A ResultsCount of the package `api` with every epoch of every evaluation set."""
    config = {"channel": 16, "num_cells": 5, "arch_str": name, "class_num": 10}
    accuracies = {i: float(a) for i, a in enumerate(rng.uniform(10, 99, epochs))}
    result = api.ResultsCount(
        run, None, accuracies, accuracies, 0.073306, 7.78, config, seed, epochs, None
    )
    result.update_train_info(accuracies, accuracies, accuracies, accuracies)
    keys = [f"{evaluated}@{i}" for evaluated in RUNS[run] for i in range(epochs)]
    values = dict(zip(keys, map(float, rng.uniform(10, 99, len(keys)))))
    result.update_eval(values, values, values)
    return result


def archive(api, schedules, trials_of=lambda index, run: 1 + (index + len(run)) % 3):
    """The dict that the official files hold; the last cell is not evaluated."""
    rng = np.random.default_rng(0)
    infos = {}
    for index, name in enumerate(CELLS[:-1]):
        infos[index] = {}
        for schedule, epochs in schedules.items():
            results = api.ArchResults(index, name)
            for run in RUNS:
                for seed in (777, 888, 999)[: trials_of(index, run)]:
                    results.update(run, seed, trial(api, name, run, seed, epochs, rng))
            infos[index][schedule] = results.state_dict()
    return {
        "meta_archs": CELLS,
        "arch2infos": infos,
        "evaluated_indexes": set(infos),
        "total_archs": len(CELLS),
    }


@pytest.fixture(scope="module")
def nas201():
    api = pytest.importorskip("nas_201_api", reason="needs the package nas-bench-201")
    return api, archive(api, {"less": 12, "full": 200})


@pytest.fixture(scope="module")
def nats():
    api = pytest.importorskip("nats_bench", reason="needs the package nats-bench")
    return api, archive(api, {"12": 12, "200": 200})


def assert_answers_match(table, api):
    assert list(table.architectures) == CELLS[:-1]
    for (dataset, split), (run, _) in SPLITS.items():
        for epochs in (12, 200):
            for index, name in enumerate(CELLS[:-1]):
                info = api.get_more_info(index, run, hp=str(epochs), is_random=False)
                expected = info[f"{split}-accuracy"]
                (found,) = table.values(f"{dataset}/{split}@{epochs}", [name])
                assert found == pytest.approx(expected)
    assert (table.columns["params"] == 73_306).all()


@pytest.mark.parametrize("zipped", [False, True])
def test_nasbench201_files_match_the_packages_answers(nas201, tmp_path, zipped):
    api, data = nas201
    path = tmp_path / "NAS-Bench-201.pth"
    torch.save(data, path, _use_new_zipfile_serialization=zipped)
    table, notes = convert(path)
    assert_answers_match(table, api.NASBench201API(data, verbose=False))
    assert "cifar10/test@200: last of 200 epochs" in notes[1]
    assert "1 seed: 2, 2 seeds: 2, 3 seeds: 2" in notes[1]


def test_nats_file_and_folder_match_the_packages_answers(nats, tmp_path):
    api, data = nats
    api.pickle_save(data, tmp_path / "NATS-tss.pickle")
    table, _ = convert(tmp_path / "NATS-tss.pickle.pbz2")
    assert_answers_match(table, api.NATStopology(data, verbose=False))
    folder = tmp_path / "simple"
    folder.mkdir()
    api.pickle_save({"meta_archs": CELLS}, folder / "meta.pickle")
    for index, info in data["arch2infos"].items():
        api.pickle_save(info, folder / f"{index:06d}.pickle")
    again, _ = convert(folder)
    assert again.architectures == table.architectures
    for name, values in table.columns.items():
        np.testing.assert_array_equal(again.columns[name], values)


def test_convert_from_the_command_line_and_read_back(nas201, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("spaces.benchmark.archive._SILENT", 0)
    path, out = tmp_path / "a.pth", tmp_path / "a.csv.gz"
    torch.save(nas201[1], path)
    assert main(["convert", str(path), str(out)]) == 0
    captured = capsys.readouterr()
    assert "100%" in captured.err
    assert "trained as 'cifar10', evaluated on 'ori-test'" in captured.out
    table, expected = AccuracyTable.read(out), convert(path)[0]
    np.testing.assert_allclose(
        table.column("cifar100", "valid"), expected.column("cifar100", "valid"), atol=5e-5
    )
    assert main(["show", str(out)]) == 0
    assert "6 architectures" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("form", ["zip", "legacy", "bz2", "folder"])
def test_foreign_classes_are_refused_by_name(tmp_path, capsys, form):
    data = {"meta_archs": CELLS, "arch2infos": {0: Harmful()}}
    path = tmp_path / "bad"
    if form == "bz2":
        path.write_bytes(bz2.compress(pickle.dumps(data)))
    elif form == "folder":
        path.mkdir()
        meta = {"meta_archs": Harmful()}
        (path / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(meta)))
    else:
        torch.save(data, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(SpaceError, match=r"refused: the file holds builtins\.print"):
        convert(path)
    assert "this must not run" not in capsys.readouterr().out


def test_an_unpickled_archive_keeps_only_the_last_epochs(nas201, tmp_path):
    with (tmp_path / "a").open("wb") as file:
        pickle.dump(nas201[1], file, protocol=2)
    with (tmp_path / "a").open("rb") as file:
        data = StreamingUnpickler(file).load()
    run = data["arch2infos"][0]["full"]["all_results"]["cifar100", 777]
    assert set(run["eval_acc1es"]) == {f"{s}@199" for s in RUNS["cifar100"]}
    assert run["train_acc1es"].keys() == {199}
    original = nas201[1]["arch2infos"][0]["full"]["all_results"]["cifar100", 777]
    assert run["eval_acc1es"]["x-test@199"] == original["eval_acc1es"]["x-test@199"]


def test_keep_last_epochs_treats_each_set_apart():
    entries = collections.OrderedDict({"a@0": 1.0, "a@1": 2.0, "b@0": 3.0})
    keep_last_epochs(entries)
    assert entries == {"a@1": 2.0, "b@0": 3.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04zzz", "cut off or no archive"),
        (b"\x80\x02K\x01.", "cut off"),
        (b"", "cut off"),
        (b"x", "KeyError(120)"),
        (b"BZh9xx", "no archive"),
        (b"BZh9" + bytes(range(256)), "cut off"),
        (b"\x80\x02}(K\x01.", "cut off"),
        (b"\x80\x02](K\x01a.", "cut off"),
    ],
)
def test_files_that_are_no_archive_are_one_line(tmp_path, capsys, content, message):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    assert main(["convert", str(path), str(tmp_path / "o.csv")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.fixture
def table_path(tmp_path):
    columns = {"cifar10/test@200": np.linspace(10, 94, 505), "params": np.full(505, 7.0)}
    AccuracyTable(SOME, columns).write(tmp_path / "t.csv.gz")
    return tmp_path / "t.csv.gz"


def test_queries_name_what_is_there(table_path):
    table = AccuracyTable.read(table_path)
    assert table.values("cifar10/test@200", [ALL[-1], ALL[0]]).tolist() == [94, 10]
    for arguments, message in [
        (
            ("cifar1O",),
            "found 'cifar1O/test@200', expected one of .* nearest is 'cifar10/test@200'",
        ),
        (("cifar10", "valid"), "found 'cifar10/valid@200', expected one of cifar10/test@200"),
        (("cifar10", "test", 12), "found 'cifar10/test@12', expected one of cifar10/test@200"),
    ]:
        with pytest.raises(SpaceError, match=message):
            table.column(*arguments)


def test_a_cell_without_an_accuracy_is_left_out(table_path):
    table = AccuracyTable.read(table_path)
    column, archs = "cifar10/test@200", [table.architectures[i] for i in (0, 5, 504)]
    table.columns[column][[5, 504]] = np.nan
    table.write(table_path)
    table = AccuracyTable.read(table_path)
    found = table.look_up(archs)["cifar10"]
    assert np.isnan(table.columns[column]).sum() == 2
    assert (found["mean"], found["n"]) == (10, 1) and 93.8 < found["best"] < 94


def edit(path, change):
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress("\n".join(change(lines)).encode()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0] + ",params", *(f"{x},1" for x in lines[1:])], "'params' twice"),
        (lambda lines: [lines[0].replace("cifar10/test@200", "acc"), *lines[1:]], "dataset/test@"),
        (lambda lines: [lines[0], lines[1].replace(",10,", ",inf,"), *lines[2:]], "found inf"),
        (lambda lines: [lines[0], lines[1].replace(",10,", ",-1,"), *lines[2:]], "found -1"),
        (lambda lines: [lines[0], lines[1].replace(",10,", ",100.5,"), *lines[2:]], "found 100.5"),
        (lambda lines: [*lines[:-1], lines[-1][:30]], "row 504: found 2 fields, expected 4"),
        (lambda lines: [*lines, lines[7]], "row 505: .* already stands in row 6"),
        (lambda lines: [lines[0].replace("arch", "cell"), *lines[1:]], "found columns"),
        (lambda lines: [lines[0], lines[1].replace(",10,", ",ten,"), *lines[2:]], "'ten'"),
        (lambda lines: [*lines[:-1], lines[-1].replace("avg", "awg", 1)], "awg_pool_3x3"),
        (lambda lines: [], "found columns"),
    ],
)
def test_damaged_tables_are_refused(table_path, change, message):
    edit(table_path, change)
    with pytest.raises(SpaceError, match=message) as error:
        AccuracyTable.read(table_path)
    assert "\n" not in str(error.value)


def test_a_truncated_gzip_file_is_refused(table_path):
    table_path.write_bytes(table_path.read_bytes()[:-200])
    with pytest.raises(SpaceError, match="cut off or damaged"):
        AccuracyTable.read(table_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(SpaceError, match="found no text"):
        AccuracyTable.read(tmp_path / "t.csv")


def test_cells_without_a_row_are_counted_and_warned_of(table_path, capsys):
    edit(table_path, lambda lines: lines[:-3])
    table = AccuracyTable.find(table_path)
    assert "15,123 of 15,625 cells have no row" in capsys.readouterr().err
    found = table.look_up(SOME[-5:])["cifar10"]
    assert (found["n"], found["without_accuracy"]) == (2, 3)


def test_shares_are_warned_of(tmp_path, capsys):
    values = np.linspace(0, 1, 15_625)
    table = AccuracyTable(ALL, {"cifar10/test@200": values})
    table.write(tmp_path / "shares.csv")
    AccuracyTable.find("shares.csv", tmp_path)
    error = capsys.readouterr().err
    assert "found at most 1, expected accuracies in %" in error and error.count("\n") == 1


def test_strings_with_spaces_are_the_same_cells(table_path):
    before = AccuracyTable.read(table_path)
    edit(table_path, lambda lines: [line.replace("|+|", "| + |") for line in lines])
    assert AccuracyTable.read(table_path).architectures == before.architectures
    cell = Cell.parse(before.architectures[7])
    edges = str(dict(zip(EDGES, cell.operators)))
    written = before.architectures[7].replace("|+|", "| + |")
    edit(table_path, lambda lines: [line.replace(written, f'"{edges}"') for line in lines])
    again = AccuracyTable.read(table_path)
    assert again.architectures == before.architectures


def test_a_digest_follows_the_numbers_and_not_the_name(table_path):
    table = AccuracyTable.read(table_path)
    again = AccuracyTable(table.architectures, dict(table.columns), "other name")
    assert again.header["digest"] == table.header["digest"]
    again.columns["cifar10/test@200"] = table.column("cifar10") + 1e-9
    assert AccuracyTable(table.architectures, again.columns).header != table.header


def test_a_search_takes_the_accuracies_of_the_table_at_hand(table_path):
    table = AccuracyTable.read(table_path)
    arch = table.architectures[3:4]
    other = AccuracyTable(table.architectures, {"cifar10/test@200": table.column("cifar10") / 2})
    run = SimpleNamespace(result={"method": "WOT"})
    run.rewrite = lambda result: setattr(run, "result", result)
    for at_hand in (table, other):
        at_hand.add_to(run, lambda at_hand=at_hand: {"accuracy": at_hand.look_up(arch)})
        found = run.result
        assert found["accuracy"]["cifar10"]["mean"] == at_hand.column("cifar10")[3]
        assert (found["method"], found["table"]) == ("WOT", at_hand.header)
        at_hand.add_to(run, pytest.fail)  # the same table: nothing is looked up anew
        assert run.result is found


def test_the_table_that_ships_with_the_code():
    table = AccuracyTable.find("nasbench201")
    assert len(table) == 15_625 and table.header["name"] == "nasbench201"
    for dataset, best, mean in (
        ("cifar10", 94.37, 87.06), ("cifar100", 73.51, 61.41), ("ImageNet16-120", 47.31, 33.59)
    ):  # fmt: skip
        found = table.look_up(table.architectures)[dataset]
        assert (round(found["best"], 2), round(found["mean"], 2)) == (best, mean)
        assert f"{dataset}/test@12" in table.columns


def test_the_table_is_that_of_the_benchmark(shared):
    official = AccuracyTable.read(shared / "data/nasbench201.csv.gz")
    assert AccuracyTable.find("nasbench201").header == official.header


def test_a_table_of_a_header_alone_is_refused(tmp_path):
    path = tmp_path / "empty.csv"
    path.write_text("index,arch,cifar10/test@200\n")
    with pytest.raises(SpaceError, match="found a header and no row"):
        AccuracyTable.read(path)


def test_what_is_read_once_for_all_cannot_be_changed(tmp_path):
    table, shapes = AccuracyTable.find("nasbench201"), nasbench201_shapes()
    for array in (*table.columns.values(), *shapes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = -1
    file = tmp_path / "scores.csv"
    write_scores(file, {"dataset": {"name": "a"}}, {Key("x", 0): ScoreValue(1.0, 1.0)})
    header, scores = read_scores(file)
    header["dataset"].clear(), scores.clear()
    assert read_scores(file) == ({"dataset": {"name": "a"}}, {Key("x", 0): ScoreValue(1.0, 1.0)})
