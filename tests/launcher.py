"""A stand-in for a checkout's .venv/bin/python that starts in a moment.

Scripts and torchrun start Python many times, and each start imports torch for seconds. Here
`python -m module words` asks the test process for an `Entry` of it, which writes to the caller's
own streams, gets the signals that are sent to the stand-in, and ends as the stand-in then does.
Everything else is handed to the real Python.
"""

import json
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from tests.running import SERVER, TORCHRUN, Entry, Stream, enter

_CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
words = sys.argv[2:] if sys.argv[1:2] == ["-u"] else sys.argv[1:]
if words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
signals = [signal.SIGTERM, signal.SIGINT]
signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # until there is someone to hand them on to
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
socket.send_fds(asked, [b"!"], [1, 2])
with asked.makefile("rw") as stream:
    json.dump([words[1], words[2:], dict(os.environ), os.getcwd()], stream)
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
STARTED: list[tuple[dict[str, str], list[str], int]] = []  # variables, words and number of each


class _Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        _, numbers, _, _ = socket.recv_fds(self.request, 1, 2)
        module, words, variables, folder = json.loads(self.rfile.readline())
        variables = {"OMP_NUM_THREADS": "1"} | variables
        streams = [Stream(number) for number in numbers]
        process = SERVER.Process(target=enter, args=(module, words, streams, variables, folder))
        process.start()
        STARTED.append((variables, words, process.pid))
        self.wfile.write(f"{process.pid}\n".encode())
        for number in numbers:
            os.close(number)
        process.join()
        self.wfile.write(f"{process.exitcode}\n".encode())


@cache
def _address() -> str:
    """Where this test process answers, once it was asked."""
    address = str(Path(tempfile.mkdtemp()) / "socket")
    server = socketserver.ThreadingUnixStreamServer(address, _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return address


@cache
def python() -> Path:
    """The stand-in."""
    file = Path(_address()).with_name("python")
    file.write_text(_CLIENT.format(python=sys.executable, address=_address()))
    file.chmod(0o755)
    return file


def make_venv(checkout: Path, borrowed: Path) -> None:
    """Makes `checkout`/.venv, whose Python is the stand-in, installed as `borrowed` is."""
    (checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(borrowed / "installed", checkout / ".venv")
    shutil.copy(python(), checkout / ".venv/bin/python")


def torchrun(*words: str) -> Entry:
    """`torchrun words...`, which starts its processes through the stand-in."""
    return Entry(TORCHRUN, list(words), PYTHON_EXEC=str(python()))
