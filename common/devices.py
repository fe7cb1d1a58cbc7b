"""Which device to compute on."""

import contextlib
import os
from typing import Literal, get_args

import torch

from common.config import require, require_choice

Device = Literal["auto", "cpu", "cuda"]
DEVICES = get_args(Device)


def choose_device(name: str) -> torch.device:
    """The device for a config's word: cpu, cuda, or auto (cuda where there is one).

    Processes that torchrun starts take the GPUs of their machine in turn.

    Raises:
        ConfigError: another word; or cuda is asked for and there is none.
    """
    require_choice("device", name, DEVICES)
    available = torch.cuda.is_available()
    require(name != "cuda" or available, "device", name, "cpu or auto: no CUDA device is seen")
    if not available or name == "cpu":
        return torch.device("cpu")
    index = int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def exact_float32() -> contextlib.AbstractContextManager:
    """Within it convolutions of float32 on CUDA are not rounded to TF32, as cuDNN would."""
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def describe(device: torch.device) -> str:
    """The device in words, for records."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
