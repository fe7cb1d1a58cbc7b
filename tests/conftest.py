"""Fixtures that several test files share."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)  # tests run in several processes
settings.register_profile("patient", deadline=None)  # shared machines stall
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference values and real data beside the checkout, if there is one."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder ../shared with reference values and data")
    return folder
