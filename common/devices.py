"""Which device to compute on."""

from __future__ import annotations

import os

import torch

from common.config import require


def choose_device(name: str) -> torch.device:
    """The device for a config's word: cpu, cuda, or auto (cuda where there is one).

    Processes that torchrun starts take the GPUs of their machine in turn.

    Raises:
        ConfigError: cuda is asked for and there is none.
    """
    available = torch.cuda.is_available()
    require(name != "cuda" or available, "device", name, "cpu or auto: no CUDA device is seen")
    if not available or name == "cpu":
        return torch.device("cpu")
    index = int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def describe(device: torch.device) -> str:
    """The device in words, for records."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
