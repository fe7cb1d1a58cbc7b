"""Fixtures that several test files share."""

from pathlib import Path

import pytest

from tests.server import ROOT, python


def pytest_configure(config) -> None:
    if config.getoption("tx", None):  # this process hands the tests out to others
        where = f"popen//python={python(*config.args)}"
        config.option.tx = [where] * len(config.option.tx)
    else:
        from hypothesis import settings

        settings.register_profile("patient", deadline=None)  # shared machines stall
        settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run in several processes; the one that hands them out needs no torch."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference values and real data beside the checkout, if there is one."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no folder ../shared with reference values and data")
    return folder
