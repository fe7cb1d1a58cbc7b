"""Which learning rate a DAG bears, what predicts it, and what is left of Fig. 4's order."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report.records import Record
from report.sections import Image, Parts, Sources, headed
from report.style import COLOURS, add_legend, line_style, new_figure, plain_ticks, seeds_in_words
from report.tables import Cell, Number, Table, general

_LOSSES = {"mse": "squares, gradient descent", "cross_entropy": "cross-entropy, SGD"}
_RATES = {"stable": "largest stable", "best": "best after the last step"}
_RULE, _EXACT, _PAPER = "rule of paths", "2 / lambda_max, exact", "2 / lambda_max, paper"
_AGREEMENT = ("training", "rate", "prediction", "Kendall's tau", "R^2 of logarithms", "slope",
              "median measured / predicted", "worst factor beside it", "networks")  # fmt: skip
_DIVERGED = "diverged"


@headed(
    "learning_rate",
    "The learning rate that belongs to a DAG",
    "bash scripts/learning_rate.sh digits",
)
def section(sources: Sources) -> Parts:
    """For each run: agreement, Fig. 3's DAGs in wide networks, and their losses at each rate."""
    yield sources.cite("sequel", sources.published["learning_rate"]["claim"])
    names = {code: name for name, code in sources.published["fig3"].items()}
    for run in sources.of_kind("learning_rate"):
        yield run
        yield _agreement(run)
        if run.result.get("wide"):
            yield _wide(run, names)
        yield _losses(run)
        caption = f"{run.dataset}: largest stable rates against predictions; DAGs at their own best"
        yield Image.of(run, "rates", caption, draw_rates)


def _agreement(run: Record) -> Table:
    result = run.result
    n, rows = len(result["networks"]), []
    for loss, rates in result["agreement"].items():
        for rate, predictions in rates.items():
            for name, found in predictions.items():
                values = (Number(found[key]) for key in ("tau", "r2", "slope"))
                factors = (general(found[k]) for k in ("median_factor", "worst_factor"))
                rows.append((_LOSSES[loss], _RATES[rate], name, *values, *factors, n))
    shares = (
        f"{_LOSSES[loss]} {100 * row['train_at_0.9']:.0f} % and {100 * row['diverge_at_1.3']:.0f} %"
        for loss, row in result["check"].items()
    )
    tried = next(iter(result["check"].values()))["networks"]
    note = (
        f"A drawn sample of the different networks of {result['codes']} codes, or all of them; "
        "rates are geometric means over seeds. Of "
        f"{tried} networks, so many trained at 0.9 times the largest stable rate, and diverged "
        f"at 1.3 times it: {'; '.join(shares)}."
    )
    caption = f"{run.dataset} ({run.name}): predicted and measured rates, {run.network}"
    return Table(f"{run.key}_agreement", caption, _AGREEMENT, tuple(rows), note)


def _wide(run: Record, names: Mapping[str, str]) -> Table:
    wide, rows = run.result["wide"], []
    for row in wide["networks"]:
        measured = (row[loss][rate] for loss in _LOSSES for rate in _RATES)
        cells = (general(v) for v in (*(row[k] for k in (_RULE, _EXACT, _PAPER)), *measured))
        rows.append((names.get(row["code"], row["code"]), *cells))
    columns = [f"{rate}, {loss}" for loss in _LOSSES.values() for rate in _RATES.values()]
    caption = f"{run.dataset} ({run.name}): DAGs of Fig. 3 at width {wide['width']:,}"
    columns = ("DAG", _RULE, _EXACT, _PAPER, *columns)
    return Table(f"{run.key}_wide", caption, columns, tuple(rows))


def _losses(run: Record) -> Table:
    curves = run.result["curves"]
    dags = curves["dags"]
    rows = []
    for i, rate in enumerate(curves["rates"]):
        means = {name: _mean(dag["last"][i]) for name, dag in dags.items()}
        rows.append((f"{rate:.3g}", *_row(means)))
    own = {}
    for name, dag in dags.items():
        known = dag["best_rate"] is not None
        own[name] = _mean(dag["last"][curves["rates"].index(dag["best_rate"])]) if known else None
    rows.append(("each its own best", *_row(own)))
    best = ", ".join(f"{name} {general(dag['best_rate'])}" for name, dag in dags.items())
    caption = (
        f"{run.dataset} ({run.name}): training loss after {curves['steps']} steps of SGD with "
        f"cross-entropy, width {curves['width']}, {curves['images']:,} images, mean over seeds"
    )
    note = f"{_DIVERGED}: in one seed or more. Own best rates of the list: {best}."
    columns = ("learning rate", *dags, "lowest loss first")
    return Table(f"{run.key}_losses", caption, columns, tuple(rows), note)


def _row(means: Mapping[str, float | None]) -> tuple[Cell, ...]:
    known = sorted((name for name in means if means[name] is not None), key=means.get)
    cells = (_DIVERGED if v is None else general(v) for v in means.values())
    return (*cells, " < ".join(known))


def _mean(losses: list[float | None]) -> float | None:
    return None if None in losses else sum(losses) / len(losses)


def draw_rates(run: Record) -> Figure:
    """Largest stable rate of gradient descent against two predictions; curves at own best rates."""
    figure = new_figure(9.6, 3.1)
    *panels, curves = figure.subplots(1, 3)
    rows = run.result["networks"]
    y = np.array([row["mse"]["stable"] for row in rows])
    for panel, name in zip(panels, (_EXACT, _RULE)):
        x = np.array([row[name] for row in rows])
        panel.loglog(x, y, "o", ms=4, alpha=0.6, mew=0, color=COLOURS[0])
        found = run.result["agreement"]["mse"]["stable"][name]
        line = np.array([x.min(), x.max()])
        panel.plot(line, found["median_factor"] * line, color="0.4", lw=0.8)
        panel.set_title(f"tau {found['tau']:.2f}, R^2 {found['r2']:.2f}", fontsize=9)
        panel.set_xlabel(f"predicted: {name}")
        plain_ticks(panel.xaxis, panel.yaxis)
    panels[0].set_ylabel("largest stable rate, measured")
    _draw_curves(curves, run.result["curves"])
    n, seeds = len(rows), seeds_in_words(run.result["n"])
    figure.suptitle(f"{run.dataset}: {n} networks, {run.network}, {seeds}", fontsize=9)
    return figure


def _draw_curves(panel: Axes, curves: Mapping) -> None:
    for number, (name, dag) in enumerate(curves["dags"].items()):
        if dag["best_rate"] is None:
            continue
        mean = np.mean(dag["best_curves"], axis=0)
        steps = np.minimum(np.arange(len(mean)) * curves["every"], curves["steps"])
        label = f"{name}, rate {dag['best_rate']:.3g}"
        panel.semilogy(steps, mean, label=label, **line_style(number))
    plain_ticks(panel.yaxis)
    panel.set(xlabel="step of SGD", ylabel="training loss")
    panel.set_title("each DAG at its own best rate", fontsize=9)
    add_legend(panel)
