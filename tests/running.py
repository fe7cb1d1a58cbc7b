"""Entry points in processes of their own, and what tests of them share.

A process is forked from a server that has imported torch once, single-threaded and before any
test: what a start of Python takes several seconds for is there at once.
"""

import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
from multiprocessing.reduction import DupFd
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TORCHRUN = "torch.distributed.run"
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [TORCHRUN, "mlp_code.training", "retrain.training", "tenas_dag.search", "wot_dag.score",
     "scipy.stats", "sklearn.datasets", "sklearn.model_selection", "report.results",
     "torch._dynamo", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf"]
)  # fmt: skip


class Entry:
    """`python -m module words...`, with the face of subprocess.Popen; output is text.

    Args:
        module: such as "mlp_code".
        words: of the command line.
        environment: variables besides those of the tests; one thread if they do not say more.
    """

    def __init__(self, module: str, words: list[str], **environment: str) -> None:
        self._files = [Path(tempfile.mkstemp()[1]) for _ in range(2)]  # its output, its errors
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path} | environment
        streams = [os.open(file, os.O_WRONLY | os.O_APPEND) for file in self._files]
        words = [str(word) for word in words]
        arguments = (module, words, [*map(Stream, streams)], variables, Path.cwd())
        self._process = SERVER.Process(target=enter, args=arguments)
        self._process.start()
        for stream in streams:
            os.close(stream)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Standard output and error, once the process has ended."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"still running after {timeout} s"
        out, err = (file.read_text() for file in self._files)
        for file in self._files:
            file.unlink()
        return out, err


class Stream:
    """A file descriptor that travels to a process of the server."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self):
        return _detach, (DupFd(self.number),)


def _detach(number) -> int:
    return number.detach()


def enter(
    module: str, words: list[str], streams: list[int], variables: dict[str, str], folder: Path
) -> None:
    """Becomes `python -m module words` in a folder; streams are its output and its errors."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    torch.set_num_threads(int(variables["OMP_NUM_THREADS"]))
    sys.argv = [module, *words]
    sys.path.insert(0, str(ROOT))
    sys.modules.pop(module, None)  # it is run, not imported
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def run(module: str, *words: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors of an entry."""
    process = Entry(module, list(words), **environment)
    out, err = process.communicate()
    return process.returncode, out, err


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def wait_for_epoch(process: Entry, folder: Path, epoch: int) -> None:
    """Waits until a running training has logged an epoch."""
    metrics = folder / "metrics.jsonl"
    for _ in range(30000):
        if metrics.exists() and f'"epoch": {epoch}' in metrics.read_text():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    pytest.fail("training is too slow")
