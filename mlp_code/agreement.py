"""How well predictions of a learning rate agree with what was measured."""

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
    """Rates of each network, geometric means over seeds, and how the predictions agree.

    Args:
        records: of metrics.jsonl.
        width: of the networks that are looked at.
        x: the images that were learned [n, d_in].
    """
    found: dict[str, list[Mapping]] = {}
    for record in records:
        if record.get("width") == width:
            found.setdefault(record["code"], []).append(record)
    predicted = predictions(list(found), x)
    measured = {
        loss: {
            rate: np.exp([np.mean(np.log([r[loss][rate] for r in own])) for own in found.values()])
            for rate in RATES
        }
        for loss in LOSSES
    }
    rows = [
        {"code": code}
        | {name: float(values[i]) for name, values in predicted.items()}
        | {loss: {rate: float(v[i]) for rate, v in measured[loss].items()} for loss in LOSSES}
        for i, code in enumerate(found)
    ]
    agreement = {
        loss: {
            rate: {name: agree(values, y) for name, values in predicted.items()}
            for rate, y in measured[loss].items()
        }
        for loss in LOSSES
    }
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

    Args:
        descents: the training of each loss.
        members: of some codes, all seeds of a code in a row.
        records: of metrics.jsonl, with these networks.
        seeds: of the members.
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
