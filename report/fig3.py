"""Fig. 3: the three DAGs; drawings of any: solid arrows linear, dashed skip, light grey removed."""

from collections import Counter
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from dag import FIGURE_3, Dag, EdgeOp, depth_histogram, effective_depth_width
from report.sections import Image, Parts, Sources
from report.style import COLOURS, new_panels
from report.tables import Table, general

_COLUMNS = ("DAG", "code (published)", "effective depth", "effective width", "paths")
_LINES = {
    EdgeOp.LINEAR: {"color": COLOURS[0], "linestyle": "-", "linewidth": 1.8, "zorder": 3},
    EdgeOp.SKIP: {"color": COLOURS[1], "linestyle": (0, (3, 2)), "linewidth": 1.6, "zorder": 2},
    EdgeOp.ZERO: {"color": "0.87", "linestyle": "-", "linewidth": 1.0, "zorder": 1},
}
_GREY_UP_TO = 8  # nodes: beyond, edges that are absent would hide those that are there


def section(sources: Sources) -> Parts:
    """The DAGs and their measures; computed from the codes, so that it needs no run."""
    dags = {name: Dag.parse(code) for name, code in FIGURE_3.items()}
    yield sources.cite("paper", "Three DAGs of three layers: in a row, in parallel, mixed")
    rows = []
    for name, dag in dags.items():
        depth, width = map(general, effective_depth_width(dag))
        rows.append((name, dag.code, depth, width, sum(depth_histogram(dag).values())))
    yield Table("fig3", "The DAGs of Fig. 3 by Def. 4.1", _COLUMNS, tuple(rows))
    yield Image("fig3_dags", "DAG#1, DAG#2 and DAG#3", lambda: draw_dags(dags))


def draw_dags(dags: Mapping[str, Dag]) -> Figure:
    """One panel per DAG, with name, code, effective depth and width; at most three in a row."""
    figure, panels = new_panels(len(dags), 3, 3.3, 2.2, 0.3)
    for panel, (name, dag) in zip(panels, dags.items()):
        draw_dag(panel, dag)
        depth, width = effective_depth_width(dag)
        title = name if name == str(dag) else f"{name}   {dag}"
        size = 9 if len(title) < 34 else 6
        panel.set_title(f"{title}\ndepth {depth:.3g}, width {width:.3g}", fontsize=size)
    names = {EdgeOp.LINEAR: "linear + ReLU", EdgeOp.SKIP: "skip", EdgeOp.ZERO: "removed"}
    handles = [Line2D([], [], label=names[op], **_LINES[op]) for op in names]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=3)
    return figure


def draw_dag(panel: Axes, dag: Dag) -> None:
    """Draws one DAG from left to right: neighbours straight, longer edges as arcs."""
    panel.set_axis_off()
    drawn: Counter = Counter()
    for source, target, op in dag.edges:
        _draw_edge(panel, source, target, op, drawn[source, target])
        drawn[source, target] += 1
    if dag.num_nodes <= _GREY_UP_TO:
        for target in range(dag.num_inputs, dag.num_nodes):
            for source in range(target):
                if not drawn[source, target]:
                    _draw_edge(panel, source, target, EdgeOp.ZERO, 0)
    for node in range(dag.num_nodes):
        panel.plot(node, 0, "o", ms=17, mfc="white", mec="0.25", mew=1.2, zorder=4)
        panel.text(node, -0.01, f"$X_{{{node}}}$", ha="center", va="center", fontsize=8, zorder=5)
    reach = max(0.28 * (dag.num_nodes - 1), 0.6)
    panel.set(xlim=(-0.35, dag.num_nodes - 0.65), ylim=(-reach, reach))


def _draw_edge(panel: Axes, source: int, target: int, op: EdgeOp, parallel: int) -> None:
    """`parallel` counts the edges already drawn between the two nodes."""
    span = target - source
    bend = 0.0 if span == 1 else 0.32 + 0.04 * span
    side = -1 if source % 2 == 0 else 1  # even sources arch above the line, odd ones below
    bend = side * (bend + 0.35 * parallel)
    panel.add_patch(
        FancyArrowPatch(
            (source, 0), (target, 0), connectionstyle=f"arc3,rad={bend}", arrowstyle="-|>",
            mutation_scale=11, shrinkA=9, shrinkB=9, **_LINES[EdgeOp(op)],
        )
    )  # fmt: skip
