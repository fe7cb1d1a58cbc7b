"""`python -m tests.hosts NETWORK HIDDEN MODULE words...`: an entry as on another machine.

It runs in the network namespace NETWORK, and sees an empty folder in place of HIDDEN, if that is
not empty.
"""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

from common.workers import Workers
from tests.server import run_module

_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000  # CLONE_NEWNS, CLONE_NEWNET of sched.h


def move_to(network: str, hidden: str) -> None:
    """Moves this process into a namespace, and hides a folder from it."""
    kernel = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{network}", os.O_RDONLY)
    failed = kernel.setns(place, _NEW_NETWORK) or (hidden and kernel.unshare(_NEW_MOUNTS))
    assert not failed, os.strerror(ctypes.get_errno())
    if hidden:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", hidden], check=True)


def wait_for_ever(folder: Path) -> None:
    """The first process works on and on; the others wait for it."""
    with Workers() as workers:
        workers.gather(None)
        (folder / f"joined{workers.rank}").touch()
        while workers.first:
            time.sleep(1)
        workers.gather(None)


if __name__ == "__main__":
    network, hidden, module, *words = sys.argv[1:]
    if network:
        move_to(network, hidden)
    if module == "wait":
        wait_for_ever(Path(words[0]))
    else:
        sys.argv = [module, *words]
        run_module(module)
