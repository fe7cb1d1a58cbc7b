"""Several networks batched or one after the other: python -m benchmarks.batched.

What `batched: auto` rests on: DAG#1-3 with three seeds each, one training step on random
inputs, as batched products and in a loop. Both must give the same losses.
"""

import time

import torch
from torch import Tensor, nn

from benchmarks.command_line import make_parser, whole
from benchmarks.record import keep_record
from common.devices import choose_device, describe
from common.errors import run_main
from dag import FIGURE_3
from mlp_code import BatchedDagMlp, DagMlp, MlpShape
from mlp_code.members import DagMlpLoop
from mlp_code.metrics import make_loss

CODES = tuple(FIGURE_3.values())
SEEDS, BATCH, IN_FEATURES = 3, 128, 784


def seconds_per_step(network: nn.Module, x: Tensor, y: Tensor, steps: int) -> tuple[float, float]:
    """Best time of a training step over three rounds, and the first step's mean loss."""
    loss_of = make_loss("cross_entropy", "one_hot")
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-5, fused=True)
    first, rounds = None, []
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(steps):
            loss = loss_of(network(x), y).mean(1).sum()
            first = loss.item() / len(x) if first is None else first
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if x.is_cuda:
            torch.cuda.synchronize()
        rounds.append((time.perf_counter() - started) / steps)
    return min(rounds), first


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
    batched, batched_loss = seconds_per_step(BatchedDagMlp(members).to(device), x, y, steps)
    loop, loop_loss = seconds_per_step(DagMlpLoop(members).to(device), x, y, steps)
    return {
        "what": f"step of {len(members)} batched networks, width {width}, batch {BATCH}",
        "device": describe(device),
        "plain_seconds": loop,
        "our_seconds": batched,
        "ratio": loop / batched,
        "largest_relative_loss_difference": abs(batched_loss - loop_loss) / loop_loss,
    }


def main() -> None:
    """Prints one line per width; --out keeps a record."""
    parser = make_parser("batched", __doc__)
    parser.add_argument("--width", type=whole(1), nargs="+", default=[32, 128, 256, 512, 1024])
    options = parser.parse_args()
    device = choose_device(options.device)
    rows = [measure(width, device) for width in options.width]
    for row in rows:
        print(
            f"{row['what']}: loop {1e3 * row['plain_seconds']:.1f} ms, batched "
            f"{1e3 * row['our_seconds']:.1f} ms, ratio {row['ratio']:.2f}, relative difference of "
            f"losses {row['largest_relative_loss_difference']:.0e}"
        )
    keep_record(options.out, {"rows": rows}, describe(device))


if __name__ == "__main__":
    run_main("python -m benchmarks.batched", main)
