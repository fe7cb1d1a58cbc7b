"""python -m spaces.measure: what it reads, prints and refuses; and `from spaces import measure`."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from torch import nn

from common.record import main as keep
from dag import Dag, effective_depth_width
from report.guard import Left
from report.planes import planes
from report.results import all_sections
from report.sections import Sources
from spaces import Genotype, measure
from spaces.measure.__main__ import main
from spaces.measure.correlations import correlations
from spaces.measure.subjects import Row
from spaces.nasbench201 import EXAMPLE
from spaces.published import GENOTYPES

ROOT = Path(__file__).resolve().parent.parent
OWN = """
import torch
from torch import nn

def small():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))

def words():
    return "a model"

def needs(width):
    return nn.Linear(width, width)

def trouble():
    raise ValueError("two\\nlines")

def leaves():
    raise SystemExit(0)

class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        for _ in range(x.shape[0]):
            x = self.layer(x) + x
        return x
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(OWN)
    (tmp_path / "own_broken.py").write_text("def f(:\n")
    (tmp_path / "own_leaving.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("own_models", None)


def measured(capsys, *words):
    main([*words, "--json", "-"])
    return json.loads(capsys.readouterr().out)["models"]


PAIRS = (
    "[(('nor_conv_3x3', 0),), (('none', 0), ('skip_connect', 1)), "
    "(('skip_connect', 0), ('none', 1), ('avg_pool_3x3', 2))]"
)


def test_everything_in_one_call(own, capsys):
    json_genotype = Genotype.parse(GENOTYPES["DARTS_V2"]).to_json()
    words = ("torchvision:resnet18", "own_models:small", "DARTS_V2", json_genotype, PAIRS, "2_12")
    rows = measured(capsys, *words)
    names = ["resnet18", "own_models:small", "DARTS_V2, normal cell", "DARTS_V2, reduce cell",
             "genotype, normal cell", "genotype, reduce cell", EXAMPLE, "2_12"]  # fmt: skip
    assert [row["model"] for row in rows] == names
    assert rows[0] == {
        "model": "resnet18", "family": "resnet", "parameters": 11689512, "paths": "256",
        "log2_paths": 8.0, "depth": 11.5, "log2_width": pytest.approx(8 - np.log2(11.5)),
        "shortest": 5, "longest": 18, "top1": 69.758,
    }  # fmt: skip
    assert (rows[1]["parameters"], rows[1]["depth"], rows[1]["top1"]) == (30, 2, None)
    assert rows[2]["depth"] == rows[4]["depth"]
    depth, width = effective_depth_width(Dag.parse("2_12"))
    assert (rows[7]["depth"], 2 ** rows[7]["log2_width"]) == pytest.approx((depth, width))


def test_the_table_fits_80_columns(own, capsys, tmp_path):
    main(["torchvision:densenet121", EXAMPLE, "DARTS_V2", "--csv", str(tmp_path / "new/rows.csv")])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and EXAMPLE in lines
    assert "2^58.00" in lines[1] and "5 to 121" in lines[1]
    with (tmp_path / "new/rows.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert rows[0]["paths"] == str(2**58)
    assert rows[3]["log2_width"] == "" and rows[3]["model"] == "DARTS_V2, reduce cell"


def test_a_record_says_whose_models_it_measured(own, tmp_path):
    """The name of its folder says nothing: torchvision's have a figure and a plane, others none."""
    words = {
        "all": ["torchvision:resnet18", "torchvision:resnet34", "torchvision:alexnet"],
        "few": ["torchvision:resnet18"],
        "my_torchvision": ["own_models:small", "torchvision:vgg16"],
        "own": [EXAMPLE],
    }
    for name, what in words.items():
        folder = tmp_path / "models" / name
        main([*what, "--json", str(folder / "result.json")])
        command = ["--command", f"bash scripts/models.sh {name}"]
        if name != "few":
            keep([*command, str(folder), *what, "--shape", "1,3,8,8"])
    sources, left = Sources.read([tmp_path]), Left()
    records = {run.name: run for run in sources.records}
    run = records["models/all"]
    assert (run.space, run.config["what"][-2:]) == ("torchvision", ["--shape", "1,3,8,8"])
    assert run.starts[0]["command"] == "bash scripts/models.sh all" and run.starts[0]["cores"]
    made = next(made for made in all_sections(sources, left) if made.key == "models")
    assert len(made.records) == 4 and not left.reasons
    assert [image.records for image in made.images] == [(run,)]
    captions = {table.caption for table in made.tables}
    assert captions >= {f"Paths of models/{name}" for name in ("few", "my_torchvision", "own")}
    assert len({table.key for table in made.tables}) == len(made.tables)
    found = planes(sources, left)
    assert not left.reasons
    (plane,) = (plane for plane in found if plane["key"] == "models")
    assert [row[0] for row in plane["topologies"]] == ["resnet18", "resnet34", "alexnet"]
    made.images[0].draw()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("torchvision:resnet51", "the nearest is 'resnet50'"),
        ("resnet50", "expected torchvision:NAME"),
        ("own_models:smal", "the nearest is 'small'"),
        ("own_models:words", "returned str, expected a torch.nn.Module"),
        ("own_models:needs", "expected a function without arguments"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("own_models:Branching", "in the model (Branching)"),
        ("own_models:Counting", "with an example input torch.export is tried too"),
        ("own_models:trouble", "ValueError: two lines (own_models.py, line "),
        ("own_models:leaves", "SystemExit: 0 (own_models.py, line "),
        ("own_broken:f", "SyntaxError"),
        ("own_leaving:f", "SystemExit"),
        ("builtins:exit", "SystemExit"),
        (".own_models:small", "expected package.module:function"),
        ("..:small", "expected"),
        ("2_3", "found '3'"),
        ("|nor_conv_3x3~0|", "1 groups"),
        ("Genotype(normal=3)", "found fields"),
    ],
)
def test_mistakes_are_told(own, word, told):
    with pytest.raises(SystemExit) as stopped:
        main([word])
    assert told in str(stopped.value.code)


@pytest.mark.parametrize("shape", ["0", "", "x", "1,-3", "1,,3", "99999,99999,9", "1.5"])
def test_sizes_that_no_input_has_are_told(shape, capsys):
    with pytest.raises(SystemExit):
        main(["torchvision:resnet18", "--shape", shape])
    assert "expected sizes as 1,3,224,224" in capsys.readouterr().err


def test_what_can_be_measured_is(own, capsys):
    with pytest.raises(SystemExit, match="cannot trace Branching"):
        main(["own_models:Branching", "own_models:small"])
    assert "own_models:small" in capsys.readouterr().out


def test_an_example_lets_torch_export_try(own, capsys):
    (row,) = measured(capsys, "own_models:Counting", "--shape", "3,4")
    assert (row["paths"], row["longest"]) == ("8", 3)


def test_in_python_and_without_torch():
    assert measure(Dag.parse("2_02")).longest == 2
    found = measure(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    assert str(found) == "1 paths of 2 to 2 layers, effective depth 2, log2 width -1"
    code = (
        "import sys; from spaces import measure; from dag import Dag; import spaces.measure; "
        "print(measure(Dag.parse('2_02')).longest, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "2 False\n", done.stderr


def row(family, depth, top1):
    return Row(f"m{depth}", family, int(depth), 2, 1.0, depth, depth / 2, 1, 3, top1)


def test_correlations_overall_and_within_families(monkeypatch):
    """Deeper families are better, but within each the deeper networks are worse."""
    monkeypatch.setitem(correlations.__globals__, "SAMPLES", 50)
    rows = [row(f, 10 * f + i, 20.0 * f - i) for f in range(3) for i in range(5)]
    rows = [*rows, row(7, 80, 40.0), row(8, 3, None)]
    found = correlations(rows)
    expected = spearmanr([r.depth for r in rows[:-1]], [r.top1 for r in rows[:-1]]).statistic
    assert found["all"]["n"] == 16 and found["all"]["depth"]["rho"] == pytest.approx(expected)
    assert found["all"]["longest"] == {"rho": None, "interval": None}
    assert list(found) == ["all", "within families", 0, 1, 2]
    assert found["within families"]["depth"] == {
        "rho": pytest.approx(-1), "interval": pytest.approx([-1, -1])
    }  # fmt: skip
    assert found[0]["depth"]["rho"] == pytest.approx(-1)
