"""Entry points in processes of their own, and what tests of them share."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.server import ROOT, python

TORCHRUN = "torch.distributed.run"


class Entry(subprocess.Popen):
    """`python -m module words...`; output is text.

    Args:
        module: such as "mlp_code".
        words: of the command line.
        environment: variables besides those of the tests; one thread if they do not say more.
    """

    def __init__(self, module: str, words: list[str], **environment: str) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path} | environment
        command = [python(), "-m", module, *map(str, words)]
        super().__init__(command, stdout=PIPE, stderr=PIPE, text=True, env=variables)


def run(module: str, *words: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of an entry."""
    process = Entry(module, list(words), **environment)
    out, err = process.communicate()
    return process.returncode, out, err


def killing(*where: object) -> list[str]:
    """The words before an entry that kill it where `tests.changed.kill_at` says."""
    return ["tests.changed", f"from tests.changed import kill_at; kill_at(*{where})"]


def torchrun(*words: str) -> Entry:
    """`torchrun words...` on this machine, which starts its processes through the stand-in."""
    place = ["--master-port", str(free_port())]
    return Entry(TORCHRUN, [*place, *words], PYTHON_EXEC=str(python()))


def make_venv(checkout: Path) -> None:
    """Makes `checkout`/.venv, whose Python is the stand-in, installed as this checkout's is."""
    if not (ROOT / ".venv/installed").exists():
        pytest.skip("this checkout has no .venv of scripts/common.sh to borrow")
    (checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / ".venv/installed", checkout / ".venv")
    shutil.copy(python(), checkout / ".venv/bin/python")


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]
