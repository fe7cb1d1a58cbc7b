"""How two accuracy tables rank the same cells."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from spaces.benchmark.table import AccuracyTable
from spaces.nasbench201 import all_cells


def compare_tables(table: AccuracyTable, other: AccuracyTable) -> dict:
    """Spearman's rho of test accuracies over the distinct cells, per pair of datasets.

    `upper_half` is rho over the cells above the median of `other` alone, where a search ends.
    """
    cells = list(dict.fromkeys(cell.canonical() for cell in all_cells()))
    rows, other_rows = ([t.position(cell) for cell in cells] for t in (table, other))
    found = {}
    for name, column in table.test_columns().items():
        for other_name, other_column in other.test_columns().items():
            a, b = table.columns[column][rows], other.columns[other_column][other_rows]
            upper = b > np.median(b)
            found[f"{column} ~ {other_column}"] = {
                "datasets": [name, other_name],
                "spearman": float(spearmanr(a, b).statistic),
                "upper_half": float(spearmanr(a[upper], b[upper]).statistic),
                "cells": len(cells),
            }
    return found
