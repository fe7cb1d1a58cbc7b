"""Which learning rate a DAG bears, what predicts it, and what is left of Fig. 4's order."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dag import FIGURE_3
from report.records import Record
from report.sections import Image, Parts, Sources
from report.style import COLOURS, add_legend, line_style, new_panels, plain_ticks, seeds_in_words
from report.tables import Cell, Table, general

_LOSSES = {"mse": "squares, gradient descent", "cross_entropy": "cross-entropy, SGD"}
_RATES = {"stable": "largest stable", "best": "best after the last step"}
_RULE, _EXACT, _PAPER = "rule of paths", "2 / lambda_max, exact", "2 / lambda_max, paper"
_AGREEMENT = {
    "training": "loss", "rate": "rate", "prediction": "name", "Kendall's tau": "tau:.2f",
    "R^2 of logarithms": "r2:.2f", "slope": "slope:.2f",
    "median measured / predicted": "median_factor:.3g",
    "worst factor beside it": "worst_factor:.3g", "networks": "n",
}  # fmt: skip
_WIDE = {"DAG": "name"} | {name: f"{name}:.3g" for name in (_RULE, _EXACT, _PAPER)} | {
    f"{_RATES[rate]}, {_LOSSES[loss]}": f"{loss}.{rate}:.3g" for loss in _LOSSES for rate in _RATES
}  # fmt: skip
_DIVERGED = "diverged"


def section(sources: Sources) -> Parts:
    """For each run: agreement, Fig. 3's DAGs in wide networks, and their losses at each rate."""
    yield sources.cite("sequel", sources.published["learning_rate"]["claim"])
    names = {code: name for name, code in FIGURE_3.items()}
    for run in sources.of_kind("learning_rate"):
        yield run
        yield _agreement(run)
        if wide := run.result.get("wide"):
            rows = [row | {"name": names.get(row["code"], row["code"])} for row in wide["networks"]]
            caption = f"{run.dataset} ({run.name}): DAGs of Fig. 3 at width {wide['width']:,}"
            yield Table.of(f"{run.key}_wide", caption, rows, _WIDE)
        yield _losses(run)
        caption = f"{run.dataset}: largest stable rates against predictions; DAGs at their own best"
        yield Image.of(run, "rates", caption, draw_rates)


def _agreement(run: Record) -> Table:
    result = run.result
    rows = [
        found | {"loss": _LOSSES[loss], "rate": _RATES[rate], "name": name,
                 "n": len(result["networks"])}
        for loss, rates in result["agreement"].items()
        for rate, predictions in rates.items()
        for name, found in predictions.items()
    ]  # fmt: skip
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
    return Table.of(f"{run.key}_agreement", caption, rows, _AGREEMENT, note)


def _losses(run: Record) -> Table:
    curves = run.result["curves"]
    rates, dags = curves["rates"], curves["dags"]
    means = {name: [_mean(last) for last in dag["last"]] for name, dag in dags.items()}
    bests = {
        name: None if dag["best_rate"] is None else means[name][rates.index(dag["best_rate"])]
        for name, dag in dags.items()
    }
    rows = [
        _row(f"{rate:.3g}", {name: losses[i] for name, losses in means.items()})
        for i, rate in enumerate(rates)
    ]
    best = ", ".join(f"{name} {general(dag['best_rate'])}" for name, dag in dags.items())
    caption = (
        f"{run.dataset} ({run.name}): training loss after {curves['steps']} steps of SGD with "
        f"cross-entropy, width {curves['width']}, {curves['images']:,} images, mean over seeds"
    )
    note = f"{_DIVERGED}: in one seed or more. Own best rates of the list: {best}."
    columns = ("learning rate", *dags, "lowest loss first")
    rows.append(_row("each its own best", bests))
    return Table(f"{run.key}_losses", caption, columns, tuple(rows), note)


def _row(rate: str, means: Mapping[str, float | None]) -> tuple[Cell, ...]:
    known = sorted((name for name in means if means[name] is not None), key=means.get)
    cells = (_DIVERGED if v is None else general(v) for v in means.values())
    return (rate, *cells, " < ".join(known))


def _mean(losses: list[float | None]) -> float | None:
    return None if None in losses else sum(losses) / len(losses)


def draw_rates(run: Record) -> Figure:
    """Largest stable rate of gradient descent against two predictions; curves at own best rates."""
    figure, (*panels, curves) = new_panels(3, 3, 3.2, 3.1)
    rows = run.result["networks"]
    y = np.array([row["mse"]["stable"] for row in rows])
    for panel, name in zip(panels, (_EXACT, _RULE)):
        x = np.array([row[name] for row in rows])
        panel.loglog(x, y, "o", ms=4, alpha=0.6, mew=0, color=COLOURS[0])
        found = run.result["agreement"]["mse"]["stable"][name]
        line = np.array([x.min(), x.max()])
        panel.plot(line, found["median_factor"] * line, color="0.4", lw=0.8)
        title = f"tau {found['tau']:.2f}, R^2 {found['r2']:.2f}"
        panel.set(title=title, xlabel=f"predicted: {name}")
        plain_ticks(panel.xaxis, panel.yaxis)
    panels[0].set_ylabel("largest stable rate, measured")
    _draw_curves(curves, run.result["curves"])
    seeds = seeds_in_words(run.result["n"])
    figure.suptitle(f"{run.dataset}: {len(rows)} networks, {run.network}, {seeds}")
    return figure


def _draw_curves(panel: Axes, curves: Mapping) -> None:
    for number, (name, dag) in enumerate(curves["dags"].items()):
        if dag["best_rate"] is not None:
            mean = np.mean(dag["best_curves"], axis=0)
            steps = np.minimum(np.arange(len(mean)) * curves["every"], curves["steps"])
            label = f"{name}, rate {dag['best_rate']:.3g}"
            panel.semilogy(steps, mean, label=label, **line_style(number))
    plain_ticks(panel.yaxis)
    panel.set(xlabel="step of SGD", ylabel="training loss")
    panel.set_title("each DAG at its own best rate")
    add_legend(panel)
