"""Figures 3 to 5 and Tables 1 to 3 of the paper, published beside measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from common.runs import read_json
from dag import Dag, depth_histogram, effective_depth_width
from report.convergence import draw_convergence
from report.draw import draw_dags
from report.genotypes import IMAGENET, table1, trained_genotypes
from report.records import Record, first_file, of_kind
from report.search_tables import one_form, percent
from report.sections import DATASETS, NOT_RUN, Image, Section, Sources, run_image
from report.tables import ABSENT, Cell, Number, Table, mean_std

_NEEDS_IMAGENET = "needs ImageNet"


def paper_sections(sources: Sources) -> list[Section]:
    """Fig. 3, Fig. 4 on each data set, Fig. 5, Tables 1 to 3."""
    fig4 = [_fig4(sources, name, title) for name, title in FIG4.items()]
    return [_fig3(sources), *fig4, _fig5(sources), *_tables(sources)]


def _tables(sources: Sources) -> list[Section]:
    return [_table1(sources), _table2(sources), _table3(sources)]


def _fig3(sources: Sources) -> Section:
    dags = {name: Dag.parse(code) for name, code in sources.published["fig3"].items()}
    columns = ("DAG", "code (published)", "effective depth", "effective width", "paths")
    rows = tuple((name, *_shape(dag)) for name, dag in dags.items())
    drawn = first_file(sources.roots, "fig3/dags.png")
    image = Image("fig3_dags", "DAG#1, DAG#2 and DAG#3", lambda: draw_dags(dags), drawn)
    return Section(
        "fig3",
        "Fig. 3: the three DAGs",
        sources.cite("paper", "Three DAGs of three layers: in a row, in parallel, mixed"),
        ("bash scripts/fig3.sh",),
        tables=(Table("fig3", "The DAGs of Fig. 3 by Def. 4.1", columns, rows),),
        images=(image,),
    )


def _shape(dag: Dag) -> tuple[Cell, ...]:
    numbers = (Number(value, spec=".3g") for value in effective_depth_width(dag))
    return (dag.code, *numbers, sum(depth_histogram(dag).values()))


FIG4 = {"mnist": "MNIST", "cifar10": "CIFAR-10"}


def _fig4(sources: Sources, dataset: str, title: str) -> Section:
    paper = sources.published["fig4"]
    runs = [r for r in convergence_runs(sources) if r.whole_dataset == dataset]
    order = ", then ".join(paper["order"])
    claim = f"Training accuracy rises fastest for {order}; {paper['protocol']}"
    return Section(
        f"fig4_{dataset}",
        f"Fig. 4: convergence on {title}",
        sources.cite("paper", claim),
        (f"bash scripts/fig4.sh {dataset}",),
        status="" if runs else NOT_RUN,
        tables=tuple(convergence_rows(run, paper["order"]) for run in runs),
        images=tuple(convergence_image(run) for run in runs),
        records=tuple(runs),
    )


def convergence_runs(sources: Sources, of_fig3: bool = True) -> list[Record]:
    """Runs of mlp_code that train the DAGs of Fig. 3, or other DAGs."""
    wanted = set(sources.published["fig3"].values())
    return [
        record
        for record in of_kind(sources.records, "convergence")
        if ({row["code"] for row in record.result["dags"].values()} == wanted) == of_fig3
    ]


def convergence_image(run: Record) -> Image:
    """The curves of a run."""
    caption = f"{run.dataset}, {run.result['epochs']} epochs"
    return run_image(run, "convergence", caption, lambda: draw_convergence(run.folder))


def convergence_rows(run: Record, order: Iterable[str] = ()) -> Table:
    """Final losses and accuracies by DAG, with the published and the measured order."""
    dags, order = run.result["dags"], list(order)
    means = {name: row["train_accuracy"]["mean"] for name, row in dags.items()}
    ranked = sorted(means, key=lambda name: -means[name])
    rows = tuple(
        (
            name,
            row["code"],
            order.index(name) + 1 if name in order else ABSENT,
            ranked.index(name) + 1,
            measured(row["train_accuracy"]),
            measured(row["train_loss"], ".3f"),
            measured(row["test_accuracy"]),
            row["train_accuracy"]["n"],
        )
        for name, row in dags.items()
    )
    columns = ("DAG", "code", "published place", "measured place", "training accuracy (%)",
               "training loss", "test accuracy (%)", "n")  # fmt: skip
    epochs = run.result["epochs"]
    caption = f"{run.dataset} ({run.name}): after {epochs} epochs, mean (std) over n seeds"
    note = (
        "Place 1 has the highest training accuracy. Test accuracy is that of the epoch of best "
        "validation accuracy."
    )
    by_loss = sorted(dags, key=lambda name: dags[name]["train_loss"]["mean"])
    if by_loss != ranked:
        note += f" The training loss orders them otherwise: {', '.join(by_loss)}, lowest first."
    return Table(run.key, caption, columns, rows, note)


def measured(row: Mapping | None, spec: str = ".2f") -> Cell:
    """A record's {mean, std}; an empty cell for none."""
    if not row or row.get("mean") is None:
        return ABSENT
    return Number(row["mean"], row.get("std"), spec)


def _fig5(sources: Sources) -> Section:
    paper = sources.published["fig5"]
    file = first_file(sources.roots, "fig5/fig5_nasbench201.json", "report/fig5_nasbench201.json")
    record = read_json(file) if file else {"panels": []}
    panels = {(panel["space"], panel["dataset"]): panel for panel in record["panels"]}
    wanted = {("nasbench201", name): NOT_RUN for name in paper["panels"]}
    wanted[("NDS", "cifar10")] = "needs the NDS files"
    rows = [_fig5_row(*key, panels.get(key), wanted.get(key, "")) for key in wanted | panels]
    columns = ("space, accuracy", "R over architectures", "R over circles", "best mean (%)",
               "at depth", "at width", "n")  # fmt: skip
    table = Table(
        "fig5",
        "Multiple correlation R of accuracy with effective depth and width",
        columns,
        tuple(rows),
        f"NDS: {paper['nds_architectures']:,} architectures in the paper. The paper prints its R "
        "inside the figure; published.yaml has no number of it. A circle "
        "is all architectures of one depth and width.",
    )
    picture = file.with_suffix(".png") if file else None
    caption = "Accuracy over effective depth and width; circle: mean (colour), variance (area)"
    return Section(
        "fig5",
        "Fig. 5: accuracy over effective depth and width",
        sources.cite("paper", paper["claim"]),
        ("bash scripts/fig5.sh nasbench201",),
        status="" if file else NOT_RUN,
        tables=(table,),
        images=(Image("fig5", caption, file=picture),) if picture else (),
        environments={"fig5": record.get("environment", {})} if file else {},
    )


def _fig5_row(space: str, dataset: str, panel: Mapping | None, word: str) -> tuple[Cell, ...]:
    name = f"{_SPACES.get(space, space)}, {dataset}"
    if panel is None:
        return (name, word, *[ABSENT] * 5)
    values = (panel["r_architectures"], panel["r_circles"], panel["best_mean"])
    values += tuple(panel["best_depth_width"])
    return (name, *(Number(value) for value in values), panel["architectures"])


_SPACES = {"nasbench201": "NAS-Bench-201"}


def _table1(sources: Sources) -> Section:
    trained = trained_genotypes(sources.records)
    runs = [run for t in trained if t.images == IMAGENET for run in t.runs]
    return Section(
        "table1",
        "Table 1: DARTS space on ImageNet",
        sources.cite("paper", "Test error after 250 epochs; searches on a GTX 1080Ti"),
        ("bash scripts/tenas_darts.sh imagenet-1k", "bash scripts/table1.sh imagenet-1k GENOTYPE"),
        status="" if runs else _NEEDS_IMAGENET,
        tables=(table1(sources.published["table1"], trained),),
        records=tuple(runs),
    )


def searches_of_table2(sources: Sources) -> dict[tuple[str, str], Record]:
    """(method, images) -> the search on NAS-Bench-201 that has accuracies."""
    found: dict[tuple[str, str], Record] = {}
    for record in sources.records:
        method = method_of(record)
        if method and set(record.result.get("accuracy", ())) & set(DATASETS):
            found.setdefault((method, images_of(record)), record)
    return found


def method_of(record: Record) -> str:
    """A search's name in Table 2, with f unless it is 1/2; empty for other runs."""
    result = record.result
    search = record.kind in ("wot", "tenas") and result.get("rank_by", "both") == "both"
    return one_form(result)["method"] if search and result["space"] == "nas-bench-201" else ""


def images_of(record: Record) -> str:
    """Name of the images that a search saw, from its result or its command."""
    if record.dataset:
        return record.dataset
    words = record.environment.get("command", "").split()
    for key in ("--score.dataset", "--dataset"):
        if key in words[:-1]:
            return words[words.index(key) + 1].split("/")[-1].removesuffix(".npz")
    config = next((w for w in words if w.endswith(".yaml")), "")
    return config.split("/")[-1].removesuffix(".yaml").rpartition("_")[2]


def _table2(sources: Sources) -> Section:
    published = sources.published["table2"]
    runs = {k: r for k, r in searches_of_table2(sources).items() if ", f = " not in k[0]}
    rows = []
    for method, row in published.items():
        own = {k: r for k, r in runs.items() if k[0] == method}
        for (_, images), run in own.items():
            rows.append(_table2_row(method, images, row, run))
        if not own:
            rows.append(_table2_row(method, _missing(method), row, None, runs))
    for (method, images), run in runs.items():
        if method not in published:
            rows.append(_table2_row(method, images, {}, run))
    columns = ["method", "images here"]
    for name in DATASETS:
        columns += [f"{name}, published", f"{name}, here"]
    columns += ["seconds, published", "seconds, here", "evaluations saved", "n"]
    note = (
        "Accuracies are NAS-Bench-201's after 200 epochs, looked up after the choice; n searches. "
        "Seconds of one search: published on a GTX 1080Ti, here on the hardware named below, those "
        "of TE-NAS summed over its processes. "
        "Optimal, here: the best cell of the table of accuracies. Not rerun: what the paper took "
        "from other works."
    )
    title = "Test accuracy (%) of the cells found on NAS-Bench-201, mean (std)"
    return Section(
        "table2",
        "Table 2: searches on NAS-Bench-201",
        sources.cite("paper", "Test accuracies and seconds of a search"),
        ("bash scripts/table2.sh cifar10", "python -m tenas_dag --config "
         "configs/tenas/nasbench201.yaml"),
        status="" if runs else NOT_RUN,
        tables=(Table("table2", title, tuple(columns), tuple(rows), note),),
        records=tuple(runs.values()),
    )  # fmt: skip


def _missing(method: str) -> str:
    ours = method.startswith(("WOT", "TE-NAS"))
    return NOT_RUN if ours else "not rerun"


def _table2_row(
    method: str,
    images: str,
    paper: Mapping,
    run: Record | None,
    runs: Mapping[tuple[str, str], Record] | None = None,
) -> tuple[Cell, ...]:
    """A row; Optimal, which is no search, is read off any run's record of its table."""
    best = {}
    if method == "Optimal" and runs:
        found = (row for run in runs.values() for row in run.result["accuracy"].items())
        best = {name: Number(row["best"]) for name, row in found if "best" in row}
        images = "read off the table"
    accuracy = run.result["accuracy"] if run else {}
    cells: list[Cell] = [method, images]
    for name in DATASETS:
        cells += [mean_std(paper.get(name)), best.get(name, measured(accuracy.get(name)))]
    seconds = Number(paper["seconds"], spec=".7g") if "seconds" in paper else ABSENT
    return (*cells, seconds, *(cost_of(run) if run else (ABSENT,) * 3))


def cost_of(run: Record) -> tuple[Cell, ...]:
    """Seconds of one search, evaluations saved, number of searches."""
    result = one_form(run.result)
    seconds = Number(result["seconds_per_repeat"]["total"], spec=".3g")
    found = [row["n"] for row in result["accuracy"].values()]
    return seconds, percent(result.get("evaluations_saved")), max(found, default=0)


def _table3(sources: Sources) -> Section:
    published = sources.published["table3"]
    runs = [
        r for r in of_kind(sources.records, "wot")
        if r.result["filter"] == "box" and set(r.result.get("accuracy", ())) & set(DATASETS)
    ]  # fmt: skip
    rows, used = [], []
    for fraction, row in published.items():
        own: dict[str, Record] = {}
        for run in runs:
            if run.result["fraction"] == fraction:
                own.setdefault(images_of(run), run)
        used += own.values()
        for images, run in own.items():
            accuracy = run.result["accuracy"]
            cells = [measured(accuracy.get(name)) for name in DATASETS]
            cost = cost_of(run)[1:]
            rows.append((f"{fraction:g}", images, mean_std(row["cifar100"]), *cells, *cost))
        if not own:
            rows.append((f"{fraction:g}", NOT_RUN, mean_std(row["cifar100"]), *[ABSENT] * 5))
    here = [f"{name}, here" for name in DATASETS]
    columns = ("f", "images here", "cifar100, published", *here, "evaluations saved", "n")
    caption = "Test accuracy (%) that WOT finds with the box rule, by its fraction f"
    return Section(
        "table3",
        "Table 3: how much of the box to keep",
        sources.cite("paper", "WOT with fractions of the radius, CIFAR-100"),
        ("bash scripts/table3.sh cifar10",),
        status="" if used else NOT_RUN,
        tables=(Table("table3", caption, columns, tuple(rows)),),
        records=tuple(used),
    )
