"""What tests of running processes share."""

import subprocess
import time
from pathlib import Path

import pytest


def wait_for_epoch(process: subprocess.Popen, folder: Path, epoch: int) -> None:
    """Waits until a running training has logged an epoch."""
    metrics = folder / "metrics.jsonl"
    for _ in range(30000):
        if metrics.exists() and f'"epoch": {epoch}' in metrics.read_text():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    pytest.fail("training is too slow")
