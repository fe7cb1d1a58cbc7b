"""Each score against an oracle of its own: plain loops, NumPy, or the formula."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.config import ConfigError, parse_config
from common.data import load_dataset
from common.statistics import kendall_tau
from common.stopping import StopRequest
from common.workers import Workers
from dag import Dag, effective_depth_width, mean_correlations, nngp
from spaces.benchmark import AccuracyTable
from spaces.darts import Genotype
from spaces.nasbench201 import Cell, all_cells
from wot_dag.__main__ import run_search
from wot_dag.batches import draw_batch
from wot_dag.config import ScoreSettings, WotConfig
from wot_dag.correlate import correlate
from wot_dag.score import score_spaces
from wot_dag.scored import scores_of
from wot_dag.scores import OF_NETWORKS, SCORES
from wot_dag.scores.aggregate import aggregate
from wot_dag.scores.base import OfSpace
from wot_dag.scores.nngp import correlations_of
from wot_dag.search import search
from wot_dag.space import DartsSpace, NasBench201Space, make_space
from wot_dag.store import Key, read_scores

CELLS = [str(cell) for cell in all_cells()]
SMALL = ["--score.dataset", "digits", "--score.channels", "2", "--score.cells", "1",
         "--score.batch_size", "8", "--score.device", "cpu"]  # fmt: skip


class Tiny(nn.Module):
    """Two convolutions; what its ReLUs and convolutions put out is computed again in `layers`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.second, self.last = nn.Conv2d(4, 5, 3), nn.Linear(5, 2)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.norm(self.first(x)))
        return self.last(self.relu(self.second(x)).mean(dim=(2, 3)))

    def layers(self, x):
        """Outputs of the convolutions, and inputs of the ReLUs."""
        a = F.conv2d(x, self.first.weight)
        mean, var = a.mean((0, 2, 3), keepdim=True), a.var((0, 2, 3), unbiased=False, keepdim=True)
        normal = (a - mean) / torch.sqrt(var + 1e-5)
        b = F.conv2d(normal.clamp(min=0), self.second.weight, self.second.bias)
        return (a, b), (normal, b)

    def plain(self, x):
        """The logits."""
        b = self.layers(x)[0][1]
        return F.linear(b.clamp(min=0).mean(dim=(2, 3)), self.last.weight, self.last.bias)


@pytest.fixture
def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny().double()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(6, 3, 9, 9, generator=torch.Generator().manual_seed(1)).double()


def found(name: str, network: nn.Module, x: torch.Tensor) -> float:
    return OF_NETWORKS[name].of(network, x, torch.Generator().manual_seed(2))


def correlations_by_hand(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit @ unit.T


def test_wot(tiny, images):
    codes = [(layer > 0).flatten(1).numpy() for layer in tiny.layers(images)[1]]
    K = np.array([[sum((c[i] == c[j]).sum() for c in codes) for i in range(6)] for j in range(6)])
    assert found("wot", tiny, images) == pytest.approx(np.log(np.linalg.det(K.astype(float))))


@pytest.mark.parametrize("repeats", [1, 5])  # more images than bits in a byte
def test_swap(tiny, repeats):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6 * repeats, 3, 9, 9, generator=generator).double()
    patterns = {
        tuple(layer.flatten(1)[:, position].gt(0).tolist())
        for layer in tiny.layers(images)[1]
        for position in range(layer[0].numel())
    }
    assert found("swap", tiny, images) == len(patterns) > 10


def test_jacov(tiny, images):
    x = images.clone().requires_grad_()
    J = torch.stack(
        [torch.autograd.grad(tiny.plain(x).sum(), x, retain_graph=True)[0][i] for i in range(6)]
    )
    v = np.linalg.eigvals(correlations_by_hand(J.flatten(1).detach().numpy())).real
    expected = -sum(math.log(value + 1e-5) + 1 / (value + 1e-5) for value in v)
    assert found("jacov", tiny, images) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["jacov", "synflow"])
def test_where_nothing_flows_there_is_no_score(name):
    space = NasBench201Space(ScoreSettings(channels=2, cells=1))
    network = space.network(CELLS[0], 1)  # none everywhere
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert found(name, network, x) == -math.inf


def test_synflow():
    torch.manual_seed(0)
    a, b = nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)
    norm = nn.BatchNorm1d(3)
    norm.weight.data.fill_(7)  # is left out
    flow = (b.weight.abs() @ a.weight.abs()).sum().item()
    x = torch.randn(5, 4)
    # each of the two layers carries the whole flow once
    expected = pytest.approx(math.log(2 * flow), rel=1e-6)
    assert found("synflow", nn.Sequential(a, norm, nn.ReLU(), b), x) == expected
    assert found("synflow", nn.Sequential(nn.Linear(4, 2, bias=False)).apply(_zero), x) == -math.inf


def _zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        module.weight.data.zero_()


def test_meco(tiny, images):
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2)).double()
    maps = [layer[0].flatten(1).detach().numpy() for layer in tiny.layers(x)[0]]
    expected = sum(np.linalg.eigvals(correlations_by_hand(m)).real.min() for m in maps)
    assert found("meco", tiny, images) == pytest.approx(expected)


def test_nngp_is_the_mean_over_pairs_of_the_normalized_kernel():
    x = torch.randn(7, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    dags = [Dag.parse(code) for code in ("2_02_002", "1_01_222", "2_21_112")]
    means = []
    for dag in dags:
        K = nngp(dag, x.numpy())
        pairs = [(i, j) for i in range(7) for j in range(i)]
        means.append(np.mean([K[i, j] / math.sqrt(K[i, i] * K[j, j]) for i, j in pairs]))
    assert correlations_of([[dag] for dag in dags], x) == pytest.approx(means)
    assert correlations_of([dags[:2], [dags[0], Dag.parse("0")]], x) == [
        pytest.approx((means[0] + means[1]) / 2), -math.inf
    ]  # fmt: skip
    with pytest.raises(ValueError, match="found 1 sample"):
        mean_correlations(dags, x[:1].numpy())


def test_nngp_of_cells_is_that_of_their_wiring(tmp_path):
    config = configured(tmp_path, "--score.name", "nngp", "--score.seeds", "[0, 3]")
    space = make_space(config)
    some = [CELLS[i] for i in (0, 5, 700, 9000, 15_624)]
    keys = [Key(arch, seed) for arch in some for seed in (0, 3)]
    scores = scores_of(config, space, keys, StopRequest())[1][0]
    data = load_dataset("digits")
    for arch, seed in keys:
        dag = Cell.parse(arch).to_dag()
        K = nngp(dag, draw_batch(data, 8, seed).numpy()) if dag.has_path else None
        scale = 0 if K is None else np.sqrt(np.diag(K))
        expected = -math.inf if K is None else (K / np.outer(scale, scale))[np.tri(8, k=-1) > 0]
        assert scores[Key(arch, seed)].value == pytest.approx(np.mean(expected))


def configured(tmp_path, *words: str) -> WotConfig:
    return parse_config(WotConfig, "test", "", [*SMALL, *words, "--run.root", str(tmp_path)])


def numbers(space, name: str, archs: list[str], seed: int = 0) -> list[float]:
    """Of a score that needs no images."""

    class Inputs:
        image_shape = (1, 8, 8)

    Inputs.space = space
    score = SCORES[name]
    return score.finish(score.measure(Inputs, [[Key(arch, seed)] for arch in archs]))


@pytest.mark.parametrize("which", ["cells", "genotypes"])
def test_scores_that_need_no_network(which):
    settings, rng = ScoreSettings(channels=2, cells=3), np.random.default_rng(0)
    space = NasBench201Space(settings) if which == "cells" else DartsSpace(settings)
    archs = space.draw(rng, 4)
    networks = [space.network(arch, 1) for arch in archs]
    built = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert numbers(space, "parameters", archs) == built
    assert len(set(numbers(space, "multiply_adds", archs))) > 1
    words = ("nor_conv", "sep_conv", "dil_conv")
    counted = [sum(arch.count(word) for word in words) for arch in archs]
    assert numbers(space, "convolutions", archs) == counted
    for position, name in enumerate(("effective_depth", "effective_width")):
        expected = [np.mean([effective_depth_width(dag)[position] for dag in _dags(which, arch)])
                    for arch in archs]  # fmt: skip
        assert numbers(space, name, archs) == pytest.approx(expected)


def _dags(which: str, arch: str) -> list[Dag]:
    if which == "cells":
        return [Cell.parse(arch).to_dag()]
    genotype = Genotype.from_json(arch)
    return [genotype.to_dag("normal"), genotype.to_dag("reduce")]


def test_chance_depends_on_architecture_and_seed_alone():
    space = NasBench201Space(ScoreSettings())
    one = numbers(space, "random", CELLS[:500])
    assert numbers(space, "random", CELLS[499::-1])[::-1] == one
    other = numbers(space, "random", CELLS[:500], seed=1)
    assert abs(np.mean(one) - 0.5) < 0.05 and abs(np.corrcoef(one, other)[0, 1]) < 0.15


def test_wiring_joins_the_inputs_of_a_genotype():
    genotype = Genotype.random(np.random.default_rng(1))
    normal, _ = DartsSpace(ScoreSettings()).dags(genotype.to_json())
    edges = sorted((max(s - 1, 0), t - 1, op) for s, t, op in genotype.to_dag("normal").edges)
    assert normal.num_inputs == 1 and sorted(normal.edges) == edges


def test_aggregate_sums_logarithms_of_ranks():
    parts = [[3.0, 1.0, 2.0, 2.0], [10.0, 20.0, 30.0, -math.inf]]
    expected = [math.log(4 / 4 * 2 / 4), math.log(1 / 4 * 3 / 4), math.log(2.5 / 4 * 4 / 4)]
    assert aggregate(parts).tolist() == pytest.approx([*expected, -math.inf])
    assert aggregate(parts[:1]).tolist() == parts[0]


@pytest.mark.parametrize("name", SCORES)
def test_every_score_searches_behind_a_filter_and_keeps_what_it_made(tmp_path, name):
    words = ["--score.name", name, "--filter", "box", "--samples", "5", "--repeats", "2",
             "--table", ""]  # fmt: skip
    result = run_search(configured(tmp_path, *words, "--run.name", "one"))
    assert result["method"] == f"{SCORES[name].label} + DAG"
    files = {file: file.read_text() for file in tmp_path.glob("wot_scores/*/scores.0.jsonl")}
    again = run_search(configured(tmp_path, *words, "--run.name", "two"))
    assert again["best"] == result["best"] and len(files) == 1
    assert all(file.read_text() == text for file, text in files.items())


def test_an_aggregate_ranks_within_each_repeat(tmp_path):
    words = ["--score.name", "aggregate", "--score.aggregate", "[nngp, convolutions]"]
    config = configured(tmp_path, *words, "--samples", "9", "--repeats", "3")
    assert config.method == "NNGP + convolutions"
    space = make_space(config)
    choices = search(config, space, StopRequest())
    for number, choice in enumerate(choices):
        drawn = [CELLS[i] for i in np.random.default_rng([0, number]).integers(15_625, size=9)]
        archs, keys = list(dict.fromkeys(drawn)), [Key(arch, 0) for arch in drawn]
        parts = scores_of(config, space, keys, StopRequest())[1]
        sums = [0.0] * len(archs)
        for scores in parts:
            values = [scores[Key(arch, 0)].value for arch in archs]
            for i, value in enumerate(values):
                rank = sum(v < value for v in values) + (values.count(value) + 1) / 2
                sums[i] += math.log(rank / len(archs)) if math.isfinite(value) else -math.inf
        assert choice.score == pytest.approx(max(sums))
        assert choice.arch == archs[int(np.argmax(sums))]


@pytest.mark.parametrize("name", ["jacov", "nngp", "effective_width"])
def test_genotypes_are_scored_too(tmp_path, name):
    words = ["--space", "darts", "--score.name", name, "--samples", "2", "--repeats", "1"]
    config = configured(tmp_path, *words, "--score.cells", "3")
    (choice,) = search(config, make_space(config), StopRequest())
    assert Genotype.from_json(choice.arch) and math.isfinite(choice.score)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_what_is_not_finite_is_never_chosen(tmp_path, monkeypatch, bad):
    score = OfSpace("bad", lambda _, keys: [bad, *range(1, len(keys))])
    monkeypatch.setitem(SCORES, "random", score)
    config = configured(tmp_path, "--score.name", "random", "--samples", "4", "--repeats", "1")
    (choice,) = search(config, make_space(config), StopRequest())
    assert choice.score == 3
    (file,) = tmp_path.glob("wot_scores/*/scores.0.jsonl")
    assert ", null, " in file.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--score.name", "jakov"], "the nearest is 'jacov'"),
        (["--score.aggregate", "[wot, nngp]"], "expected none, or score.name aggregate"),
        (["--score.name", "aggregate"], "score.aggregate: found [], expected two or more"),
        (
            ["--score.name", "aggregate", "--score.aggregate", "[wot]"],
            "score.aggregate: found ['wot'], expected two or more different scores",
        ),
        (
            ["--score.name", "aggregate", "--score.aggregate", "[wot, sinflow]"],
            "score.aggregate: found 'sinflow'",
        ),
    ],
)
def test_bad_scores_are_one_line(tmp_path, capsys, words, message):
    with pytest.raises(SystemExit):
        configured(tmp_path, *words)
    text = capsys.readouterr().err
    assert message in text and text.strip().count("\n") == 0


def test_wot_keeps_the_name_that_its_stores_had():
    assert "name" not in WotConfig().score_identity()
    nngp_too = WotConfig(score=ScoreSettings(name="nngp"))
    assert nngp_too.score_identity()["name"] == "nngp"
    with pytest.raises(ConfigError, match=r"scores: found 'a\.csv', expected none"):
        WotConfig(scores="a.csv", score=ScoreSettings(name="aggregate", aggregate=["wot", "nngp"]))


def test_other_scores_are_correlated_and_kept_as_files(tmp_path):
    words = ["--score.name", "aggregate", "--score.aggregate", "[nngp, convolutions]"]
    config = configured(tmp_path, *words)
    score_spaces(config, Workers())
    files = sorted(tmp_path.glob("wot_scores/*/scores.csv.gz"))
    made = {header["name"]: scores for header, scores in map(read_scores, files)}
    assert {name: len(scores) for name, scores in made.items()} == dict.fromkeys(
        ("nngp", "convolutions"), 15_625
    )
    record = correlate(config)
    table = AccuracyTable.find("nasbench201")
    archs = list(table.architectures)
    sums = aggregate([[scores[Key(arch, 0)].value for arch in archs] for scores in made.values()])
    expected = kendall_tau(np.nan_to_num(sums, neginf=-1e9), table.column("cifar100"))
    assert record["method"] == "NNGP + convolutions" and record["network"]["built"] == "no network"
    assert record["datasets"]["cifar100"]["score"]["kendall"] == pytest.approx(expected)
    e01, e02, e12, e03, e13, e23 = (np.indices((5,) * 6) > 0).reshape(6, -1)
    reached = e03 | e13 & e01 | e23 & (e02 | e12 & e01)  # the output, where no edge is none
    assert record["singular"] == np.isinf(sums).sum() == (~reached).sum()
