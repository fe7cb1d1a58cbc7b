"""Small records of runs, and what RESULTS.md makes of them."""

import json

import yaml

from common.files import write_json
from report.guard import Left
from report.results import all_sections, results_markdown
from report.sections import Sources

START = {
    "command": "python -m somewhere --seed 7",
    "commit": "0123456789",
    "date": "2031-05-06",
    "device": "NVIDIA H200",
    "cpu": "Some CPU",
    "cores": 12,
    "python": "3.12.1",
    "versions": {"torch": "2.99.0"},
}


def record(
    kind, dataset="cifar10", n=1, network=None, method="", filter_="", fraction=None, **more
):
    """A result with its header."""
    data = dataset and {"name": dataset, "digest": "0" * 16}
    head = {"kind": kind, "method": method, "filter": filter_, "fraction": fraction}
    return head | {"dataset": data, "network": network, "n": n} | more


def keep(root, name, result, config=None):
    folder = root / name
    folder.mkdir(parents=True)
    write_json(folder / "result.json", result)
    write_json(folder / "environment.json", {"starts": [START]})
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def results_of(*roots, out):
    """RESULTS.md as a file of `out`, without figures: drawing takes longer than all else."""
    left = Left()
    sections = all_sections(Sources.read(roots), left)
    return results_markdown(sections, out, set(), left)


def section(text, start):
    """A section of RESULTS.md whose title starts so."""
    return next(part for part in text.split("\n## ")[1:] if part.startswith(start))


def rows_of(text, *cells):
    """The cells of the table rows that start with these."""
    start = "| " + " | ".join(cells) + " |"
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def row_of(text, *cells):
    """The first of them."""
    return rows_of(text, *cells)[0]


def mlp(names=("a",), dataset="digits", codes=("2_02_002",), seeds=(0, 1)):
    row = {"code": "2_02_002"}
    for key in ("train_loss", "train_accuracy", "test_accuracy"):
        row[key] = {"mean": 50.0, "std": 1.0, "n": len(seeds)}
    dags = {name: row | {"code": codes[i % len(codes)]} for i, name in enumerate(names)}
    settings = {"epochs": 2, "seeds": list(seeds), "seconds": 1.0, "dags": dags}
    return record("mlp", dataset, len(seeds), {"width": 8}, **settings)


def keep_mlp(root, name, names=("a",), **settings):
    """An MLP run with its metrics."""
    result = mlp(names, **settings)
    folder = keep(root, name, result, {"name": name})
    lines = [
        {"dag": dag, "seed": seed, "epoch": epoch, "train_accuracy": 40.0 + epoch,
         "train_loss": 1.0}
        for dag in names for seed in result["seeds"] for epoch in (1, 2)
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text)
    return folder
