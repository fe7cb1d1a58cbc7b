"""A few lines at a quickstart's end: what its runs found beside what was published."""

from collections.abc import Iterator

from report.sections import DATASETS, Sources

_METHODS = (("WOT", "WOT + DAG"), ("TE-NAS", "TE-NAS + DAG"))


def summary(sources: Sources) -> Iterator[str]:
    """Fig. 4's order, and what searches find on the first data set, with the DAG principle too."""
    for run in sources.of_kind("mlp")[:1]:
        means = {name: row["train_accuracy"]["mean"] for name, row in run.result["dags"].items()}
        ranked = sorted(means.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{name} {mean:.2f}" for name, mean in ranked)
        order = ", ".join(n.removeprefix("DAG") for n in sources.published["fig4"]["order"])
        yield f"Fig. 4   {shown} %, published order {order}"
    searches = [
        run
        for run in sources.of_kind("wot", "tenas")
        if DATASETS[0] in run.result.get("accuracy", {}) and run.result["fraction"] in (None, 0.5)
    ]
    found = {run.result["method"]: run for run in reversed(searches)}
    means = {method: run.result["accuracy"][DATASETS[0]]["mean"] for method, run in found.items()}
    for plain, dag in _METHODS:
        if plain in means and dag in means:
            paper = sources.published["table2"]
            theirs = (paper[method][DATASETS[0]][0] for method in (plain, dag))
            here = f"{plain} {means[plain]:.2f}, + DAG {means[dag]:.2f} % on CIFAR-10"
            yield f"Table 2  {here}, published {', '.join(f'{a:.2f}' for a in theirs)}"
    if "NNGP" in found:
        seconds = found["NNGP"].result["seconds_per_repeat"]["total"]
        cost = f"no network, {seconds:.2g} seconds"
        yield f"Table 2  kernel alone {means['NNGP']:.2f} % on CIFAR-10, {cost}"
