"""How figures look, and how they are saved."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_SETTINGS = {
    "font.size": 9,
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


def save_figure(figure: Figure, path: Path) -> list[Path]:
    """Writes path.png (200 dpi) and path.pdf; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [path.with_name(f"{path.name}.{kind}") for kind in ("png", "pdf")]
    figure.savefig(files[0], dpi=200)
    figure.savefig(files[1], metadata={"CreationDate": None})
    return files
