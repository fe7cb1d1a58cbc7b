"""How figures look, and how they are saved."""

import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINES = ("-", "--", ":", "-.")

_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": "medium",
    "figure.titlesize": "medium",
    "figure.dpi": 200,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of the project's style; sizes in inches."""
    matplotlib.rcParams.update(_SETTINGS)
    return Figure(figsize=(width, height), layout="constrained")


def new_panels(
    count: int, across: int, width: float, height: float, more: float = 0, **settings: object
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` >= 1 panels, at most `across` in a row, and more settings of `subplots`.

    A panel is `width` by `height`; `more` is the height of what stands beside them; in inches.
    """
    columns = min(across, count)
    rows = -(-count // columns)
    figure = new_figure(width * columns, height * rows + more)
    panels = list(figure.subplots(rows, columns, squeeze=False, **settings).flat)
    for panel in panels[count:]:
        panel.set_axis_off()
    return figure, panels[:count]


def plain_ticks(*axes: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5, written without powers."""
    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, path: Path, kinds: tuple[str, ...] = ("png", "pdf")) -> list[Path]:
    """Writes path.png (200 dpi) and path.pdf, or one of them; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_name(f"{path.name}.{kind}") for kind in kinds]
    for file in files:
        # not `savefig`, which draws twice; laid out once, by the first
        if file.suffix == ".png":
            FigureCanvasAgg(figure).print_png(file)
        else:
            from matplotlib.backends.backend_pdf import FigureCanvasPdf  # a sixth of the start

            FigureCanvasPdf(figure).print_pdf(file, metadata={"CreationDate": None})
        figure.set_layout_engine("none")
    return files


def line_style(number: int) -> dict[str, str]:
    """Colour and line of the curve `number`: colours repeat with another line."""
    turn, colour = divmod(number, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": _LINES[turn % len(_LINES)]}


def draw_band(
    panel: Axes, x: np.ndarray, middle: np.ndarray, low: np.ndarray, high: np.ndarray, **line: Any
) -> None:
    """A curve, and a band of its colour from `low` to `high`; all of them [n]."""
    panel.plot(x, middle, **line)
    panel.fill_between(x, low, high, color=line["color"], alpha=0.2, lw=0)


def short(name: str, most: int = 24) -> str:
    """A name cut to fit a legend or a title."""
    line = " ".join(str(name).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def add_legend(axes: Axes, **settings: object) -> None:
    """A legend of all labelled curves; matplotlib alone leaves out names that begin with _."""
    curves = [line for line in axes.get_lines() if not re.match(r"_child\d+$", line.get_label())]
    names = [short(line.get_label()).replace("$", r"\$") for line in curves]
    size = 7 if len(names) > 4 else None
    axes.legend(curves, names, fontsize=size, **settings)


def seeds_in_words(count: int) -> str:
    """'3 seeds', '1 seed'."""
    return f"{count} seed{'s' * (count != 1)}"
