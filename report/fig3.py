"""Fig. 3: the three DAGs."""

from dag import Dag, depth_histogram, effective_depth_width
from report.draw import draw_dags
from report.sections import Image, Parts, Sources, headed
from report.tables import Table, general

_COLUMNS = ("DAG", "code (published)", "effective depth", "effective width", "paths")


@headed("fig3", "Fig. 3: the three DAGs", "bash scripts/fig3.sh", absent="")
def section(sources: Sources) -> Parts:
    """The DAGs and their measures; computed from the codes, so that it needs no run."""
    dags = {name: Dag.parse(code) for name, code in sources.published["fig3"].items()}
    yield sources.cite("paper", "Three DAGs of three layers: in a row, in parallel, mixed")
    rows = []
    for name, dag in dags.items():
        depth, width = map(general, effective_depth_width(dag))
        rows.append((name, dag.code, depth, width, sum(depth_histogram(dag).values())))
    yield Table("fig3", "The DAGs of Fig. 3 by Def. 4.1", _COLUMNS, tuple(rows))
    yield Image("fig3_dags", "DAG#1, DAG#2 and DAG#3", lambda: draw_dags(dags))
