"""What this project measures beyond the two papers: kernels, topologies, tables, speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from common.runs import read_json
from report.miniature import digits201_section
from report.models import models_section
from report.paper import FIG4, convergence_image, convergence_rows, convergence_runs
from report.records import Record, first_file, of_kind
from report.sections import NOT_RUN, Image, Section, Sources, run_image
from report.tables import ABSENT, Cell, Number, Table
from report.theory import draw_spectra, draw_training
from report.topologies import PREDICTORS, draw_topologies, read_table, show_interval

_GENERAL = ".3g"


def beyond_sections(sources: Sources) -> list[Section]:
    """Sections without a published counterpart; those without a record say so."""
    made = [_theory, _topologies, _nasbench_topologies, _wot_scores, digits201_section,
            _retrain, models_section,
            _other_mlps, _speed]  # fmt: skip
    return [section for make in made if (section := make(sources)) is not None]


def _theory(sources: Sources) -> Section:
    runs = of_kind(sources.records, "theory")
    images = []
    for run in runs:
        result = run.result
        spectra = f"{run.dataset}: eigenvalues of the kernels"
        training = f"{run.dataset}: loss predicted by the NTK, and measured"
        images.append(run_image(run, "spectra", spectra, lambda r=result: draw_spectra(r)))
        images.append(run_image(run, "training", training, lambda r=result: draw_training(r)))
    return Section(
        "theory",
        "Exact kernels: what they say, and whether training follows",
        "",
        ("bash scripts/theory.sh digits",),
        status="" if runs else NOT_RUN,
        tables=(_eigenvalues(runs), _predictions(runs)) if runs else (),
        images=tuple(images),
        records=tuple(runs),
    )


def _dags(runs: list[Record]) -> Iterator[tuple[Record, str, Mapping]]:
    for run in runs:
        for name, row in run.result["dags"].items():
            yield run, name, row


def _eigenvalues(runs: list[Record]) -> Table:
    rows = []
    for run, name, row in _dags(runs):
        smallest = {form: row[form]["smallest_eigenvalue"] for form in ("exact", "paper", "ntk")}
        largest = {form: row[form]["eigenvalues"][0] for form in ("exact", "paper")}
        values = (
            smallest["exact"],
            smallest["paper"],
            row["eq12_bound"],
            smallest["ntk"],
            row["eq12_bound"] / smallest["exact"],
            largest["exact"] / largest["paper"],
            100 * abs(smallest["paper"] / smallest["exact"] - 1),
        )
        shown = (Number(value, spec=_GENERAL) for value in values)
        rows.append((run.dataset, name, *shown, run.result["kernel_samples"]))
    columns = (
        "images", "DAG", "lambda_min, NNGP exact", "lambda_min, NNGP paper form", "Eq. 12",
        "lambda_min, NTK", "Eq. 12 / lambda_min", "lambda_max, exact / paper form",
        "lambda_min, paper form off by (%)", "images in the kernel",
    )  # fmt: skip
    note = "NNGP in units of the paper form, whose diagonal is the number of paths."
    return Table("theory_eigenvalues", "Eigenvalues of the kernels", columns, tuple(rows), note)


def _predictions(runs: list[Record]) -> Table:
    rows = []
    for run, name, row in _dags(runs):
        errors = ("mean_relative_error", "largest_relative_error")
        shown = (Number(100 * row["training"][key]) for key in errors)
        result = run.result
        size = result["width"], result["samples"], result["steps"], len(result["seeds"])
        rows.append((run.dataset, name, *shown, *size))
    columns = ("images", "DAG", "mean error (%)", "largest error (%)", "width", "images trained on",
               "steps", "n")  # fmt: skip
    caption = "Relative error of the loss that the NTK predicts, over gradient descent"
    return Table("theory_predictions", caption, columns, tuple(rows))


_TARGETS = ("convergence speed", "test accuracy")


def _topologies(sources: Sources) -> Section:
    runs = of_kind(sources.records, "topologies")
    tables: list[Table] = []
    for run in runs:
        found = read_json(run.folder / "statistics.json")
        tables += [_taus(run, found), _fits(run, found)]
    return Section(
        "topologies",
        "Every topology of three layers",
        "",
        ("bash scripts/topologies.sh digits",),
        status="" if runs else NOT_RUN,
        tables=tuple(tables),
        images=tuple(_topologies_image(run) for run in runs),
        records=tuple(runs),
    )


def _topologies_image(run: Record) -> Image:
    return run_image(
        run,
        "topologies",
        f"{run.dataset}: accuracy by depth and width, speed by smallest eigenvalue",
        lambda: draw_topologies(read_table(run.folder / "topologies.csv"), run.dataset),
    )


def _taus(run: Record, found: Mapping) -> Table:
    rows = []
    for name in PREDICTORS:
        cells: list[Cell] = [name]
        for target in _TARGETS:
            row = found[target]["kendall_tau"][name]
            cells += [Number(row["tau"]), show_interval(row["interval"])]
        rows.append((*cells, found["networks"]))
    columns = ("predictor", "tau, speed", "95 %, speed", "tau, test accuracy", "95 %, accuracy",
               "n")  # fmt: skip
    caption = f"{run.dataset}: Kendall's tau over {found['networks']} different networks"
    note = (
        f"The networks are those of {found['codes']} codes. Convergence speed is minus the steps "
        f"to {found['goal']:g} % training accuracy. "
        f"Intervals: bootstrap over {found['different_kernels']} different kernels."
    )
    key = f"{run.key}_tau"
    return Table(key, caption, columns, tuple(rows), note)


def _fits(run: Record, found: Mapping) -> Table:
    rows = []
    for predictors in found[_TARGETS[0]]["regressions"]:
        cells: list[Cell] = [predictors]
        for target in _TARGETS:
            fit = found[target]["regressions"][predictors]
            cells += [Number(fit["r"]), Number(fit["cross_validated_r"])]
        rows.append((*cells, found["networks"]))
    columns = ("predictors", "R, speed", "held out, speed", "R, test accuracy",
               "held out, accuracy", "n")  # fmt: skip
    caption = f"{run.dataset}: multiple correlation, and held out by kernel"
    return Table(f"{run.key}_r", caption, columns, tuple(rows))


def _nasbench_topologies(sources: Sources) -> Section | None:
    file = first_file(sources.roots, "topologies/nasbench201.json")
    if file is None:
        return None
    record = read_json(file)
    rows = []
    for accuracy, subsets in record["results"].items():
        for subset, found in subsets.items():
            for predictors, fit in found["regressions"].items():
                r = Number(fit["r"]), Number(fit["cross_validated_r"])
                size = found["different_kernels"], found["topologies"]
                rows.append((accuracy, subset, predictors, *r, *size))
    columns = ("accuracy", "topologies", "predictors", "R", "held out", "different kernels", "n")
    caption = "Multiple correlation of a topology's mean accuracy on NAS-Bench-201"
    picture = Image(
        "nasbench201_topologies",
        "NAS-Bench-201: accuracy of topologies, measured and predicted",
        file=file.with_suffix(".png"),
    )
    return Section(
        "nasbench201_topologies",
        "Kernels of NAS-Bench-201's topologies",
        "",
        ("python -m report.nasbench_topologies --table TABLE --images FILE.npz",),
        tables=(Table("nasbench201_topologies", caption, columns, tuple(rows)),),
        images=(picture,) if picture.file.is_file() else (),
        environments={"nasbench201_topologies": record.get("environment", {})},
    )


def _wot_scores(sources: Sources) -> Section | None:
    files = [f for root in sources.roots for f in sorted(root.glob("wot/*/correlation.json"))]
    found = {file.parent: read_json(file) for file in files}
    if not found:
        return None
    rows = [
        (dataset, predictor, Number(row["kendall"]), Number(row["spearman"]), record["n"])
        for record in found.values()
        for dataset, predictors in record["datasets"].items()
        for predictor, row in predictors.items()
    ]
    columns = ("accuracy", "predictor", "Kendall's tau", "Spearman's rho", "n")
    pictures = [folder / "scatter.png" for folder in found]
    caption = "Test accuracy against WOT's score, all cells of NAS-Bench-201"
    unique = tuple(dict.fromkeys(rows))
    return Section(
        "wot_scores",
        "WOT: does the score predict accuracy?",
        "",
        ("python -m wot_dag.correlate --config configs/wot/nasbench201_cifar10.yaml",),
        tables=(Table("wot_scores", "Rank correlation with test accuracy", columns, unique),),
        images=tuple(
            Image(f"wot_{f.parent.name}", caption, file=f) for f in pictures[:1] if f.is_file()
        ),
        environments={f"wot/{f.name}": r.get("environment", {}) for f, r in found.items()},
    )


def _retrain(sources: Sources) -> Section:
    runs = of_kind(sources.records, "retrain")
    columns = ("record", "images", "epochs", "top-1 error (%)", "top-5 error (%)",
               "parameters", "hours", "seed", "n")  # fmt: skip
    rows = tuple(_retrain_row(run) for run in runs)
    table = Table("retrain", "Test errors of single trainings", columns, rows)
    return Section(
        "retrain",
        "Chosen cells, trained from scratch",
        "",
        ("python -m retrain --config configs/retrain/NAME.yaml --genotype CHOICE",),
        status="" if runs else NOT_RUN,
        tables=(table,) if rows else (),
        records=tuple(runs),
    )


def _retrain_row(run: Record) -> tuple[Cell, ...]:
    result, test = run.result, run.result["test"]
    errors = (Number(test[key]) for key in ("top1_error", "top5_error"))
    hours = Number(result["seconds"] / 3600, spec=_GENERAL)
    size = result.get("parameters", ABSENT)
    return (run.name, run.dataset, result["epochs"], *errors, size, hours, result["seed"], 1)


def _other_mlps(sources: Sources) -> Section | None:
    """MLP runs of other DAGs, or on other images than Fig. 4's; there are none in results/."""
    runs = [r for r in convergence_runs(sources) if r.whole_dataset not in FIG4]
    runs += convergence_runs(sources, of_fig3=False)
    runs = [run for run in runs if len(run.result["dags"]) <= len(sources.published["fig3"]) * 4]
    if not runs:
        return None
    return Section(
        "mlp",
        "Other DAGs, other images",
        "",
        ("bash scripts/fig4.sh digits", "bash scripts/fig4.sh configs/mlp/my_dag.yaml"),
        tables=tuple(convergence_rows(run) for run in runs),
        images=tuple(convergence_image(run) for run in runs),
        records=tuple(runs),
    )


def _speed(sources: Sources) -> Section | None:
    files = [f for root in sources.roots for f in sorted(root.glob("benchmarks/*.json"))]
    own = {file.stem: file for file in reversed(files)}
    read = {name: read_json(own[name]) for name in sorted(own)}
    rows = [row for name, record in read.items() for row in _speed_rows(name, record)]
    if not rows:
        return None
    columns = ("record", "what", "plain (s)", "here (s)", "ratio", "ratio of CPU time",
               "largest relative difference", "CPU time of others (%)")  # fmt: skip
    note = (
        "Plain: the procedure as published, or as a first script would have it. CPU time of "
        "others: what other programs, and on a virtual machine its neighbours, took meanwhile; "
        "versions of several threads suffer from it most."
    )
    caption = "Both versions in one run on the same machine"
    environments = {name: record.get("environment", {}) for name, record in read.items()}
    return Section(
        "speed",
        "Speed against a plain implementation",
        "",
        ("bash scripts/benchmark.sh",),
        tables=(Table("speed", caption, columns, tuple(rows), note), *_growth(read)),
        environments=environments,
    )


def _speed_rows(name: str, record: Mapping) -> Iterator[tuple[Cell, ...]]:
    others = record.get("others_percent")
    load = ABSENT if others is None else Number(others, spec=".0f")
    for row in record.get("rows", ()):
        if {"plain_seconds", "our_seconds"} <= set(row):
            seconds = row["plain_seconds"], row["our_seconds"], row["ratio"]
            differences = [v for k, v in row.items() if k.startswith("largest_relative")]
            more = row.get("cpu_ratio"), (differences or [None])[0]
            yield (name, row["what"], *map(_general, seconds), *map(_general, more), load)


def _growth(read: Mapping[str, Mapping]) -> Iterator[Table]:
    """How costs grow with size: a row per curve of benchmarks.growth."""
    rows = []
    for found in read.get("growth", {}).get("curves", ()):
        for size, seconds in zip(found["sizes"], found["seconds"]):
            last = size == found["sizes"][-1]
            power = Number(found["power"], spec=".1f") if last else ABSENT
            rows.append((found["what"], f"{size:,} {found['size']}", _general(seconds), power))
    if rows:
        columns = ("what", "size", "seconds", "power of the size")
        note = "Power: what the two largest sizes of a curve show."
        yield Table("growth", "How costs grow", columns, tuple(rows), note)


def _general(value: float | None) -> Cell:
    return ABSENT if value is None else Number(value, spec=_GENERAL)
