"""A stand-in for a checkout's .venv/bin/python that starts in a moment.

Scripts start Python many times, and each start imports torch for seconds. Here `python -m module
words` asks the test process for an `Entry` of it, which writes to the script's own streams.
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

from tests.running import SERVER, Stream, enter

_CLIENT = """#!{python} -SE
import json, os, socket, sys
words = sys.argv[1:]
if words[:1] != ["-m"]:
    os.execv({python!r}, [{python!r}, *words])
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
socket.send_fds(asked, [b"!"], [1, 2])
with asked.makefile("rw") as stream:
    json.dump([words[1], words[2:], dict(os.environ), os.getcwd()], stream)
    print(file=stream, flush=True)
    os._exit(int(stream.readline()) % 256)
"""


class _Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        _, numbers, _, _ = socket.recv_fds(self.request, 1, 2)
        module, words, variables, folder = json.loads(self.rfile.readline())
        variables = {"OMP_NUM_THREADS": "1"} | variables
        streams = [Stream(number) for number in numbers]
        process = SERVER.Process(target=enter, args=(module, words, streams, variables, folder))
        process.start()
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


def make_venv(checkout: Path, borrowed: Path) -> None:
    """Makes `checkout`/.venv, whose Python is the stand-in, installed as `borrowed` is."""
    (checkout / ".venv/bin").mkdir(parents=True)
    shutil.copy(borrowed / "installed", checkout / ".venv")
    python = checkout / ".venv/bin/python"
    python.write_text(_CLIENT.format(python=sys.executable, address=_address()))
    python.chmod(0o755)
