"""The arithmetic that trains fastest on a device: float32, or bfloat16 in products (autocast)."""

import time
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["auto", "float32", "bfloat16"]
_GAIN = 1.2  # how much faster bfloat16 must be to be worth its rounding


def choose_precision(wanted: str, device: torch.device, width: int, networks: int = 1) -> str:
    """`wanted`, or for auto the faster of the two on this device, by a quick probe.

    GPUs and CPUs with AMX gain by bfloat16; other CPUs emulate it and lose, some of them a
    hundredfold, so the probe is one layer's product and not a step of training: on a GPU of all
    networks, since that of a single one is over before its start has paid.
    """
    if wanted != "auto":
        return wanted
    count = networks if device.type == "cuda" else 1
    x = torch.randn(count, 128, width, device=device)
    w = torch.randn(count, width, width, device=device)
    slow = _seconds(lambda: x @ w, device)
    x, w = x.bfloat16(), w.bfloat16()
    return "bfloat16" if _GAIN * _seconds(lambda: x @ w, device) < slow else "float32"


def _seconds(product: Callable[[], Tensor], device: torch.device) -> float:
    """Best of three, after one that warms up."""
    found = []
    for _ in range(4):
        started = time.perf_counter()
        product()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - started)
    return min(found[1:])
