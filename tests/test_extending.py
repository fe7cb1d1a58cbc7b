"""What README's "how to extend" promises: a toy of each kind, added to a copy of the code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.records import row_of, section
from tests.running import make_venv, run

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("common", "configs", "dag", "mlp_code", "report", "scripts", "spaces", "tenas_dag",
         "wot_dag")  # fmt: skip

DATA_SET = """

def _stripes(_root: Path, seed: int) -> tuple[Arrays, Arrays]:
    images = np.random.default_rng(seed).integers(0, 256, (300, 1, 8, 8)).astype(np.uint8)
    labels = np.arange(300) % 10
    return (images[:200], labels[:200]), (images[200:], labels[200:])


CATALOGUE["stripes"] = Entry(_stripes)
"""
RULE = '''

def deepest(depth: np.ndarray, share: float) -> float:
    """The depth that a share of the architectures reaches."""
    return float(np.quantile(depth, 1 - share))
'''
FILTER = """

def _deep(space: Space, fraction: float) -> Keeps:
    least = deepest(space.population().depth, fraction)
    return lambda archs: (space.shapes(archs).depth >= least).all(axis=1)


FILTERS["deep"] = Filter(" + depth", _deep)
"""
SCORE = '''"""How many skips a cell has."""

from wot_dag.scores.base import OfSpace

SCORE = OfSpace("skips", lambda inputs, keys: [key.arch.count("skip") for key in keys])
'''
SECTION = '''"""How many searches there are."""

from report.sections import Parts, Sources
from report.tables import Table


def section(sources: Sources) -> Parts:
    """One row."""
    runs = sources.of_kind("wot")
    yield Table("toy", "Searches", ("searches",), ((str(len(runs)),),))
'''
OPERATOR = '    "nor_conv_5x5": _linear("conv", 5),\n'
CHECK_OPERATOR = """
import torch
from spaces import Cell
from spaces.initialization import initialize
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network
from tenas_dag.candidates import NAS_BENCH_201, Candidates
from tenas_dag.config import TenasConfig
from tenas_dag.supernet import NasBench201Supernet
from wot_dag.config import ScoreSettings
from wot_dag.hooks import module_kernel
from wot_dag.nasbench201 import nasbench201_kernels
from wot_dag.space import NasBench201Space

cell = Cell.parse("|nor_conv_5x5~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_5x5~2|")
layout = NasBench201Layout(4, 1, classes=1)
network = NasBench201Network(cell, layout)
space = NasBench201Space(ScoreSettings(channels=4, cells=1))
(parameters,) = space.parameters([str(cell)], (3, 8, 8))
assert parameters == sum(p.numel() for p in network.parameters())
images = torch.randn(6, 3, 8, 8)
initialize(network, "default", torch.Generator().manual_seed(1))
fast = nasbench201_kernels([cell], images, torch.Generator().manual_seed(1), layout)
assert torch.equal(fast[0].double(), module_kernel(network, images).double()), (fast, cell)
out = NasBench201Supernet(NasBench201Layout(3, 1))(images, [Candidates.full(NAS_BENCH_201)])
assert out.shape == (6, 10)
assert len({*Candidates.full(NAS_BENCH_201).left[0]}) == 5
TenasConfig(prune_number=4)  # of five
"""


class Copy:
    """A copy of the code in which files are added and changed, and counted."""

    def __init__(self, root: Path) -> None:
        self.root, self.touched = root, set()
        for room in ROOMS:
            shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, file: str, text: str) -> None:
        (self.root / file).parent.mkdir(exist_ok=True)
        (self.root / file).write_text(text)
        self.touched.add(file)

    def append(self, file: str, text: str) -> None:
        self.write(file, (self.root / file).read_text() + text)

    def replace(self, file: str, old: str, new: str) -> None:
        text = (self.root / file).read_text()
        assert text.count(old) == 1, (file, old)
        self.write(file, text.replace(old, new))

    def run(self, module: str, *words: str) -> str:
        """What an entry of the copy prints."""
        status, out, err = run("tests.elsewhere", str(self.root), module, *words)
        assert status == 0, err[-2000:]
        return out

    def script(self, name: str, *words: str) -> str:
        """What a script of the copy prints, whose Python is that of the copy too."""
        make_venv(self.root)
        shutil.copy(ROOT / "requirements.txt", self.root)
        python = self.root / ".venv/bin/python"
        python.rename(python.with_name("stand_in"))
        python.write_text(
            '#!/bin/sh\nshift\nexec .venv/bin/stand_in -m tests.elsewhere "$PWD" "$@"\n'
        )
        python.chmod(0o755)
        command = ["bash", f"scripts/{name}.sh", *words]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy(tmp_path)


def test_a_data_set_a_filter_a_score_and_a_section(copy):
    """A search by the new score on the new images behind the new filter, in the new section."""
    copy.append("common/data.py", DATA_SET)
    config = "score: {dataset: stripes, channels: 2, cells: 1, batch_size: 16}\n"
    copy.write("configs/wot/stripes.yaml", config)
    assert len(copy.touched) == 2
    copy.touched.clear()
    tiny = ("--width", "4", "--epochs", "1", "--seeds", "[0]", "--precision", "float32")
    assert "runs/mlp/stripes" in copy.script("fig4", "stripes", *tiny)

    copy.append("dag/filters.py", RULE)
    rule = "from dag.filters import deepest\n"
    copy.append("wot_dag/filters.py", FILTER)
    copy.replace("wot_dag/filters.py", "from dag import Box, box_rule\n",
                 "from dag import Box, box_rule\n" + rule)  # fmt: skip
    assert len(copy.touched) == 2
    copy.touched.clear()

    copy.write("wot_dag/scores/toy.py", SCORE)
    scores = "wot_dag/scores/__init__.py"
    copy.replace(scores, "    synflow,\n", "    synflow,\n    toy,\n")
    copy.replace(scores, "    **BASELINES,\n", '    "toy": toy.SCORE,\n    **BASELINES,\n')
    assert len(copy.touched) == 2
    copy.touched.clear()

    copy.write("report/toy.py", SECTION)
    copy.replace("report/results.py", "    topologies,\n", "    topologies,\n    toy,\n")
    head = '    headed("toy", "A toy", "bash scripts/toy.sh")(toy.section),\n'
    copy.replace("report/results.py", "SECTIONS = (\n", "SECTIONS = (\n" + head)
    copy.write("scripts/toy.sh", "")
    assert len(copy.touched) == 3

    words = ["--filter", "deep", "--fraction", "0.3", "--samples", "8", "--repeats", "1"]
    words += ["--run.name", "toy", "--table", "", "--score.name", "toy"]
    printed = copy.run("wot_dag", "--config", "configs/wot/stripes.yaml", *words)
    assert "skips + depth" in printed
    assert "--filter {none,box,published,kernel,deep}" in copy.run("wot_dag", "--help")
    header = json.loads((copy.root / "runs/wot/toy/result.json").read_text())
    assert (header["filter"], header["dataset"]["name"]) == ("deep", "stripes")
    copy.run("report", "results", "--records", "runs", "--out", "out")
    text = (copy.root / "out/RESULTS.md").read_text()
    assert "A toy" in text and "| searches |" in text
    table = section(text, "Table 2")
    assert row_of(table, "skips + depth")[1] == "stripes" and "runs/wot/toy:" not in text


def test_an_operator(copy):
    """Parameters, WOT's fast pass and TE-NAS' supernet know a convolution of a new size."""
    table, space = "spaces/operators.py", "spaces/nasbench201.py"
    line = '    "nor_conv_3x3": _linear("conv", 3),\n'
    copy.replace(table, line, line + OPERATOR)
    copy.replace(space, '"nor_conv_3x3", "avg_pool_3x3")', '"nor_conv_3x3", "nor_conv_5x5", '
                 '"avg_pool_3x3")')  # fmt: skip
    assert len(copy.touched) <= 3
    (copy.root / "check.py").write_text(CHECK_OPERATOR)
    copy.run("check")
