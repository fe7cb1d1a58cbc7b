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


CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


def search(
    filter_="none", rank_by="both", seeds=range(4), accuracy=93.0, space="nas-bench-201", **more
):
    """A TE-NAS run; the accuracies of its seeds are `accuracy`, + 1, + 2, ..."""
    exempt = 18 if filter_ == "exempt" else 0
    entry = {"arch": CELL, "shapes": [[1.75, 1.71], [1.5, 2.0]], "in_box": [True, False],
             "evaluations": 54 - exempt, "exempt": exempt, "ntk_seconds": 100.0,
             "regions_seconds": 11.0,
             "rounds": [{"left": [[["skip_connect"], ["nor_conv_1x1"]]]}]}  # fmt: skip
    searches = [entry | {"seed": s, "accuracy": {"cifar10": accuracy + s}} for s in seeds]
    row = {"mean": 93.4567, "std": 0.1234, "n": len(seeds), "best": 94.3733}
    settings = {
        "rank_by": rank_by,
        "seconds_per_search": {"mean": 111.0, "std": 0.0, "n": len(seeds)},
        "searches": searches,
        "accuracy": {"cifar10": row, "cifar100": row | {"mean": 71.2345}},
    }
    method = "TE-NAS + DAG" if filter_ == "exempt" else "TE-NAS"
    network = {"space": space, "channels": 3}
    return record("tenas", n=len(seeds), network=network, method=method, filter_=filter_,
                  **settings | more)  # fmt: skip


def wot(fraction=None, n=500, mean=92.5, space="nas-bench-201", seeds=3):
    filter_ = "none" if fraction is None else "box"
    accuracy = {"cifar100": {"mean": mean, "std": 1.0, "n": n}}
    return record("wot", "cifar10_subset", n, {"space": space, "cells": 5, "seeds": seeds},
                  "WOT" if fraction is None else "WOT + DAG", filter_, fraction,
                  seconds_per_repeat={"total": 1.5}, evaluations_saved=0.598, accuracy=accuracy,
                  best={"arch": CELL, "score": 12.5})  # fmt: skip


def correlation():
    row = {key: {"tau": tau, "p": 0.012, "n": 96, "undefined": 4} for key, tau in TAUS.items()}
    records = [{"arch": CELL, "kappa": 10.0 + i, "regions": 50.0 + i} for i in range(5)]
    accuracy = {"accuracy": [70.0 + i for i in range(5)]}
    return record("tenas_correlation", n=100, architectures=100, records=records,
                  correlations={"cifar100": row | accuracy})  # fmt: skip


TAUS = {"kappa": -0.3141, "regions": 0.1618}


def training(method="TE-NAS", dataset="cifar10", error=2.75, seed=0, epochs=250, **more):
    network = {"space": "darts", "channels": 36, "layers": 20}
    settings = {"genotype": {"normal": [["sep_conv_3x3", 0]]}, "epochs": epochs, "seed": seed,
                "parameters": 5_432_100, "seconds": 7200.0,
                "test": {"top1_error": error, "top5_error": error / 4}}  # fmt: skip
    return record("retrain", dataset, 1, network, method, **settings | more)


def landscape(**more):
    panel = {"dataset": "cifar10", "architectures": 4, "circles": 2, "cell": "",
             "r_architectures": 0.54, "r_architectures_interval": [0.5, 0.6], "r_circles": 0.5,
             "r_circles_interval": [0.1, 0.7], "best_mean": 93.0, "best_depth_width": [1.0, 2.0],
             "circles_at": [[1, 2, 93, 0.5, 2], [2, 1, 90, 1.5, 2], [1, 1, 80, 0, 1]]}  # fmt: skip
    return record("landscape", None, 4, {"space": "nas-bench-201"}, panels=[panel | more])
