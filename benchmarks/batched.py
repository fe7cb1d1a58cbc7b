"""Several networks batched or one after the other: python -m benchmarks.batched.

What `batched: auto` rests on: DAG#1-3 with three seeds each, one training step on random
inputs, as batched products and in a loop. Both must give the same losses.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.harness import compared, fastest, keep, make_parser, whole
from common.devices import choose_device, describe
from common.errors import run_main
from dag import FIGURE_3
from mlp_code import BatchedDagMlp, DagMlp, MlpShape
from mlp_code.members import DagMlpLoop
from mlp_code.metrics import make_loss

CODES = tuple(FIGURE_3.values())
SEEDS, BATCH, IN_FEATURES = 3, 128, 784


def trainer(network: nn.Module, x: Tensor, y: Tensor, steps: int) -> Callable[[], float]:
    """Trains so many steps when called, and gives the mean loss before the first of them."""
    loss_of = make_loss("cross_entropy", "one_hot")
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, fused=True)

    def train() -> float:
        losses = []
        for _ in range(steps):
            loss = loss_of(network(x), y).mean(1).sum()
            losses.append(loss.detach())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return losses[0].item() / len(x)

    return train


def measure(width: int, device: torch.device) -> dict:
    """Both ways at one width."""
    shape = MlpShape(IN_FEATURES, width, 10)
    members = [
        DagMlp(code, shape, torch.Generator().manual_seed(seed))
        for code in CODES
        for seed in range(SEEDS)
    ]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(len(members), BATCH, IN_FEATURES, generator=generator).to(device)
    y = torch.randint(10, (len(members), BATCH), generator=generator).to(device)
    steps = max(2, 2000 // width)
    networks = {"loop": DagMlpLoop(members), "batched": BatchedDagMlp(members)}
    versions = {name: trainer(net.to(device), x, y, steps) for name, net in networks.items()}
    loop, batched = fastest(versions, 3).values()
    return compared(
        f"step of {len(members)} batched networks, width {width}, batch {BATCH}",
        loop.wall / steps,
        batched.wall / steps,
        "loss",
        abs(batched.result - loop.result) / loop.result,
    )


def main() -> None:
    """Prints one line per width; --out keeps a record."""
    parser = make_parser("batched", __doc__)
    parser.add_argument("--width", type=whole(1), nargs="+", default=[32, 128, 256, 512, 1024])
    options = parser.parse_args()
    device = choose_device(options.device)
    rows = [measure(width, device) for width in options.width]
    keep(options, describe(device), {"rows": rows})


if __name__ == "__main__":
    run_main("python -m benchmarks.batched", main)
