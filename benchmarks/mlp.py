"""Seconds per training epoch, ours against a plain loop: python -m benchmarks.mlp.

The plain loop is what a user writes first: torchvision's MNIST with per-image transforms, a
DataLoader with 2 workers, the same `DagMlp`, cross-entropy and SGD. Both start from the same
weights and see the same batches, so that their losses must agree up to rounding.
"""

import itertools
import tempfile

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from benchmarks.harness import compared, fastest, keep, make_parser, whole
from common.data import Dataset, data_root, holdout_indices, load_dataset
from common.devices import choose_device, describe
from common.errors import run_main
from common.runs import Run, RunSettings
from common.stopping import StopRequest
from mlp_code import DagMlp, MlpShape
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.training import Trainer, image_order

CODE, LR = "2_21_112", 1e-3


class PlainLoop:
    """One network trained as a first script would.

    Args:
        config: one DAG, one seed.
        data: for its mean and std; the images are read through torchvision.
        device: where to compute.
    """

    def __init__(self, config: MlpConfig, data: Dataset, device: torch.device) -> None:
        self.config, self.device = config, device
        shape = MlpShape(784, config.width, 10)
        self.model = DagMlp(CODE, shape, torch.Generator().manual_seed(0)).to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR)
        scale = transforms.Normalize((data.mean / 255).tolist(), (data.std / 255).tolist())
        steps = transforms.Compose([transforms.ToTensor(), scale])
        mnist = datasets.MNIST(data_root(), train=True, transform=steps)
        self.images = Subset(mnist, holdout_indices(len(mnist), 0)[0].tolist())

    def epoch(self, number: int) -> float:
        """Trains one epoch; returns the mean loss."""
        order = image_order(self.config, number, 0, len(self.images)).tolist()
        size = self.config.batch_size
        total = 0.0
        for images, labels in DataLoader(self.images, size, sampler=order, num_workers=2):
            x, y = images.flatten(1).to(self.device), labels.to(self.device)
            loss = F.cross_entropy(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(y)
        return total / len(self.images)


def measure(data: Dataset, width: int, device: torch.device, epochs: int) -> dict:
    """Seconds of the fastest epoch of both, alternating, and how far their losses are apart."""
    config = MlpConfig(
        {"DAG#3": CODE}, "mnist", width=width, seeds=[0], optimizer=SgdConfig(lr=LR), epochs=epochs
    )
    plain, numbers = PlainLoop(config, data, device), itertools.count(1)
    losses: dict[str, list[float]] = {"plain": [], "ours": []}

    def our_epoch() -> None:
        ours.train_epoch(StopRequest())
        losses["ours"].append(ours.sums.records("train")[0]["train_loss"])
        ours.start_next_epoch()

    versions = {"plain": lambda: losses["plain"].append(plain.epoch(next(numbers)))}
    with (
        tempfile.TemporaryDirectory() as folder,
        Run(RunSettings(root=folder), "benchmark", {}, str(device)) as run,
    ):
        ours = Trainer(config, run, data, device)
        slow, fast = fastest(versions | {"ours": our_epoch}, epochs).values()
    return compared(
        f"training epoch, MNIST, width {width}, batch {config.batch_size}",
        slow.wall,
        fast.wall,
        "loss",
        max(abs(a - b) / b for b, a in zip(*losses.values())),
    )


def main() -> None:
    """Prints one line per width; --out keeps a record."""
    parser = make_parser("mlp", __doc__)
    parser.add_argument("--width", type=whole(1), nargs="+", default=[128, 1024])
    parser.add_argument("--epochs", type=whole(1), default=3)
    options = parser.parse_args()
    device = choose_device(options.device)
    data = load_dataset("mnist", device)
    rows = [measure(data, width, device, options.epochs) for width in options.width]
    keep(options, describe(device), {"rows": rows}, dataset=data.header)


if __name__ == "__main__":
    run_main("python -m benchmarks.mlp", main)
