"""NAS-Bench-201's topologies: does a DAG's kernel predict the accuracy of its cells?"""

import numpy as np
from matplotlib.figure import Figure

from report.draw_topologies import draw_prediction
from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.tables import Number, Table
from report.topologies import read_codes

_PREDICTED = "predicted by "
_COLUMNS = ("accuracy", "topologies", "predictors", "R", "held out", "different kernels", "n")


@headed(
    "nasbench_topologies",
    "Kernels of NAS-Bench-201's topologies",
    "python -m wot_dag.topologies --dataset FILE.npz",
)
def section(sources: Sources) -> Parts:
    """A row for each accuracy, subset and set of predictors."""
    runs = sources.of_kind("nasbench201_topologies")
    rows = [
        (accuracy, subset, predictors, Number(fit["r"]), Number(fit["cross_validated_r"]),
         found["different_kernels"], found["topologies"])
        for run in runs
        for accuracy, subsets in run.result["results"].items()
        for subset, found in subsets.items()
        for predictors, fit in found["regressions"].items()
    ]  # fmt: skip
    caption = "Multiple correlation of a topology's mean accuracy on NAS-Bench-201"
    if rows:
        yield Table("nasbench_topologies", caption, _COLUMNS, tuple(rows))
    for run in runs:
        yield run
        caption = f"{run.name}: accuracy of topologies, measured and predicted"
        yield Image.of(run, "topologies", caption, draw_nasbench_topologies)


def draw_nasbench_topologies(run: Record) -> Figure:
    """The topologies with depth > 0 of topologies.csv: the others hold no convolution."""
    accuracy = next(iter(run.result["results"]))
    rows = [row for row in read_codes(run) if float(row["depth"]) > 0]
    table = {key: np.array([float(row[key]) for row in rows]) for key in rows[0] if key != "code"}
    predicted = {
        key.removeprefix(_PREDICTED): values
        for key, values in table.items()
        if key.startswith(_PREDICTED)
    }
    return draw_prediction(table["depth"], table["width"], table[accuracy], predicted, accuracy)
