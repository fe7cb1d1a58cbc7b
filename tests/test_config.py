"""Settings from YAML and the command line."""

import contextlib
import dataclasses
from types import SimpleNamespace

import pytest
import yaml

from common.config import free, identity, load_yaml, parse_config, run_entry
from common.dataset import epoch_order
from common.runs import RunSettings
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.training import train
from tests.running import run


def parse(*words):
    return parse_config(MlpConfig, "prog", "Trains.", words)


def refused(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        parse(*words)
    assert caught.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith("prog: ")
    return "\n".join(lines)


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("code", ["2_02_002", "0_12_012", "1_01_222", "2"])
def test_codes_arrive_as_text_with_and_without_quotes(tmp_path, quote, code):
    file = tmp_path / "my.yaml"
    file.write_text(f"dags: {{a: {quote}{code}{quote}}}\n")
    assert parse("--config", str(file)).dags == {"a": code}
    assert parse("--dags", f"{{a: {quote}{code}{quote}}}").dags == {"a": code}
    assert parse("--dags.a", code).dags["a"] == code


@pytest.mark.parametrize("name", ["08", "1e5", "0x1F", "null", "true", "1_0", "~", "-0"])
def test_names_stay_text_whatever_yaml_reads_in_them(tmp_path, name):
    file = tmp_path / "my.yaml"
    file.write_text(f"dags: {{{name}: 2_02_002}}\n")
    config = parse("--config", str(file), "--epochs", "1", "--width", "4", "--seeds", "[0]",
                   "--run.root", str(tmp_path), "--device", "cpu")  # fmt: skip
    assert config.dags == {name: "2_02_002"}
    assert list(train(config)["dags"]) == [name]
    folder = tmp_path / "mlp/my"
    assert load_yaml((folder / "config.yaml").read_text())["dags"] == {name: "2_02_002"}
    assert list(train(config)["dags"]) == [name]  # read again as it was written


def test_what_pyyaml_would_make_of_it():
    assert yaml.safe_load("2_02_002") == 202002
    assert load_yaml("2_02_002") == "2_02_002"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5), ("5", 5), ("-3", -3), ("0.5", 0.5), (".5", 0.5), ("true", True),
        ("yes", "yes"), ("null", None), ("012", 12), ("0x1f", "0x1f"), ("12:30", "12:30"),
    ],
)  # fmt: skip
def test_yaml_1_2_scalars(text, value):
    assert load_yaml(text) == value and type(load_yaml(text)) is type(value)


def test_command_line_over_yaml_over_defaults(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("width: 64\noptimizer: {lr: 1e-3}\n")
    config = parse("--config", str(file), "--width", "32", "--optimizer.momentum", "0.9")
    assert (config.width, config.epochs) == (32, MlpConfig().epochs)
    assert config.optimizer == SgdConfig(lr=1e-3, momentum=0.9)
    assert config.run.name == "my"


@pytest.mark.parametrize(
    ("words", "named", "hint"),
    [
        (["--widht", "3"], "'widht'", "'width'"),
        (["--optimizer.lrr", "3"], "'optimizer.lrr'", "'optimizer.lr'"),
    ],
)
def test_an_unknown_key_names_the_nearest(capsys, words, named, hint):
    message = refused(capsys, *words)
    assert named in message and f"did you mean {hint}" in message


def test_an_unknown_key_in_a_file(capsys, tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text("epoch: 3\n")
    assert "did you mean 'epochs'" in refused(capsys, "--config", str(file))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--width", "0"], "width: found 0, expected an integer >= 1"),
        (["--width", "wide"], "width"),
        (["--optimizer.lr", "0"], "optimizer.lr: found 0.0"),
        (["--optimizer.lr", "-1"], "optimizer.lr"),
        (["--optimizer.lr", ".nan"], "optimizer.lr"),
        (["--epochs", "0"], "epochs"),
        (["--seeds", "[]"], "seeds"),
        (["--seeds", "[1,1]"], "seeds"),
        (["--seeds", f"[{2**63}]"], "seeds"),
        (["--split_seed", "-1"], "split_seed: found -1, expected an integer >= 0"),
        (["--dags", "{' ': 2_02}"], "dags: found {' ': '2_02'}, expected a name before each code"),
        (["--dags", "{a: 2_02, a: 2_12}"], "line 1: found key 'a' a second time"),
        (["--loss", "hinge"], "loss: found 'hinge', expected one of cross_entropy, mse"),
        (["--dataset", "imagenet"], "digits, mnist"),
        (["--dags", "{}"], "dags"),
        (["--dags.a", "2_03"], "row 2: found '3'"),
        (["--dags.a", "202002"], "row 1: found 6 digits"),
        (["--dags.a", "2_00"], "no path from input to output"),
        (["--config", "absent.yaml"], "absent.yaml"),
        (["--run.name", "a/b"], "run.name"),
        (["--width", "9" * 40], "expected an integer of 64 bits"),
        (["--config="], '--config: found "no file\'s name"'),
        (["--config", "{width: 8}"], '--config: found "no file\'s name"'),
    ],
)
def test_a_bad_value_is_refused_in_words(capsys, words, told):
    assert told in refused(capsys, *words)


def test_help_and_print_config_of_the_entry():
    _, told, _ = run("mlp_code", "--help")
    assert "passes over the training images" in told and "learning rate" in told
    assert max(map(len, told.splitlines())) <= 80
    words = ("--config", "configs/mlp/fig4_mnist.yaml", "--print_config")
    _, printed, _ = run("mlp_code", *words)
    assert load_yaml(printed)["dags"]["DAG#1"] == "2_02_002"
    assert load_yaml(printed)["optimizer"]["lr"] == 1e-5


def test_a_bad_code_is_pointed_at_from_the_command_line(capsys):
    lines = refused(capsys, "--dags.mine", "2_12_2222").split("\n")
    assert lines[0].startswith("prog: dags.mine: bad DAG code '2_12_2222': row 3: found 4 digits")
    assert lines[2].index("^") - lines[1].index("2_12_2222") == 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dags:\n  a: 2_02\n  a: 2_12\n", "line 3: found key 'a' a second time"),
        ("width: 8\n\nwidth: 9\n", "line 3: found key 'width' a second time"),
        ("optimizer: {lr: 1, lr: 1}\n", "line 1: found key 'lr' a second time"),
        ("[width]: 8\n", "line 1: found a list as key"),
        ("optimizer:\n  # lr: 1\n", "optimizer: found None, expected settings below it"),
        ("null\n", "Unexpected config"),
        ("optimizer: [1]\n", "optimizer: found [1], expected settings below it"),
        ("width:\n", "width: found None, expected a value"),
        ("run: {fresh: }\n", "run.fresh: found None, expected a value"),
        ("milestones: {}\n", "'milestones'; did you mean 'optimizer.milestones'"),
        ('run: {name: "a\\0b"}\n', "run.name: found 'a\\x00b', expected no NUL"),
        ("width: " + "9" * 5000, "line 1: found a number of 5000 digits"),
        ("epochs: " + "9" * 40, f"epochs: found {'9' * 40}, expected an integer of 64 bits"),
        ("width: " + "[" * 3000, "line 1: found more than 50 lists within each other"),
        ("dataset: " + "a" * 5000, "dataset: found 'aaa"),
        (b"dataset: \xff", "found a file that is no text"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(tmp_path, capsys, text, told):
    (tmp_path / "my.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    message = refused(capsys, "--config", str(tmp_path / "my.yaml"))
    assert told in message and "\n" not in message and len(message) < 500


@pytest.mark.parametrize("text", ["", "\n", "# width: 8\n"])
def test_a_file_of_comments_leaves_the_defaults(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)
    config = parse("--config", str(tmp_path / "my.yaml"))
    assert identity(config) == identity(MlpConfig()) and config.run.name == "my"


def test_identity_leaves_out_what_may_change():
    kept = identity(MlpConfig())
    assert not {"run", "device", "checkpoint_every", "tensorboard", "batched"} & set(kept)
    assert kept["optimizer"]["lr"] == 1e-5 and kept["seeds"] == [0, 1, 2]
    came_later = {"init", "precision"}  # runs were there before: at their defaults, left out
    assert not came_later & set(kept) and "lr_scaling" not in kept["optimizer"]
    assert len(kept) == len(MlpConfig.__dataclass_fields__) - 5 - len(came_later)
    changed = identity(MlpConfig(precision="auto", init="in_degree"))
    assert set(changed) == set(kept) | came_later


def test_seeds_may_be_time_stamps():
    assert parse("--seeds", "[20241125093000]").seeds == [20241125093000]
    late = [epoch_order(seed, epoch, 50).tolist() for seed in (20241125093000, 2**63 - 1)
            for epoch in (1, 2)]  # fmt: skip
    assert all(sorted(order) == list(range(50)) for order in late)
    assert len(set(map(tuple, late))) == 4


@dataclasses.dataclass
class Settings:
    """What an entry is told.

    Args:
        number: any.
        run: where results go.
    """

    number: int = 1
    run: RunSettings = free(RunSettings)


@pytest.mark.parametrize("rank", [None, 0, 1])
def test_an_entry_shows_its_result_and_where_its_record_lies(monkeypatch, capsys, rank):
    """Alone, and in the first of the processes that share the work; the others say nothing."""
    group = None if rank is None else SimpleNamespace(first=rank == 0)
    monkeypatch.setattr("sys.argv", ["prog", "--number", "3", "--run.name", "mine"])

    def work(config, *others):
        assert others == (() if group is None else (group,))
        return config.number

    workers = group and (lambda: contextlib.nullcontext(group))
    run_entry("prog", Settings, "kind", work, print, workers=workers)
    told = "" if rank == 1 else "3\n\nRecords: runs/kind/mine/\n"
    assert capsys.readouterr().out == told
    with pytest.raises(SystemExit, match=r"^prog: 'absent'$"):
        run_entry("prog", Settings, "kind", fail, print, KeyError, workers=workers)


def fail(*_):
    raise KeyError("absent")
