"""Which device to compute on."""

from __future__ import annotations

import torch

from common.config import require


def choose_device(name: str) -> torch.device:
    """The device for a config's word: cpu, cuda, or auto (cuda where there is one).

    Raises:
        ConfigError: cuda is asked for and there is none.
    """
    available = torch.cuda.is_available()
    require(name != "cuda" or available, "device", name, "cpu or auto: no CUDA device is seen")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def describe(device: torch.device) -> str:
    """The device in words, for records."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
