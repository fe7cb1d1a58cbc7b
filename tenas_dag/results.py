"""From a finished search to its result."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from common.files import or_null
from dag import Box, box_rule, effective_depth_width
from spaces.benchmark import AccuracyTable
from spaces.darts import Genotype
from spaces.depth_width import shapes_of
from tenas_dag.config import TenasConfig
from tenas_dag.rounds import Left


def describe_choice(space: str, left: Left) -> dict[str, Any]:
    """The cell or genotype, its cells' shapes, and whether the box rule of f = 1/2 keeps them."""
    if space == "nas-bench-201":
        cell = left[0].to_cell()
        found: dict[str, Any] = {"arch": str(cell)}
        dags = [cell.to_dag()]
    else:
        genotype = Genotype(*(candidates.to_cell_genotype() for candidates in left))
        found = {"genotype": genotype.to_dict()}
        dags = [genotype.to_dag(which) for which in ("normal", "reduce")]
    measured = [effective_depth_width(dag) for dag in dags]
    box = _box(space)
    found["shapes"] = measured
    found["in_box"] = [bool(box.keeps(*shape)) for shape in measured]
    return found


def accuracies_of(searches: Sequence[Mapping], table: AccuracyTable) -> dict[str, Any]:
    """Test accuracies of a table: their summary, and the searches with theirs."""
    archs = [search["arch"] for search in searches]
    found = {d: table.values(column, archs) for d, column in table.test_columns().items()}
    rows = [
        search | {"accuracy": {d: or_null(values[i]) for d, values in found.items()}}
        for i, search in enumerate(searches)
    ]
    return {"accuracy": table.look_up(archs), "searches": rows}


@cache
def _box(space: str) -> Box:
    return box_rule(*shapes_of(space, samples=100_000, seed=0))


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
