"""Fig. 3's DAGs trained at every rate of a list: does their order outlive each one's own rate?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from common.config import require
from common.dataset import Dataset
from common.files import read_metrics
from common.progress import progress
from common.ranges import Positive, Range, check
from common.runs import Run
from dag import FIGURE_3
from mlp_code.descent import Descent
from mlp_code.model import DagMlp, MlpShape
from mlp_code.theory import inputs


@dataclass(frozen=True)
class CurveSettings:
    """SGD with cross-entropy, standard parameterization and biases, as in Fig. 4.

    Args:
        rates: learning rates; every DAG trains at each of them.
        images: training images.
        width: units per node.
        steps: of a training.
        batch_size: images per step.
        every: steps between two points of a curve.
    """

    rates: list[float] = field(
        default_factory=lambda: [round(10 ** (k / 2 - 3.5), 7) for k in range(8)]
    )
    images: int = 1000
    width: Positive = 256
    steps: Positive = 300
    batch_size: Positive = 128
    every: Positive = 10

    def __post_init__(self) -> None:
        check(self, "curves.")
        fits = self.rates and all(rate in Range(above=0) for rate in self.rates)
        require(bool(fits), "curves.rates", self.rates, "numbers > 0, at least one")
        few = self.images >= max(2, self.batch_size)
        require(few, "curves.images", self.images, "at least 2, and one batch")


def measure_curves(settings: CurveSettings, seeds: Sequence[int], run: Run, data: Dataset) -> None:
    """Logs the loss curves of all DAGs and seeds at each rate that is not logged yet."""
    x, y = inputs(data, settings.images), data.train.labels[: settings.images]
    shape = MlpShape(x.shape[1], settings.width, data.num_classes)
    labels = [(name, seed) for name in FIGURE_3 for seed in seeds]
    members = [DagMlp(FIGURE_3[n], shape, torch.Generator().manual_seed(s)) for n, s in labels]
    descent = Descent(x, y, "cross_entropy", settings.steps, settings.batch_size, settings.every)
    done = {r["rate"] for r in read_metrics(run.folder) if "rate" in r}
    with progress(len(settings.rates), len(done), "rates") as bar:
        for rate in (rate for rate in settings.rates if rate not in done):
            losses = descent.losses(members, torch.full((len(members),), rate, device=x.device))
            finite = [[v if v < float("inf") else None for v in row] for row in losses.T.tolist()]
            run.log({"rate": rate, "losses": finite})
            run.position()  # on the disk, with the time that it took
            bar.update()


def summarize_curves(
    settings: CurveSettings, seeds: Sequence[int], records: Sequence[Mapping]
) -> dict:
    """Per DAG: last losses [rates][seeds] (None: diverged), its own best rate and curves at it.

    The best rate has the lowest mean loss in the end, of those at which no seed diverged.
    """
    by_rate = {record["rate"]: record["losses"] for record in records if "rate" in record}
    dags = {}
    for number, name in enumerate(FIGURE_3):
        own = slice(number * len(seeds), (number + 1) * len(seeds))
        curves = {rate: by_rate[rate][own] for rate in settings.rates}
        last = {rate: [curve[-1] for curve in found] for rate, found in curves.items()}
        whole = {rate: sum(v) for rate, v in last.items() if None not in v}
        best = min(whole, key=whole.get, default=None)
        found = {"code": FIGURE_3[name], "last": list(last.values()), "best_rate": best}
        dags[name] = found | {"best_curves": curves.get(best)}
    keys = ("rates", "steps", "every", "width", "images")
    return {key: getattr(settings, key) for key in keys} | {"dags": dags}
