"""From records of trained cells to an accuracy table and what is worth knowing about it."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import all_cells
from spaces.networks import NasBench201Layout, count_parameters

SPLITS = ("train", "validation", "test")


def _by_arch(records: Sequence[dict]) -> dict[str, list[dict]]:
    groups: dict[str, list[dict]] = {}
    for record in sorted(records, key=lambda r: r["seed"]):
        groups.setdefault(record["arch"], []).append(record)
    return groups


def _means(records: Sequence[dict]) -> dict[str, dict[str, float]]:
    """Accuracies of each trained cell, means over its seeds."""
    return {
        arch: {split: statistics.fmean(r[split] for r in of_arch) for split in SPLITS}
        for arch, of_arch in _by_arch(records).items()
    }


def build_table(
    records: Sequence[dict], dataset: str, epochs: int, layout: NasBench201Layout
) -> AccuracyTable:
    """A row for each of the 15,625 cells: the accuracies of the cell that stands for its class.

    Raises:
        KeyError: a class was not trained.
    """
    cells, means = list(all_cells()), _means(records)
    rows = [means[str(cell.canonical())] for cell in cells]
    columns = {f"{dataset}/{s}@{epochs}": np.array([row[s] for row in rows]) for s in SPLITS}
    columns["params"] = np.array([count_parameters(cell, layout) for cell in cells], float)
    return AccuracyTable(tuple(str(cell) for cell in cells), columns, "digits-201")


def summarize(records: Sequence[dict]) -> dict:
    """Spread and noise over the trained cells.

    Per split: quantiles 0, 25, 50, 75, 100 % of the mean over seeds; `seed_std`, the pooled
    standard deviation over the seeds of a cell; `seed_spearman`, the mean rank correlation
    between two seeds. `seconds` are those of all trainings, added up over the processes.
    """
    groups, means = _by_arch(records), _means(records)
    summary = {
        "cells": len(groups),
        "trainings": len(records),
        "seconds": sum(record["seconds"] for record in records),
    }
    for split in SPLITS:
        by_seed = np.array([[r[split] for r in of_arch] for of_arch in groups.values()])
        mean = np.array([row[split] for row in means.values()])
        several = by_seed.shape[1] > 1
        summary[split] = {
            "quantiles": np.quantile(mean, (0, 0.25, 0.5, 0.75, 1)).tolist(),
            "mean": float(mean.mean()),
            "seed_std": float(np.sqrt(by_seed.var(1, ddof=1).mean())) if several else None,
            "seed_spearman": _mean_spearman(by_seed) if several else None,
        }
    return summary


def _mean_spearman(by_seed: np.ndarray) -> float:
    pairs = itertools.combinations(by_seed.T, 2)
    return float(np.mean([spearmanr(a, b).statistic for a, b in pairs]))


def compare_rows(
    table: AccuracyTable, records: Sequence[dict], dataset: str, epochs: int
) -> dict[str, float]:
    """Test accuracies of newly trained cells against the table's rows, in points."""
    column = table.column(dataset, "test", epochs)
    differences = [
        abs(row["test"] - float(column[table.position(arch)]))
        for arch, row in _means(records).items()
    ]
    return {
        "rows": len(differences),
        "equal": sum(difference < 1e-3 for difference in differences),
        "largest": max(differences),
        "mean": statistics.fmean(differences),
        "median": statistics.median(differences),
    }
