"""Depth, width and accuracy of whole spaces, for the page's interactive plots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dag import Dag, box_rule, depth_histogram, effective_depth_width
from report.guard import Left
from report.models import of_torchvision
from report.sections import Sources
from report.topologies import read_codes
from spaces.benchmark import EMBEDDED, AccuracyTable
from spaces.nasbench201 import OPERATORS, Cell

Eigenvalues = Mapping[str, float | None]  # code -> smallest of the exact NNGP kernel on digits


def planes(sources: Sources, left: Left) -> list[dict]:
    """Data of the planes: NAS-Bench-201's table that ships with the code, topologies, models."""
    eigenvalues, made = {}, []
    for run in [run for run in sources.of_kind("topologies") if run.dataset == "digits"][:1]:
        with left.noting(run.folder, "plane of its topologies: "):
            rows = read_codes(run)
            eigenvalues = {row["code"]: _rounded(float(row["lambda_min"]), 8) for row in rows}
            made.append(_all_topologies(rows, eigenvalues))
    for run in of_torchvision(sources):
        with left.noting(run.folder, "plane of its models: "):
            made.append(_classifiers(run.result["models"]))
    return [nasbench201(AccuracyTable.find(EMBEDDED), eigenvalues), *made]


def nasbench201(table: AccuracyTable, eigenvalues: Eigenvalues) -> dict:
    """The plane of a table's cells, each dot a wiring."""
    names = list(table.test_columns().values())
    values = np.column_stack([table.columns[name] for name in names])
    dags = defaultdict(list)
    for arch, row in zip(table.architectures, values.tolist()):
        cell = Cell.parse(arch)
        dags[cell.to_dag()].append((cell.index, row))
    cells = {dag.code: rows for dag, rows in dags.items()}
    topologies = [
        _topology(code, len(rows), np.mean([row for _, row in rows], axis=0), eigenvalues)
        for code, rows in sorted(cells.items())
    ]
    note = (
        "A dot is one wiring: all cells that differ only in the kind of convolution or of skip. "
        "Its accuracies are means over its cells."
    )
    packed = {
        code: [[number, *(_rounded(v, 2) for v in row)] for number, row in rows]
        for code, rows in cells.items()
    }
    more = {"cells": packed, "operators": list(OPERATORS)}
    return _plane("nasbench201", "NAS-Bench-201", note, names, topologies) | more


def _all_topologies(codes: Sequence[Mapping[str, str]], eigenvalues: Eigenvalues) -> dict:
    columns = {"test accuracy": "test_accuracy", "training accuracy": "train_accuracy"}
    topologies = [
        _topology(row["code"], 1, [float(row[c]) for c in columns.values()], eigenvalues)
        for row in codes
    ]
    note = (
        f"MLPs on digits, one for each code of three layers that has a path: {len(topologies)} of "
        "729."
    )
    title = "The 729 topologies of three layers"
    return _plane("topologies", title, note, list(columns), topologies)


def _topology(code: str, cells: int, means: Iterable[float], eigenvalues: Eigenvalues) -> list[Any]:
    """What the page knows of a DAG: code, shape, paths, eigenvalue, its cells, their means."""
    dag = Dag.parse(code)
    shape = [_rounded(v, 10) for v in effective_depth_width(dag)]
    paths = sum(depth_histogram(dag).values())
    means = [_rounded(mean, 4) for mean in means]
    return [code, *shape, paths, eigenvalues.get(code), cells, means]


def _classifiers(models: Sequence[Mapping[str, Any]]) -> dict:
    """The plane of torchvision's classifiers, with log2 of the width."""
    rows = [
        [m["model"], _rounded(m["depth"], 4), _rounded(m["log2_width"], 4),
         f"2^{m['log2_paths']:.2f}", None, 1, [m["top1"]]]
        for m in models
        if None not in (m["log2_width"], m["log2_paths"])
    ]  # fmt: skip
    note = "A dot is one model; accuracies are those of ImageNet, of its first weights."
    plane = _plane("models", "torchvision's classifiers", note, ["ImageNet top-1"], rows)
    depths, widths = ([row[place] for row in rows] for place in (1, 2))  # a logarithm may be < 0
    whole = {"depth": (min(depths), max(depths)), "width": (min(widths), max(widths))}
    return plane | {"named": True, "range": whole}


def _plane(key: str, title: str, note: str, names: Sequence[str], rows: Sequence[list]) -> dict:
    """What the page draws; accuracies that no row has are left out."""
    known = [i for i in range(len(names)) if any(row[-1][i] is not None for row in rows)]
    whole = box_rule(np.array([r[1] for r in rows]), np.array([r[2] for r in rows]), 1.0)
    return {
        "key": key,
        "title": title,
        "note": note,
        "accuracies": [[i, names[i]] for i in known],
        "topologies": rows,
        "cells": None,
        "operators": None,
        "range": {"depth": whole.depth, "width": whole.width},
    }


def _rounded(value: float, digits: int) -> float | None:
    """None for nan, which JSON does not know."""
    return None if np.isnan(value) else round(float(value), digits)
