"""Correlation of scores with accuracy, what networks cost, and the data of Fig. 5."""

import csv
import gzip
import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

from common.config import parse_config
from dag import effective_depth_width
from spaces.darts import Genotype
from spaces.darts_networks import DartsLayout, DartsNetwork
from spaces.nasbench201 import Cell, all_cells
from spaces.nasbench201_networks import NasBench201Layout, NasBench201Network
from wot_dag import correlate
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.landscape import main as landscape
from wot_dag.space import DartsSpace, NasBench201Space
from wot_dag.store import Key, ScoreValue, write_scores

CELLS = [str(cell) for cell in all_cells()]


def kendall_by_pairs(a, b) -> float:
    """tau-b, by its definition."""
    signs = [
        (np.sign(x - u), np.sign(y - v)) for (x, y), (u, v) in itertools.combinations(zip(a, b), 2)
    ]
    a_pairs, b_pairs = (sum(s[i] != 0 for s in signs) for i in (0, 1))
    return sum(x * y for x, y in signs) / np.sqrt(a_pairs * b_pairs)


def read(path) -> list[dict]:
    with gzip.open(path, "rt") as handle:
        return list(csv.DictReader(handle))


def test_correlations_follow_their_definitions():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(6, size=25).astype(float) for name in correlate.PREDICTORS}
    columns["score"][:2] = -np.inf
    y = rng.normal(size=25)
    found = correlate.correlations(columns, y)
    for name, values in columns.items():
        finite = np.where(np.isinf(values), -1e9, values)
        assert found[name]["kendall"] == pytest.approx(kendall_by_pairs(finite, y))
    y[3] = np.nan  # no accuracy: the architecture is left out
    without = correlate.correlations({k: np.delete(v, 3) for k, v in columns.items()}, y[y == y])
    assert correlate.correlations(columns, y) == without and without["score"]["n"] == 24


def costs_of(network: nn.Module, image_shape) -> tuple[int, int]:
    """Parameters, and multiply-adds by what each layer reads and writes."""
    counts = []

    def count(layer, _, output):
        counts.append(layer.weight.numel() * output[0, 0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, *image_shape))
    return sum(p.numel() for p in network.parameters()), sum(counts)


def test_costs_equal_those_of_the_built_networks():
    grey, space = (1, 9, 9), NasBench201Space(ScoreSettings(channels=4, cells=2))
    chosen = [CELLS[i] for i in np.random.default_rng(0).choice(15_625, 40)]
    layout = NasBench201Layout(4, 2, classes=1, input_channels=1)
    found = zip(chosen, space.parameters(chosen, grey), space.multiply_adds(chosen, grey))
    for arch, *costs in list(found)[:8]:
        assert tuple(costs) == costs_of(NasBench201Network(Cell.parse(arch), layout), grey)


@pytest.mark.parametrize("size", [8, 13])
def test_costs_of_genotypes(size):
    space, rng = DartsSpace(ScoreSettings(channels=4, cells=4)), np.random.default_rng(size)
    archs, image = space.draw(rng, 150), (1, size, size)
    for row in range(0, 150, 2):  # other nodes that cells hand on
        fields = json.loads(archs[row])
        for which in ("normal_concat", "reduce_concat"):
            fields[which] = sorted(rng.choice([2, 3, 4, 5], rng.integers(1, 5), False).tolist())
        archs[row] = json.dumps(fields)
    found = zip(archs, space.parameters(archs, image), space.multiply_adds(archs, image))
    for arch, *costs in list(found)[::12]:
        network = DartsNetwork(Genotype.from_json(arch), DartsLayout(4, 4, 1, input_channels=1))
        assert tuple(costs) == costs_of(network, image)
    assert space.parameters(archs[:1], image) == space.parameters(archs, image)[0]


def test_a_whole_space_is_correlated(tmp_path, capsys):
    accuracy = 50 + np.random.default_rng(1).normal(size=len(CELLS))
    table = tmp_path / "table.csv"
    rows = [f"{i},{arch},{a}" for i, (arch, a) in enumerate(zip(CELLS, accuracy))]
    table.write_text("\n".join(["index,arch,cifar10/test@200", *rows]) + "\n")
    scores = {Key(arch, 0): ScoreValue(3 * a + 7, 0.1) for arch, a in zip(CELLS, accuracy)}
    header = WotConfig().score_identity() | {
        "dataset": {"name": "cifar10", "digest": "0"}, "image_shape": [3, 32, 32]
    }  # fmt: skip
    write_scores(tmp_path / "scores.csv", header, scores)
    words = ["--table", str(table), "--scores", str(tmp_path / "scores.csv")]
    config = parse_config(WotConfig, "test", "", [*words, "--run.root", str(tmp_path)])
    record = correlate.correlate(config)
    assert (record["kind"], record["n"]) == ("wot_correlation", 15_625)
    assert record["dataset"] == header["dataset"]
    assert record["datasets"]["cifar10"]["score"]["kendall"] == pytest.approx(1)
    assert abs(record["datasets"]["cifar10"]["random"]["kendall"]) < 0.02
    row = read(tmp_path / "wot_correlation/default/architectures.csv.gz")[7000]
    expected = effective_depth_width(Cell.parse(row["arch"]).to_dag())
    shape = (float(row["effective_depth"]), float(row["effective_width"]))
    assert shape == pytest.approx(expected)
    assert float(row["score"]) == pytest.approx(3 * float(row["cifar10"]) + 7)


@pytest.mark.parametrize(
    ("names", "of"),
    [
        (("DARTS", "DARTS_in"), "DARTS + DARTS_in"),
        (("a/list", "b/list"), "list"),
    ],
)
def test_landscape_of_nds_files_joins_them(tmp_path, names, of):
    rng = np.random.default_rng(3)
    genotypes = [Genotype.random(rng) for _ in range(4)]
    entries = [
        {"net": {"genotype": g.to_dict(), "width": 4, "depth": 3}, "test_ep_top1": [50.0, 7.5 + i]}
        for i, g in enumerate(genotypes)
    ]
    first, second = files = [tmp_path / f"{name}.json" for name in names]
    for file in files:
        file.parent.mkdir(exist_ok=True)
    first.write_text(json.dumps(entries[:1]))
    second.write_text(json.dumps({"top": entries[1:3], "mid": entries[3:]}))
    landscape(["--nds", *map(str, files), "--run.root", str(tmp_path)])
    panels = json.loads((tmp_path / "landscape/NDS/result.json").read_text())["panels"]
    assert [panel["cell"] for panel in panels] == ["normal", "reduction"]
    for panel, cell in zip(panels, ("normal", "reduce")):
        groups: dict = {}
        for genotype, accuracy in zip(genotypes, (92.5, 91.5, 90.5, 89.5)):
            groups.setdefault(effective_depth_width(genotype.to_dag(cell)), []).append(accuracy)
        expected = [[*shape, np.mean(a), np.var(a), len(a)] for shape, a in sorted(groups.items())]
        assert panel["dataset"] == of and panel["architectures"] == 4
        np.testing.assert_allclose(sorted(panel["circles_at"]), expected, atol=1e-9)


def test_landscape_without_a_table_says_how_to_get_one(tmp_path):
    with pytest.raises(SystemExit, match=r"table: found no file nowhere.csv"):
        landscape(["--table", "nowhere.csv", "--run.root", str(tmp_path)])
