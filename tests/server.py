"""`python -m tests.server SOCKET words...`: Python that starts in a moment.

What a start of Python imports for seconds this process has imported once, single-threaded; others
are forked from it. `python()` is the file that does so, in place of a checkout's .venv/bin/python.
With words it has also collected the tests, as pytest does by these words: its workers are forked
from it too.
"""

import contextlib
import gc
import importlib
import io
import json
import multiprocessing
import os
import runpy
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_IMPORTED = [
    "torch.distributed.run", "mlp_code.training", "retrain.training", "tenas_dag.search",
    "wot_dag.score", "scipy.stats", "sklearn.datasets", "sklearn.model_selection",
    "report.results", "torch._dynamo", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
]  # fmt: skip
_FORK = multiprocessing.get_context("fork")
_CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
words = sys.argv[2:] if sys.argv[1:2] == ["-u"] else sys.argv[1:]
if words[:1] not in (["-m"], ["-c"]):
    os.execv({python!r}, [{python!r}, *words])
signals = [signal.SIGTERM, signal.SIGINT]
signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # until there is someone to hand them on to
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
socket.send_fds(asked, [b"!"], [0, 1, 2])
with asked.makefile("rw") as stream:
    json.dump([words, dict(os.environ), os.getcwd()], stream)
    print(file=stream, flush=True)
    pid = int(stream.readline())
    for number in signals:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    status = int(stream.readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status in signals else None
        os.kill(os.getpid(), -status)
    os._exit(status)
"""


@cache
def python(*words: str) -> Path:
    """The stand-in, whose server starts here unless there is one above this process."""
    if "TESTS_PYTHON" in os.environ:
        return Path(os.environ["TESTS_PYTHON"])
    file = Path(tempfile.mkdtemp()) / "python"
    address = str(file.with_name("socket"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(100)
        command = [sys.executable, "-m", "tests.server", str(listener.fileno()), *words]
        python.server = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()])
    file.write_text(_CLIENT.format(python=sys.executable, address=address))
    file.chmod(0o755)
    os.environ["TESTS_PYTHON"] = str(file)
    return file


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    max_children = 1000

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.parent:
            os._exit(0)


class _Answer(socketserver.StreamRequestHandler):
    """A process of its own, which waits for the one that was asked for."""

    def handle(self) -> None:
        _, streams, _, _ = socket.recv_fds(self.request, 1, 3)
        process = _FORK.Process(target=enter, args=(streams, *json.loads(self.rfile.readline())))
        process.start()
        for stream in streams:
            os.close(stream)
        self.wfile.write(f"{process.pid}\n".encode())
        if self.request in wait([process.sentinel, self.request]):
            process.kill()  # as who asked for it was
        else:
            process.join()
            self.wfile.write(f"{process.exitcode}\n".encode())


def enter(streams: list[int], words: list[str], variables: dict[str, str], folder: str) -> None:
    """Becomes `python words...` in a folder; streams are its input, its output and its errors."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    os.environ.clear()
    os.environ.update({"OMP_NUM_THREADS": "1"} | variables)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    how, module, *_ = words
    sys.argv = words[1:] if how == "-m" else ["-c", *words[2:]]
    if how == "-c":
        exec(module, {"__name__": "__main__"})
    else:
        run_module(module)


def run_module(module: str) -> None:
    """Runs a module as `python -m` does, imported before or not; words are those of sys.argv."""
    for name in (module, f"{module}.__main__"):  # runpy warns of what is there
        if not hasattr(sys.modules.get(name), "__path__"):  # a package stays
            sys.modules.pop(name, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main(number: str, *words: str) -> None:
    """Imports, and answers until the process that started this one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _Server("", _Answer, bind_and_activate=False)
    server.socket.close()
    server.socket, server.parent = socket.socket(fileno=int(number)), os.getppid()
    gc.disable()  # what is imported stays: to look for garbage in it takes a fifth of the time
    for module in _IMPORTED:
        importlib.import_module(module)
    if words:
        left_out = ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]  # it collects garbage
        with contextlib.redirect_stdout(io.StringIO()):
            pytest.main(["--collect-only", "-qq", "-n0", *left_out, *words])
    gc.freeze()
    gc.enable()
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
