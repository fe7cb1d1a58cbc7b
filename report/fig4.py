"""Fig. 4: training accuracy and loss of DAG MLPs by epoch, on MNIST and on CIFAR-10."""

from __future__ import annotations

from report.mlp import convergence, is_of_fig4
from report.sections import Section, Sources

_TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
_OPEN = (
    "The protocol leaves open how many epochs there are, whether layers have biases (here they "
    "do, 0 at the start), how inputs are normalized (here by mean and deviation of each channel), "
    "whether training accuracy is that of an epoch's steps (as here) or of its end, and which "
    "images train (here 9 in 10, 54,000 of MNIST and 45,000 of CIFAR-10; the others validate)"
)


def mnist(sources: Sources) -> Section:
    """Convergence on MNIST."""
    return _section(sources, "mnist")


def cifar10(sources: Sources) -> Section:
    """Convergence on CIFAR-10."""
    return _section(sources, "cifar10")


def _section(sources: Sources, dataset: str) -> Section:
    paper = sources.published["fig4"]
    runs = [run for run in sources.of_kind("mlp") if is_of_fig4(sources, run)]
    runs = [run for run in runs if run.whole_dataset == dataset]
    order = ", then ".join(paper["order"])
    claim = f"Training accuracy rises fastest for {order}; {paper['protocol']}"
    return convergence(
        f"fig4_{dataset}",
        f"Fig. 4: convergence on {_TITLES[dataset]}",
        f"{sources.cite('paper', claim)}. {_OPEN}",
        (f"bash scripts/fig4.sh {dataset}",),
        runs,
        paper["order"],
    )
