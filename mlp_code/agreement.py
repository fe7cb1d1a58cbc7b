"""How well predictions of a learning rate agree with what was measured."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from common.statistics import correlation, kendall_tau
from dag import Dag, largest_eigenvalues, path_rule
from mlp_code.descent import Descent
from mlp_code.model import DagMlp

LOSSES = ("mse", "cross_entropy")
RATES = ("stable", "best")
RULE, EXACT, PAPER = "rule of paths", "2 / lambda_max, exact", "2 / lambda_max, paper"


def predictions(codes: Sequence[str], x: np.ndarray) -> dict[str, np.ndarray]:
    """Three predictions for each code: the sequel's rule, and 2 n / lambda_max of two NTKs.

    The loss is a mean over the n images: a rate r moves as r / n does on the sum.
    """
    dags = [Dag.parse(code) for code in codes]
    rule = np.array([path_rule(dag) for dag in dags])
    forms = {EXACT: "exact", PAPER: "paper"}
    return {RULE: rule} | {
        name: 2 * len(x) / np.array(largest_eigenvalues(dags, x, form))
        for name, form in forms.items()
    }


def summary(records: Sequence[Mapping], width: int, x: np.ndarray) -> dict:
    """Rates of each network of a width, geometric means over seeds, and how predictions agree.

    `records` are those of metrics.jsonl, x the images that were learned [n, d_in].
    """
    found: dict[str, list[Mapping]] = {}
    for record in records:
        if record.get("width") == width:
            found.setdefault(record["code"], []).append(record)
    predicted = predictions(list(found), x)
    rows: list[dict] = [
        {"code": code} | {name: float(values[i]) for name, values in predicted.items()}
        for i, code in enumerate(found)
    ]
    agreement: dict[str, dict] = {loss: {} for loss in LOSSES}
    for loss, rate in itertools.product(LOSSES, RATES):
        logs = [[np.log(record[loss][rate]) for record in own] for own in found.values()]
        measured = np.array([np.exp(np.mean(seeds)) for seeds in logs])
        agreement[loss][rate] = {name: agree(v, measured) for name, v in predicted.items()}
        for row, value in zip(rows, measured.tolist()):
            row.setdefault(loss, {})[rate] = value
    return {"networks": rows, "agreement": agreement}


def agree(predicted: np.ndarray, measured: np.ndarray) -> dict[str, float]:
    """Kendall's tau; R^2 and slope of the logarithms; the median factor, and the worst beside it.

    Args:
        predicted: rates [n], n >= 2, all > 0; a prediction may leave one common factor open.
        measured: rates [n].
    """
    x, y = np.log(predicted), np.log(measured)
    off = y - x
    spread = float(x.var())
    return {
        "tau": kendall_tau(predicted, measured),
        "r2": correlation(x, y) ** 2,
        "slope": float(np.cov(x, y, ddof=0)[0, 1]) / spread if spread else 0.0,
        "median_factor": float(np.exp(np.median(off))),
        "worst_factor": float(np.exp(np.abs(off - np.median(off)).max())),
    }


def check_rates(
    descents: Mapping[str, Descent],
    members: Sequence[DagMlp],
    records: Sequence[Mapping],
    seeds: Sequence[int],
) -> dict[str, dict[str, float | int]]:
    """Share of networks that train at 0.9 times the rate found, and that diverge at 1.3 times it.

    `members` are all seeds of some codes, those of a code in a row; `records` know their rates.
    """
    width = members[0].shape.width
    found = {(r["code"], r["seed"]): r for r in records if r.get("width") == width}
    keys = [(m.dag.code, seeds[i % len(seeds)]) for i, m in enumerate(members)]
    shares = {}
    for loss, descent in descents.items():
        rates = torch.tensor([found[key][loss]["stable"] for key in keys], device=descent.x.device)
        trains = descent.stable(members, 0.9 * rates)
        diverges = ~descent.stable(members, 1.3 * rates)
        shares[loss] = {
            "networks": len(members),
            "train_at_0.9": float(trains.float().mean()),
            "diverge_at_1.3": float(diverges.float().mean()),
        }
    return shares
