"""Fig. 4: training accuracy and loss of DAG MLPs by epoch, on MNIST and on CIFAR-10."""

from report.mlp import convergence, is_of_fig4
from report.sections import Maker, Parts, Sources, headed

_OPEN = (
    "The protocol leaves open how many epochs there are, whether layers have biases (here they "
    "do, 0 at the start), how inputs are normalized (here by mean and deviation of each channel), "
    "whether training accuracy is that of an epoch's steps (as here) or of its end, and which "
    "images train (here 9 in 10, 54,000 of MNIST and 45,000 of CIFAR-10; the others validate)"
)


def _section(dataset: str, title: str) -> Maker:
    @headed(f"fig4_{dataset}", f"Fig. 4: convergence on {title}", f"bash scripts/fig4.sh {dataset}")
    def section(sources: Sources) -> Parts:
        paper = sources.published["fig4"]
        order = ", then ".join(paper["order"])
        claim = f"Training accuracy rises fastest for {order}; {paper['protocol']}"
        yield f"{sources.cite('paper', claim)}. {_OPEN}"
        runs = [run for run in sources.of_kind("mlp") if is_of_fig4(sources, run)]
        yield from convergence([r for r in runs if r.whole_dataset == dataset], paper["order"])

    return section


mnist, cifar10 = _section("mnist", "MNIST"), _section("cifar10", "CIFAR-10")
