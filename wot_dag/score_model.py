"""Entry: python -m wot_dag.score_model torchvision:resnet18 --dataset cifar10: scores of a model.

By every score that looks at a network, at the weights that the model has, on a mini-batch of
training images. BatchNorm is in train mode: it normalizes by the batch; synflow leaves it out.
"""

import argparse
import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from common.config import require_seeds
from common.data import known_names, load_dataset, require_dataset
from common.devices import DEVICES, choose_device
from common.errors import run_main
from spaces import SpaceError
from spaces.measure.models import check_classifier, own_function, own_model
from wot_dag.batches import draw_batch
from wot_dag.scores import OF_NETWORKS, require_score
from wot_dag.store import ScoreError

PROG = "python -m wot_dag.score_model"


def score(
    model: nn.Module, images: Tensor, names: Iterable[str] = tuple(OF_NETWORKS), seed: int = 0
) -> dict[str, float]:
    """Scores of a model, which is left as it was; -inf where a score is not finite.

    >>> from wot_dag.score_model import score
    >>> score(torchvision.models.resnet18(), images)["wot"]

    Args:
        model: any nn.Module that maps images to one tensor of logits.
        images: mini-batch [n, c, h, w], on the model's device.
        names: of `wot_dag.scores.OF_NETWORKS`.
        seed: of meco's random input.

    Raises:
        ScoreError: no nn.ReLU (for wot and swap) or nn.Conv2d (for meco), an output that is no
            tensor, or images that the model does not take.
        ConfigError: an unknown score, or one that looks at no network.
    """
    found = {}
    for name in names:
        require_score("score", name, tuple(OF_NETWORKS))
        generator = torch.Generator().manual_seed(seed)
        try:
            value = OF_NETWORKS[name].of(copy.deepcopy(model), images, generator)
        except ScoreError as error:
            raise ScoreError(f"{name}: {error}") from error
        found[name] = value if abs(value) < float("inf") else float("-inf")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each score."""
    options = _parser().parse_args(arguments)
    run_main(PROG, lambda: _score_and_print(options), SpaceError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    parser.add_argument(
        "model", metavar="MODEL", help="torchvision:NAME, or package.module:function"
    )
    parser.add_argument("--dataset", default="cifar10", help=known_names())
    parser.add_argument("--names", nargs="+", default=list(OF_NETWORKS), metavar="SCORE",
                        help="of " + ", ".join(OF_NETWORKS))  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0, help="of weights, mini-batch and chance")
    parser.add_argument("--device", default="auto", help=", ".join(DEVICES))
    return parser


def _score_and_print(options: argparse.Namespace) -> None:
    for name in options.names:
        require_score("--names", name, tuple(OF_NETWORKS))
    require_dataset("--dataset", options.dataset)
    require_seeds("--seed", [options.seed])
    device = choose_device(options.device)
    data = load_dataset(options.dataset, device)
    images = draw_batch(data, options.batch_size, options.seed)
    torch.manual_seed(options.seed)
    model = _model(options.model, data.num_classes).to(device)
    for name in options.names:
        print(f"{name:<8} {score(model, images, [name], options.seed)[name]:.6g}")
    print("BatchNorm in train mode; synflow without it")


def _model(text: str, classes: int) -> nn.Module:
    """A classifier of torchvision with that many classes, or what a function returns."""
    kind, _, name = text.partition(":")
    if kind != "torchvision":
        return own_model(text, own_function(text), with_weights=True)
    import torchvision

    check_classifier(name)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return torchvision.models.get_model(name, weights=None, num_classes=classes, **options)


if __name__ == "__main__":
    main()
