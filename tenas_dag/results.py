"""From a finished search to its result."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from dag import effective_depth_width
from spaces.benchmark import AccuracyTable
from spaces.darts import Genotype
from tenas_dag.config import TenasConfig
from tenas_dag.rounds import Left

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")


def describe_choice(space: str, left: Left) -> dict[str, Any]:
    """The cell or genotype, with effective depth and width of its cells."""
    if space == "nas-bench-201":
        cell = left[0].to_cell()
        return {"arch": str(cell), "shapes": [effective_depth_width(cell.to_dag())]}
    genotype = Genotype(*(candidates.to_cell_genotype() for candidates in left))
    shapes = [effective_depth_width(genotype.to_dag(which)) for which in ("normal", "reduce")]
    return {"genotype": genotype.to_dict(), "shapes": shapes}


def summarize_seed(
    config: TenasConfig, seed: int, left: Left, history: list[dict], records: Sequence[dict]
) -> dict[str, Any]:
    """One search's entry in the result; seconds by phase are those of its evaluations."""
    own = [record for record in records if record["seed"] == seed]
    inputs = config.indicators.region_inputs
    regions = [r for record in own for pair in record["regions"] for r in pair]
    kappas = [k for record in own for pair in record["kappa"] for k in pair]
    return {
        "seed": seed,
        **describe_choice(config.space, left),
        "evaluations": len(own),
        "exempt": sum(len(entry.get("exempt", ())) for entry in history),
        "ntk_seconds": sum(record["ntk_seconds"] for record in own),
        "regions_seconds": sum(record["regions_seconds"] for record in own),
        "kappa_without_value": kappas.count(None),
        "kappa_measured": len(kappas),
        "regions_saturated": sum(r == inputs for r in regions),
        "regions_measured": len(regions),
        "rounds": history,
    }


def mean_std(values: Sequence[float]) -> dict[str, float]:
    """Mean and sample standard deviation (0 for one value)."""
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "std": std, "n": len(values)}


def look_up(table: AccuracyTable, architectures: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Test accuracies in % after 200 epochs of the chosen cells, where the table has them."""
    found = {}
    for dataset in DATASETS:
        if f"{dataset}/test@200" in table.columns:
            column = table.column(dataset)
            values = [float(column[table.position(arch)]) for arch in architectures]
            found[dataset] = {**mean_std(values), "values": values}
    return found
