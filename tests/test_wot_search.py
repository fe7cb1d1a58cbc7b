"""Search by score: against a plain loop, with every filter, and with bad input."""

import fcntl
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from common.config import parse_config
from common.data import load_dataset
from common.files import read_json
from common.runs import RunError
from common.stopping import StopRequest
from dag import effective_depth_width
from spaces.darts import Genotype
from spaces.nasbench201 import Cell, all_cells
from tests.running import run
from tests.server import ROOT
from wot_dag import correlate
from wot_dag.__main__ import main, run_search
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.filters import FILTERS
from wot_dag.header import header_of, require_fit
from wot_dag.scorer import Scorer
from wot_dag.search import draw_repeats, ranked, search, summarize
from wot_dag.space import DartsSpace, NasBench201Space, make_space
from wot_dag.store import Key, ScoreError, ScoreValue, write_scores

CELLS = [str(cell) for cell in all_cells()]
HEADER = WotConfig().score_identity() | {
    "dataset": {"name": "cifar10", "digest": "0"}, "image_shape": [3, 32, 32]
}  # fmt: skip
TABLE_HEADER = "index,arch,cifar10/test@12,cifar10/test@200,digits/test@30,params"


def configured(tmp_path, *words: str) -> WotConfig:
    return parse_config(WotConfig, "test", "", [*words, "--run.root", str(tmp_path / "runs")])


def keeps_of(config, space):
    return FILTERS[config.filter].make(space, config.kept_fraction)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A file of scores of all cells, some of them -inf, and the scores."""
    values = np.random.default_rng(0).normal(size=len(CELLS)).tolist()
    values = [-math.inf if i % 7 == 0 else v for i, v in enumerate(values)]
    path = tmp_path_factory.mktemp("scores") / "scores.csv.gz"
    write_scores(path, HEADER, {Key(arch, 0): ScoreValue(v, 0.5) for arch, v in zip(CELLS, values)})
    return path, dict(zip(CELLS, values))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """An accuracy table whose columns are simple functions of the index."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    rows = [f"{i},{arch},1,{i / 200},{i / 300},7" for i, arch in enumerate(CELLS)]
    path.write_text("\n".join([TABLE_HEADER, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["--filter", "none"], 15_625),
        (["--filter", "box", "--fraction", "1"], 13_642),
        (["--filter", "box", "--fraction", "0.75"], 9_762),
        (["--filter", "box"], 6_256),
        (["--filter", "box", "--fraction", "0.25"], 1_376),
        (["--filter", "published"], 8_226),
    ],
)
def test_filters_keep_as_many_cells_as_the_paper_and_its_code(tmp_path, words, kept):
    config = configured(tmp_path, *words)
    assert keeps_of(config, make_space(config))(CELLS).sum() == kept


def test_search_equals_a_plain_loop(tmp_path, scored):
    path, values = scored
    words = ["--scores", str(path), "--filter", "box", "--samples", "20", "--repeats", "30"]
    config = configured(tmp_path, *words)
    space = make_space(config)
    choices = search(config, space, StopRequest())
    for number, choice in enumerate(choices):
        drawn = np.random.default_rng([0, number]).integers(len(CELLS), size=20)
        best, kept = None, 0
        for index in drawn:
            depth, width = effective_depth_width(Cell.parse(CELLS[index]).to_dag())
            inside = abs(depth - 1.625) <= 0.6875 and abs(width - 13 / 6) <= 11 / 12
            kept += inside
            if inside and values[CELLS[index]] > (values[best] if best else -math.inf):
                best = CELLS[index]
        assert (choice.arch, choice.evaluated, choice.drawn) == (best, kept, 20)
        assert choice.scoring_seconds <= 0.5 * kept


def test_draws_are_the_same_whatever_the_filter(tmp_path):
    plain, boxed = (
        draw_repeats(c, make_space(c))
        for c in (configured(tmp_path), configured(tmp_path, "--filter", "box"))
    )
    assert all(set(b.kept) <= set(p.kept) for p, b in zip(plain, boxed))
    assert len({repeat.kept for repeat in plain}) == 500


def test_repeats_take_the_seeds_in_turn(tmp_path):
    rng = np.random.default_rng(0)
    scores = {
        Key(arch, seed): ScoreValue(value, 0.5 + seed)
        for seed in (1, 3, 4)
        for arch, value in zip(CELLS, rng.permutation(len(CELLS)).astype(float))
    }
    write_scores(tmp_path / "scores.csv", HEADER, scores)
    words = ["--scores", str(tmp_path / "scores.csv"), "--score.seeds", "[1, 4, 3]"]
    config = configured(tmp_path, *words, "--repeats", "7", "--samples", "5")
    choices = search(config, make_space(config), StopRequest())
    for number, choice in enumerate(choices):
        seed = (1, 4, 3)[number % 3]
        drawn = np.random.default_rng([0, number]).integers(len(CELLS), size=5)
        assert choice.score == max(scores[Key(CELLS[i], seed)].value for i in drawn)
        assert choice.scoring_seconds == 5 * (0.5 + seed)


def test_singular_scores_are_never_chosen():
    scores = {"a": -math.inf, "b": -3.0, "c": -3.0, "d": -math.inf}
    assert ranked(scores) == ["b", "c"]  # equal ones in the order of drawing
    assert ranked({"c": -3.0, "b": -3.0, "e": -2.0}) == ["e", "c", "b"]
    assert ranked({"a": -math.inf}) == ranked({}) == []


def test_result_holds_accuracies_of_the_chosen_and_is_kept(tmp_path, scored, table):
    words = ["--scores", str(scored[0]), "--table", str(table), "--repeats", "9"]
    config = configured(tmp_path, *words, "--run.name", "kept")
    result = run_search(config)
    folder = tmp_path / "runs/wot/kept"
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    expected = [CELLS.index(record["arch"]) / 200 for record in records]
    assert (result["kind"], result["method"], result["n"]) == ("wot", "WOT", 9)
    assert result["dataset"] == HEADER["dataset"] and result["network"]["seeds"] == 1
    row = result["accuracy"]["cifar10"]
    assert row["column"] == "cifar10/test@200"
    assert row["mean"] == pytest.approx(np.mean(expected))
    assert row["std"] == pytest.approx(np.std(expected, ddof=1))
    assert row["best"] == 15_624 / 200
    assert result["accuracy"]["digits"]["n"] == len(records) == 9
    assert run_search(config) == result == read_json(folder / "result.json")


def test_a_filter_that_rejects_all_samples_is_reported(tmp_path, scored, table, capsys):
    words = ["--scores", str(scored[0]), "--table", str(table), "--filter", "box"]
    result = run_search(configured(tmp_path, *words, "--fraction", "1e-6", "--repeats", "4"))
    assert result["repeats_without_choice"] == 4
    assert result["evaluations_saved"] == 1
    assert result["accuracy"]["cifar10"]["mean"] is None


def test_scores_are_computed_on_demand_and_kept(tmp_path):
    words = ["--score.dataset", "digits", "--score.channels", "1", "--score.cells", "1"]
    words += ["--score.batch_size", "8", "--samples", "6", "--score.device", "cpu"]
    config = configured(tmp_path, *words, "--repeats", "2")
    result = run_search(config)
    (file,) = tmp_path.glob("runs/wot_scores/nas-bench-201_digits_*/scores.0.jsonl")
    first = file.read_text()
    space = make_space(config)
    needed = {arch for repeat in draw_repeats(config, space) for arch in repeat.kept}
    assert {json.loads(line)[0] for line in first.splitlines()} == needed
    again = configured(tmp_path, *words, "--repeats", "2", "--run.name", "again")
    more = configured(tmp_path, *words, "--repeats", "3", "--run.name", "more")
    with file.parent.with_name(f".{file.parent.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as a process that scores holds it
        assert run_search(again)["best"] == result["best"]
        with pytest.raises(RunError, match="in use by another process"):
            run_search(more)
    other = configured(tmp_path, *words, "--repeats", "1", "--score.cells", "2",
                       "--run.name", "other")  # fmt: skip
    run_search(other)
    assert file.read_text() == first


def test_a_cell_scores_the_same_alone_as_in_its_group():
    score = ScoreSettings("digits", batch_size=16, channels=2, cells=2, device="cpu")
    scorer = Scorer(score, NasBench201Space(score))
    keys = [Key(arch, seed) for arch in CELLS[400:520] for seed in (0, 1)]
    groups = scorer.groups(keys)
    assert sorted(key for group in groups for key in group) == sorted(keys)
    largest = sorted(groups, key=len)[-2:]
    assert len(largest[0]) > 3
    together, values = scorer(largest), set()
    for key, score in together.items():
        assert scorer([[key]])[key].value == score.value
        values.add(score.value)
    assert len(values) > 2


def test_darts_filter_asks_both_cells_and_the_published_one_the_normal_cell(tmp_path):
    rng = np.random.default_rng(0)
    archs = DartsSpace(WotConfig().score).draw(rng, 200)
    genotypes = [Genotype.from_json(arch) for arch in archs]
    config = configured(tmp_path, "--space", "darts", "--filter", "published")
    shapes = [effective_depth_width(g.to_dag("normal", "last")) for g in genotypes]
    expected = [0.5 <= d <= 1.6 and 4 <= w <= 12 for d, w in shapes]
    assert keeps_of(config, make_space(config))(archs).tolist() == expected
    config = configured(tmp_path, "--space", "darts", "--filter", "box")
    space = make_space(config)
    kept = keeps_of(config, space)(archs)
    swapped = [Genotype(g.reduce, g.normal).to_json() for g in genotypes]
    assert np.array_equal(keeps_of(config, space)(swapped), kept)
    assert 0 < kept.sum() < 200


def test_a_darts_search_writes_a_genotype_and_how_to_train_it(tmp_path, capsys):
    words = ["--space", "darts", "--score.dataset", "digits", "--score.channels", "2"]
    words += ["--score.cells", "3", "--score.batch_size", "8", "--samples", "3", "--repeats", "1"]
    words += ["--run.name", "a name", "--score.device", "cpu"]
    result = run_search(configured(tmp_path, *words))
    file = tmp_path / "runs/wot/a name/genotype.json"
    assert Genotype.from_json(file.read_text()).to_json() == result["best"]["arch"]
    assert f"--genotype '{file}'" in result["best"]["train_with"]


def test_summary_adds_up(tmp_path, scored):
    config = configured(tmp_path, "--scores", str(scored[0]), "--filter", "box", "--repeats", "7")
    choices = search(config, make_space(config), StopRequest())
    summary = summarize(choices)
    seconds = summary["seconds_per_repeat"]
    assert seconds["total"] == pytest.approx(
        seconds["filter_seconds"] + seconds["scoring_seconds"] + seconds["rest_seconds"]
    )
    assert summary["evaluated"] == sum(c.evaluated for c in choices) < summary["drawn"] == 700


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--filter", "boxes"], "filter: found 'boxes', expected one of none, box, published"),
        (["--fraction", "0"], "fraction: found 0.0, expected 0 < fraction <= 1"),
        (["--score.name", "nngb"], "random, aggregate; the nearest is 'nngp'"),
        (["--samplez", "3"], "did you mean 'samples'"),
        (["--score.batch_size", "1"], "score.batch_size: found 1, expected an integer >= 2"),
        (["--score.dataset", "digits", "--score.batch_size", "1001"], "2 .. 1000"),
        (["--table", "nowhere.csv"], "table: found no file nowhere.csv"),
        (["--scores", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--score.dataset", "nowhere.npz"], "nowhere.npz: no such file"),
        (
            ["--space", "darts", "--genotypes", "nowhere.json", "--score.dataset", "digits"],
            "nowhere.json",
        ),
    ],
)
def test_bad_input_ends_with_one_line(tmp_path, monkeypatch, capsys, words, message):
    root = ["--run.root", str(tmp_path), "--score.device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["wot_dag", *words, *root])
    with pytest.raises(SystemExit) as stop:
        main()
    text = str(stop.value) if isinstance(stop.value.code, str) else capsys.readouterr().err
    assert message in text
    assert text.strip().count("\n") == 0


def test_scores_that_miss_cells_are_named(tmp_path, monkeypatch):
    few = {Key(arch, 0): ScoreValue(1.0, 1.0) for arch in CELLS[:9000]}
    write_scores(tmp_path / "few.csv", HEADER, few)
    words = ["--scores", str(tmp_path / "few.csv"), "--run.root", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["wot_dag", *words])
    with pytest.raises(SystemExit, match=r"scores: [\d,]+ of [\d,]+ are missing, the first is \|"):
        main()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--score.dataset", "digits", "--score.batch_size", "7"],
            "found scores made with batch_size 128, dataset 'cifar10', expected batch_size 7, "
            "dataset 'digits'",
        ),
        (["--score.cells", "1", "--score.precision", "bfloat16"], "with cells 5, precision"),
        (["--score.dataset", "nowhere.npz"], "expected dataset 'nowhere'"),
        (["--space", "darts"], "with space 'nas-bench-201', expected space 'darts'"),
    ],
)
@pytest.mark.parametrize("entry", [main, correlate.main])
def test_scores_made_otherwise_are_refused(tmp_path, monkeypatch, scored, entry, words, message):
    source = ["--genotypes", str(nds(tmp_path))] if "darts" in words else []
    root = ["--run.root", str(tmp_path), "--scores", str(scored[0])]
    monkeypatch.setattr(sys, "argv", ["wot_dag", *words, *root, *source])
    with pytest.raises(SystemExit) as stop:
        entry()
    assert message in str(stop.value) and "\n" not in str(stop.value)


def nds(folder: Path) -> Path:
    """An NDS file of three genotypes."""
    rng = np.random.default_rng(0)
    nets = [
        {
            "net": {"genotype": Genotype.random(rng).to_dict(), "width": 2, "depth": 1},
            "test_ep_top1": [10.0 + n],
        }
        for n in range(3)
    ]
    (folder / "nds.json").write_text(json.dumps(nets))
    return folder / "nds.json"


def test_an_npz_counts_by_its_images_not_by_its_name(tmp_path):
    labels = np.arange(20) % 2
    for name, seed in (("a", 0), ("same", 0), ("other", 1)):
        images = np.random.default_rng(seed).integers(256, size=(20, 8, 8), dtype=np.uint8)
        arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
        np.savez(tmp_path / f"{name}.npz", **arrays)

    def config(name: str) -> WotConfig:
        words = ["--score.dataset", str(tmp_path / f"{name}.npz"), "--scores", "scores.csv"]
        return configured(tmp_path, *words, "--score.batch_size", "4")

    header = header_of(config("a"), load_dataset(str(tmp_path / "a.npz")))
    require_fit(config("same"), header)
    with pytest.raises(ScoreError, match=r"^scores\.csv: found scores made with data '"):
        require_fit(config("other"), header)


def test_what_scores_and_chooses_holds_no_benchmark():
    check = "import wot_dag.search, sys; sys.exit('spaces.benchmark' in sys.modules)"
    assert run("tests.elsewhere", ROOT, "tests.changed", check, "wot_dag") == (0, "", "")
