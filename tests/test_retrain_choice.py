"""What --genotype takes, and how settings that do not fit are told."""

import json

import pytest

from common.config import ConfigError, identity
from common.runs import RunSettings
from retrain.choice import read_choice
from retrain.config import AugmentSettings, NetworkSettings, RetrainConfig, SgdSettings
from retrain.queries import read_finalists
from spaces import Cell, Genotype
from spaces.nasbench201 import EDGES, EXAMPLE
from spaces.published import GENOTYPES

OTHER = EXAMPLE.replace("none~0", "skip_connect~0")
GENOTYPE = Genotype.parse(GENOTYPES["DARTS_V2"])


@pytest.mark.parametrize("text", ["DARTS_V2", str(GENOTYPE), GENOTYPE.to_json(), f"  {GENOTYPE}\n"])
def test_a_genotype_as_words_and_as_a_file(tmp_path, text):
    assert read_choice(text, None, "darts").cell == GENOTYPE
    file = tmp_path / "genotype.json"
    file.write_text(text)
    assert read_choice(str(file), None, "darts").cell == GENOTYPE


def test_a_cell_as_words_and_as_a_file(tmp_path):
    (tmp_path / "cell.txt").write_text(EXAMPLE + "\n")
    for text in (EXAMPLE, str(tmp_path / "cell.txt")):
        assert read_choice(text, None, "nas-bench-201").cell == Cell.parse(EXAMPLE)


def result_of(folder, result):
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(result))
    return folder / "result.json"


def test_a_result_of_tenas(tmp_path):
    searches = [{"seed": 3, "arch": EXAMPLE}, {"seed": 5, "arch": OTHER}]
    both = {"kind": "tenas", "method": "TE-NAS + DAG", "searches": searches}
    file = result_of(tmp_path / "a", both)
    found = read_choice(str(file), 5, "nas-bench-201")
    assert (str(found.cell), found.method) == (OTHER, "TE-NAS + DAG")
    with pytest.raises(ConfigError, match=r"2 searches \(seeds 3, 5\): choose one with --search"):
        read_choice(str(file), None, "nas-bench-201")
    with pytest.raises(ConfigError, match=r"search: found 4, expected one of the seeds 3, 5"):
        read_choice(str(file), 4, "nas-bench-201")
    search = {"seed": 0, "genotype": GENOTYPE.to_dict()}
    single = {"kind": "tenas", "method": "TE-NAS", "searches": [search]}
    file = result_of(tmp_path / "b", single)
    found = read_choice(str(file.parent), None, "darts")
    assert (found.cell, found.method) == (GENOTYPE, "TE-NAS")
    beside = file.with_name("genotype_seed0.json")
    beside.write_text(GENOTYPE.to_json())
    assert read_choice(str(beside), None, "darts") == found


def test_a_result_of_wot(tmp_path):
    found = {"kind": "wot", "method": "WOT", "repeats": 3, "best": {"arch": EXAMPLE}}
    file = result_of(tmp_path / "a", found)
    repeats = [{"arch": OTHER}, {"arch": None}, {"arch": EXAMPLE}]
    lines = "".join(json.dumps(repeat) + "\n" for repeat in repeats)
    file.with_name("metrics.jsonl").write_text(lines)
    found = {n: str(read_choice(str(file), n, "nas-bench-201").cell) for n in (None, 1, 3)}
    assert found == {None: EXAMPLE, 1: OTHER, 3: EXAMPLE}
    with pytest.raises(ConfigError, match="search: found 2, expected one of the repeats 1, 3"):
        read_choice(str(file), 2, "nas-bench-201")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no genotype"),
        (b"hello", "holds no genotype: it begins with 'hello'"),
        (b'{"normal": [', "neither text nor whole JSON"),
        (b"\xff\xfe\x00", "neither text nor whole JSON"),
        (b'{"epochs": 3, "test": {}}', r"found a record of kind None \(epochs, test\)"),
        (b'{"normal": []}', "expected"),
        (b'{"kind": "tenas", "searches": []}', "0 searches"),
        (b'{"kind": "tenas", "searches": [{"seed": 0}]}', "neither genotype nor arch"),
        (b"|nor_conv_3x3~0|", "groups"),
        (b'{"kind": "tenas", "searches": [5]}', "found a record of kind 'tenas'.*expected"),
        (b'{"a":' * 9000, "neither text nor whole JSON"),
    ],
)
def test_files_that_hold_no_genotype(tmp_path, content, told):
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=told) as caught:
        read_choice(str(file), None, "darts")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("scores", {"repeats": 2}), ("tenas_correlation", {"best": {"arch": EXAMPLE}})],
)
def test_what_is_not_of_a_search_is_not_trained(tmp_path, kind, keys):
    """Whatever keys it has; its genotype file's method is not taken for a search's either."""
    file = result_of(tmp_path / "run", {"kind": kind, "method": "A score"} | keys)
    lines = json.dumps({"arch": EXAMPLE, "finalists": [EXAMPLE]}) + "\n"
    file.with_name("metrics.jsonl").write_text(lines)
    told = f"found a record of kind '{kind}', expected a genotype, or a search's record"
    with pytest.raises(ConfigError, match=told):
        read_choice(str(file), None, "nas-bench-201")
    with pytest.raises(ConfigError, match=f"a record of kind '{kind}', expected the folder"):
        read_finalists(str(file.parent), 1)
    beside = file.with_name("genotype.txt")
    beside.write_text(EXAMPLE)
    assert read_choice(str(beside), None, "nas-bench-201").method == ""


@pytest.mark.parametrize("text", ["", "absent.json", "DARTS_V9"])
def test_no_such_genotype(text):
    with pytest.raises(ConfigError, match=f"genotype: found '{text}', expected a file"):
        read_choice(text, None, "darts")


def test_a_genotype_of_the_other_space():
    with pytest.raises(ConfigError, match="found one of darts, expected nas-bench-201"):
        read_choice("DARTS_V2", None, "nas-bench-201")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"dataset": "cifar11"}, "dataset: found 'cifar11'"),
        ({"epochs": 0}, "epochs: found 0"),
        ({"weights": "worst"}, "weights: found 'worst', expected one of best, last"),
        ({"validation": False}, "weights: found 'best', expected last"),
        ({"micro_batch": 1}, "micro_batch: found 1"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"network": NetworkSettings(drop_path=0.2)}, "space: .*expected darts"),
        ({"epochs": 5, "optimizer": SgdSettings(warmup_epochs=5)}, "fewer than epochs"),
    ],
)
def test_settings_that_cannot_be(settings, told):
    with pytest.raises(ConfigError, match=told):
        RetrainConfig(**settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NetworkSettings(channels=0),
        lambda: NetworkSettings(stem="big"),
        lambda: NetworkSettings(auxiliary=float("nan")),
        lambda: NetworkSettings(drop_path=1.0),
        lambda: AugmentSettings(cutout=-1),
        lambda: AugmentSettings(crop_scale=0.0),
        lambda: SgdSettings(lr=0.0),
        lambda: SgdSettings(momentum=0.0),
        lambda: SgdSettings(clip=-1.0),
    ],
)
def test_parts_of_settings_that_cannot_be(make):
    with pytest.raises(ConfigError, match=r"(network|augment|optimizer)\.\w+: found"):
        make()


def test_what_may_change_between_resumes():
    one = RetrainConfig(genotype="a", device="cpu", run=RunSettings("x"))
    other = RetrainConfig(genotype="b", compile=True, loader_workers=0, checkpoint_steps=7)
    assert identity(one) == identity(other) != identity(RetrainConfig(seed=1))


PLAIN = str(GENOTYPE)
PER_NODE = (
    "Genotype(normal=[(('sep_conv_3x3', 0), ('sep_conv_3x3', 1)), (('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1)), (('sep_conv_3x3', 1), ('skip_connect', 0)), (('skip_connect', 0), "
    "('dil_conv_3x3', 2))], " + PLAIN[PLAIN.index("normal_concat") :]
)


@pytest.mark.parametrize(
    "text",
    [
        f"genotype = {PLAIN}",
        f"DARTS_V1 = {PLAIN}\n",
        f"# second order\nDARTS_V2 = {PLAIN}  # 2.76 %\n",
        f"\ufeff{PLAIN}",
        f"09/12 03:44:12 PM genotype = {PLAIN}\n09/12 03:45 PM epoch 50 (done)\n",
        PLAIN.replace(", 0)", ", np.int64(0))").replace(", 1)", ", numpy.int64(1))"),
        PLAIN.replace("[2, 3, 4, 5]", "array([2, 3, 4, 5])"),
        PLAIN.replace("[2, 3, 4, 5]", "np.array([2, 3, 4, 5], dtype=int)"),
        PLAIN.replace("[2, 3, 4, 5]", "range(2, 6)"),
        PER_NODE,
        PLAIN.replace("), (", "),\n    (").replace("normal=", "\n  normal=  # the cell\n  "),
    ],
)
def test_genotypes_as_they_stand_in_logs_and_programs(tmp_path, text):
    assert read_choice(text, None, "darts").cell == GENOTYPE
    (tmp_path / "log.txt").write_text(text)
    assert read_choice(str(tmp_path / "log.txt"), None, "darts").cell == GENOTYPE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"A = {PLAIN}\nB = {PLAIN}", "found 2 times 'Genotype\\('"),
        (f"# log\nA = {PLAIN[:-1]}", r"line 2, column \d+: '\(' was never closed"),
        (PLAIN.replace("'skip_connect', 2)", "'skip_connect')", 1), r"reduce cell: edge 2 \(into"),
        (PLAIN.replace("('sep_conv_3x3', 0)", "sep", 1), "column 18: found sep, expected lit"),
        ("Genotype(" * 3000, "found 3000 times"),
        ("Genotype(" + "-" * 50_000 + "1)", "nested too deeply"),
        ("Genotype(normal={[]: 1})", "column 17: found"),
        ("x" * 5000, "expected a file, a string"),
        pytest.param('{"a":' * 9000, "not JSON", id="deeper than Python 3.11 recurses"),
        ("a\0b", "expected a file, a string"),
    ],
)
def test_what_is_wrong_with_a_genotype_is_told(text, told):
    with pytest.raises(ConfigError, match=told) as caught:
        read_choice(text, None, "darts")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_cells_with_spaces_are_read():
    spaced = EXAMPLE.replace("|", " | ").replace("~", " ~ ")
    assert read_choice(spaced, None, "nas-bench-201").cell == Cell.parse(EXAMPLE)


@pytest.mark.parametrize("key", ["(0, 1)", "'0->1'", '"0->1"'])
def test_cells_as_edges_in_words_and_in_files(tmp_path, key):
    named = dict(zip(EDGES, Cell.parse(EXAMPLE).operators))
    text = str(named) if key[0] == "(" else str({f"{s}->{t}": n for (s, t), n in named.items()})
    text = text.replace("'", key[0]) if key[0] == '"' else text
    file = tmp_path / "cell.json"
    file.write_text(text)
    for given in (text, str(file)):
        assert read_choice(given, None, "nas-bench-201").cell == Cell.parse(EXAMPLE)
