"""Malformed inputs of every entry, drawn by a seed."""

import dataclasses
import gzip
import io
import json
import random
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mlp_code.config import MlpConfig
from mlp_code.learning_rate import LearningRateConfig
from mlp_code.theory import TheoryConfig
from mlp_code.topologies import TopologiesConfig
from retrain.config import RetrainConfig
from spaces.nasbench201 import EXAMPLE, all_cells
from spaces.published import GENOTYPES
from tenas_dag.config import TenasConfig
from tenas_dag.correlate import CorrelateConfig
from wot_dag.compare import CompareConfig
from wot_dag.config import WotConfig
from wot_dag.topologies import CellTopologiesConfig

SCORE = ["--score.dataset", "digits", "--score.cells", "1", "--score.channels", "2"]
INDICATORS = ["--indicators.dataset", "digits", "--indicators.batch_size", "4"]
MLP = ["--width", "4", "--epochs", "1", "--seeds", "[0]", "--dataset", "digits"]
RETRAIN = ["--genotype", EXAMPLE, "--dataset", "digits", "--network.channels", "2"]
ENTRIES = {  # module: settings, words of a small job
    "mlp_code": (MlpConfig, MLP),
    "mlp_code.theory": (TheoryConfig, ["--width", "4", "--steps", "2", "--dataset", "digits"]),
    "mlp_code.topologies": (TopologiesConfig, ["--layers", "1", *MLP]),
    "mlp_code.learning_rate": (LearningRateConfig, ["--networks", "1", "--dataset", "digits"]),
    "wot_dag": (WotConfig, [*SCORE, "--samples", "2", "--repeats", "1"]),
    "wot_dag.score": (WotConfig, SCORE),
    "wot_dag.correlate": (WotConfig, SCORE),
    "wot_dag.compare": (CompareConfig, [*SCORE, "--names", "[nngp]", "--sampled", "[]"]),
    "wot_dag.topologies": (CellTopologiesConfig, ["--dataset", "digits", "--bootstrap", "1"]),
    "tenas_dag": (TenasConfig, INDICATORS),
    "tenas_dag.correlate": (CorrelateConfig, [*INDICATORS, "--architectures", "3"]),
    "retrain": (RetrainConfig, [*RETRAIN, "--network.layers", "1", "--epochs", "1"]),
}
FREE = ("run.name", "run.root", "genotype", "scores", "genotypes", "table")  # any text may be right
VALUES = {
    int: ["x", "1.5", "[1]", "", "{a: 1}", ".nan", "-7", "9" * 40, "true", "5,", "1 2"],
    float: ["x", "[1]", "", "{a: 1}", ".nan", ".inf", "-1", "1e999", "1,5", "--1"],
    bool: ["maybe", "2", "[true]", "", "null"],
    str: ["zzz", "[1, 2]", "{a: 1}", "", "💥", "a" * 5000],
    list: ["5", "[a]", "{}", "[[1]]", "[1,", "x", f"[{'9' * 40}]", "[null]", "null"],
    dict: ["5", "[]", "{}", "{a: }", "{a: [2]}", "{a: 2_03}", "{a: 2_02", "{a: 2, a: 2}"],
}
FILES = {  # of settings
    "twice": b"run: {name: a}\nrun: {name: b}\n", "NUL": b"run: {name: a\0b}\n",
    "quoted NUL": b'run: {name: "a\\0b"}\n', "tab": b"run:\n\tname: a\n", "cut": b"run: {name: a\n",
    "binary": bytes(range(256)), "alias": b"run: &a\n  name: *a\n", "no alias": b"run: *a\n",
    "root alias": b"&a\nrun: *a\n", "list": b"- 1\n", "text": b"hello\n", "null": b"null\n",
    "documents": b"run: {}\n---\nrun: {}\n", "tag": b"run: !!python/object/apply:os.abort []\n",
    "list key": b"? [a]\n: 1\n", "merge": b"run: {<<: {name: x}}\n", "deep": b"run: " + b"[" * 300,
    "latin": b"run: {name: \xe9}\n", "UTF-16": "run: {}\n".encode("utf-16"), "near": b"ru: {}\n",
    "near below": b"run: {nam: x}\n", "list below": b"run: [a]\n", "text below": b"run: name\n",
    "set": b"run: !!set {a}\n", "nothing": b"run:\n", "null below": b"run: {fresh: }\n",
    "BOM twice": b"\xef\xbb\xbf\xef\xbb\xbfrun: {}\n", "control": b"run: {name: \x01}\n",
    "number": b"run: {root: 5}\n", "name": b"run: {name: ../x}\n", "empty": b"runn: {}\n",
    "digits": b"run: {name: [" + b"9" * 5000 + b"]}\n", "line end": b'run: {name: "a\\nb"}\n',
}  # fmt: skip
GENOTYPE = GENOTYPES["DARTS_V2"]
CELLS = [
    "", "|", EXAMPLE[:30], EXAMPLE + "+|none~0|", EXAMPLE.replace("nor", "nr", 1), GENOTYPE[:-20],
    EXAMPLE.replace("~2", "~5"), f"{GENOTYPE}\n{GENOTYPE}", "Genotype()", '{"a":' * 9000,
    GENOTYPE.replace("normal=", "", 1), GENOTYPE.replace("sep_conv", "sepconv", 1),
    GENOTYPE.replace("_concat", "_cat", 1), GENOTYPE.replace(", 0)", ", -1)", 1), "x" * 4000,
    GENOTYPE.replace(", 0)", ", 0.0)", 1), GENOTYPE.replace("[2, 3", "[9, 3", 1), "2_03", "2__02",
    GENOTYPE.replace("[2, 3", "[array([2]), 3", 1), "[1, 2]", "{(0, 1): 'none'}", "{(0, 1)}",
    GENOTYPE.replace("[2, 3", "[open('x'), 3", 1), "Genotype(normal=" + "[" * 500, "Genotype(**{})",
    '{"normal": null, "normal_concat": [2], "reduce": [], "reduce_concat": []}', "[(('none', 0),)]",
]  # fmt: skip
MODELS = [
    "def f(:", "import no_such_module", "raise RuntimeError('at import')",
    "import sys\nsys.exit(0)",
    "f = 5", "", "def f(a): pass", "def f(): return 'a model'", "def f(): raise KeyError('x')",
    "def f(): return f()", "def f(): raise SystemExit(0)", "def f(): raise Exception('a\\nb')",
]  # fmt: skip
WORDS = [
    ("report", "dags 2_03"), ("report", "dags a=2_02 a=2_12"), ("report", "keep nowhere x"),
    ("report", "results --records nowhere"), ("report", "show fig9"), ("report", "show mlp d"),
    ("report", "summary d"), ("report", "page --out f"), ("spaces.benchmark", "convert f t.csv"),
    ("spaces.benchmark", "convert nowhere t.csv"), ("spaces.benchmark", "show nowhere"),
    ("spaces.depth_width", "nowhere"), ("spaces.depth_width", "darts --samples " + "9" * 30),
    ("common.prepare", "mnist2"), ("common.prepare", "imagenet"), ("benchmarks", "--only wott"),
    ("benchmarks", "--only"), ("benchmarks.wot", "--architectures 0"),
    ("benchmarks.mlp", "--width"),
    ("benchmarks.wot", "--dataset nowhere"), ("wot_dag.landscape", "--nds d"),
    ("wot_dag.landscape", "--table nowhere"), ("wot_dag.landscape", "--nds f --table f"),
    ("wot_dag.score_model", "torchvision:resnet19"), ("mlp_code.evaluate", "--folder d"),
    ("wot_dag.score_model", "torchvision:resnet18 --dataset digits --batch-size 0"),
    ("wot_dag.score_model", "torchvision:resnet18 --dataset digits --names wott"),
    ("spaces.measure", "torchvision:resnet18 --shape 0"), ("spaces.measure", "..:f"),
]  # fmt: skip


@dataclass
class Input:
    """One malformed input: `python -m module words...` beside files."""

    module: str
    words: list[str]
    files: dict[str, bytes] = field(default_factory=dict)


def settings(cls: type, prefix: str = "") -> Iterator[tuple[str, type]]:
    """Dotted name and kind of each setting that malformed values are known for."""
    for name, hint in typing.get_type_hints(cls).items():
        if dataclasses.is_dataclass(hint):
            yield from settings(hint, f"{prefix}{name}.")
        elif prefix + name not in FREE:
            origin = typing.get_origin(hint)
            kind = {tuple: list, typing.Literal: str}.get(origin, origin or hint)
            if kind in VALUES:
                yield prefix + name, kind


def draw(seed: int) -> list[Input]:
    """Two hundred inputs, the same for a seed."""
    rng = random.Random(seed)
    drawn = [*_of_settings(rng, 50), *_of_files(rng, 40), *_of_arrays(rng, 25), *_of_cells(rng, 20)]
    drawn += [*_of_tables(rng, 20), *_of_models(rng, 16)]
    files = {"f": b"x", "d/f": b"x"}
    return drawn + [Input(m, words.split(), files) for m, words in WORDS]


def _of_settings(rng: random.Random, n: int) -> Iterator[Input]:
    for _ in range(n):
        module = rng.choice(list(ENTRIES))
        cls, words = ENTRIES[module]
        name, kind = rng.choice(list(settings(cls)))
        value = rng.choice([v for v in VALUES[kind] if name != "score.aggregate" or v != "null"])
        yield Input(module, [*words, *rng.choice([[f"--{name}", value], [f"--{name}={value}"]])])


def _of_files(rng: random.Random, n: int) -> Iterator[Input]:
    for name in rng.choices(list(FILES), k=n):
        module = rng.choice(list(ENTRIES))
        yield Input(module, [*ENTRIES[module][1], "--config", "c.yaml"], {"c.yaml": FILES[name]})


def _npz(**changes: object) -> bytes:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(40) % 3
    arrays = {"x_train": images, "y_train": labels, "x_test": images[:12], "y_test": labels[:12]}
    kept = {k: np.asarray(v) for k, v in (arrays | changes).items() if v is not None}
    file = io.BytesIO()
    np.savez(file, **kept)
    return file.getvalue()


def _of_arrays(rng: random.Random, n: int) -> Iterator[Input]:
    keys = {m: next(w for w in words if w.endswith("dataset")) for m, (_, words) in ENTRIES.items()}
    y, x = np.arange(40) % 3, np.zeros((40, 8, 8, 3), np.uint8)
    forms = [
        *(_npz(**{key: None}) for key in ("x_train", "y_train", "x_test", "y_test")),
        *(_npz(x_train=wrong) for wrong in (x / 255, x[:0], x[:1], x[None], x, x[0, 0, 0])),
        _npz(x_train=x[:, :0]),
        *(_npz(y_train=wrong) for wrong in (y.astype(object), y * 1.0, y * 2, y - 1, y[:-3], y * 0,
                                            np.stack([y, y], 1), y + (y == 1) * 2**62, y > 0)),
        _npz(y_test=np.arange(12)), _npz(x_test=x[:12, :4]), _npz()[:900], b"", b"hello",
    ]  # fmt: skip
    for form in rng.sample(forms, n):
        module = rng.choice(list(keys))
        yield Input(module, [*ENTRIES[module][1], keys[module], "x.npz"], {"x.npz": form})


def _of_cells(rng: random.Random, n: int) -> Iterator[Input]:
    for text in rng.sample(CELLS, n):
        small = ["--dataset", "digits", "--network.layers", "3", "--genotype"]
        yield rng.choice([
            Input("retrain", [*small, text]), Input("spaces.measure", [text]),
            Input("retrain", [*small, "g.txt"], {"g.txt": text.encode()}),
        ])  # fmt: skip


def _of_tables(rng: random.Random, n: int) -> Iterator[Input]:
    rows = [[i, cell, 50 + i] for i, cell in zip(range(30), all_cells())]

    def table(changed: object = 60, column: int = 2, head: str = "index,arch,a/test@200") -> bytes:
        found = [head, *(",".join(map(str, row)) for row in rows[:-1])]
        last = [*rows[-1][:column], changed, *rows[-1][column + 1 :]]
        return "\n".join([*found, ",".join(map(str, last))]).encode()

    tables = [
        b"", b"hello\n", bytes(range(256)), table("x"), table("-4"), table("inf"), table("101"),
        table("x", 1), table(rows[0][1], 1), table(head="index,arch,a"),
        table().decode().encode("utf-16"),
        table(head="index,arch"), table("1,2"), table()[:60],
    ]  # fmt: skip
    users = ("wot_dag", "wot_dag.compare", "wot_dag.topologies", "tenas_dag", "tenas_dag.correlate")
    entry, top = {"net": {"genotype": {}, "width": 1, "depth": 1}}, "test_ep_top1"
    lists = ["[]", "{}", "null", "5", "[1]", "[" * 9000, json.dumps([entry]), f'{{"{top}": 1}}']
    rated = [
        "",
        "genotype,accuracy\n",
        f'"{GENOTYPE}",x\n',
        f'"{GENOTYPE}",nan\n',
        f'"{GENOTYPE}",0.9\n',
    ]
    inputs = [Input(m, [*ENTRIES[m][1], "--table", "t.csv"], {"t.csv": t})
              for m in users for t in tables]  # fmt: skip
    inputs += [Input("wot_dag.landscape", ["--table", "t.csv"], {"t.csv": t}) for t in tables]
    cut = {"t.csv.gz": gzip.compress(table())[:-9]}
    inputs += [Input(m, [*ENTRIES[m][1], "--table", "t.csv.gz"], cut) for m in users]
    listed = [("l.json", text.encode()) for text in lists] + [("l.csv", r.encode()) for r in rated]
    inputs += [Input("wot_dag.landscape", ["--nds", name], {name: data}) for name, data in listed]
    darts = [*ENTRIES["wot_dag"][1], "--space", "darts", "--genotypes"]
    inputs += [Input("wot_dag", [*darts, name], {name: data}) for name, data in listed]
    small = [Input(m, [*ENTRIES[m][1], "--table", "t.csv"], {"t.csv": table()})
             for m in ("wot_dag.topologies", "tenas_dag.correlate")]  # fmt: skip
    return iter([*rng.sample(inputs, n - len(small)), *small])


def _of_models(rng: random.Random, n: int) -> Iterator[Input]:
    users = [("spaces.measure", []), ("spaces.measure", ["--shape", "2,1,8,8"]),
             ("wot_dag.score_model", ["--dataset", "digits", "--batch-size", "4"])]  # fmt: skip
    for text, (module, words) in rng.sample([(m, u) for m in MODELS for u in users], n):
        yield Input(module, ["own_model:f", *words], {"own_model.py": text.encode()})
