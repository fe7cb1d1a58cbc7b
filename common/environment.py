"""What a process ran on and with."""

import contextlib
import os
import platform
import shlex
import subprocess
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib")


def environment(device: str) -> dict:
    """Versions, hardware, commit and command of this process."""
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": device,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": _versions(),
    }


@cache
def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache  # of the code as this process loaded it
def _commit() -> str:
    """The code's commit, with a + if files have changed since; "unknown" outside a checkout."""
    words = ["git", "describe", "--always", "--dirty=+", "--abbrev=10"]
    quiet = {"stderr": subprocess.DEVNULL, "text": True}
    try:
        return subprocess.check_output(words, cwd=Path(__file__).parent, **quiet).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
