"""Whether the other processes of a job live: a lost one is missed within seconds.

The first process has a connection to each other one, which carries nothing but a farewell. The
kernels keep it: that of a killed process ends at once, and a machine that went down, or off the
network, answers no probe. A process that is merely slow is never missed, however long its work
takes, which no time-out could promise.
"""

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time

from torch import distributed

from common.errors import UserError

JOIN_SECONDS = 300  # for the slowest to start: imports from a network disk take their time
# Probes after 3 s of silence, every 2 s, and the connection ends with the fourth unanswered one.
_PROBES = (("KEEPIDLE", 3), ("KEEPINTVL", 2), ("KEEPCNT", 4))
_RUN_ID = "TORCHELASTIC_RUN_ID"  # torchrun's to its processes
_DONE, _STOPPED = b".", b"s"


class WorkersError(UserError):
    """Processes that do not come together; the message says what they need."""


class Watch:
    """This process' connections to the others; from now on it ends if one of them is lost.

    `attempt` is a number that all processes of this start share, and no earlier start has had.

    Raises:
        WorkersError: another process cannot be reached, or did not come in time.
    """

    def __init__(self, store: distributed.Store, rank: int, size: int) -> None:
        self._stopped, self._left = threading.Event(), False
        try:
            self._peers, self.attempt = _accept(store, size) if rank == 0 else _connect(store, rank)
        except OSError as error:
            raise WorkersError(
                f"process {rank} of {size} waited {JOIN_SECONDS} s for the others ({error}): "
                f"start the same command on every machine; each must reach every port of "
                f"{os.environ['MASTER_ADDR']}"
            ) from error
        for number, peer in self._peers.items():
            os.register_at_fork(after_in_child=peer.close)  # a data loader may outlive us
            peer.settimeout(None)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _PROBES:
                peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), value)
            threading.Thread(target=self._listen, args=(number, peer), daemon=True).start()

    def _listen(self, number: int, peer: socket.socket) -> None:
        """Stops with the peer, or ends the process where it left without a farewell."""
        where, why = peer.getpeername()[0].removeprefix("::ffff:"), "it ended, or was killed"
        try:
            said = peer.recv(1)
        except OSError as error:
            said, why = b"", error.strerror
        if said == _DONE or self._left:
            return
        if said == _STOPPED:
            self._stopped.set()
            if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:  # it has not been asked yet
                os.kill(os.getpid(), signal.SIGTERM)
            return
        print(
            f"\nprocess {number} of the job, on {where}, is lost ({why}), and this one ends with "
            f"it. The same command, on every machine, goes on.",
            file=sys.stderr,
            flush=True,
        )
        if number == 0 and why == os.strerror(errno.ETIMEDOUT) and _RUN_ID in os.environ:
            # torchrun would wait for its store on that machine, a quarter of an hour and deaf.
            os.kill(os.getppid(), signal.SIGKILL)
        os._exit(1)  # no exception reaches a thread that waits for the lost one

    def check(self) -> None:
        """A WorkersError if another process was stopped; where one is lost, this one has ended."""
        if self._stopped.wait(5):
            raise WorkersError("another process of the job was stopped: the same command goes on")

    def close(self, done: bool, stopped: bool = False) -> None:
        """Leaves; unless it is done, the others stop, or end at once."""
        self._left = True
        for peer in self._peers.values():
            with contextlib.suppress(OSError):  # it may have left before
                peer.sendall(_DONE if done else _STOPPED if stopped else b"")
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


def _accept(store: distributed.Store, size: int) -> tuple[dict[int, socket.socket], int]:
    """The first process' connections, by rank, and the attempt, which it tells the others.

    It alone counts: each machine's torchrun counts restarts on its own.
    """
    peers, attempt = {}, store.add("attempts", 1)
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with socket.create_server(("", 0), family=family, dualstack_ipv6=both) as server:
        server.settimeout(JOIN_SECONDS)
        store.set("watch", str(server.getsockname()[1]))
        while len(peers) < size - 1:
            peer, _ = server.accept()
            peer.settimeout(JOIN_SECONDS)
            peers[_receive_number(peer)] = peer
    for peer in peers.values():
        peer.sendall(attempt.to_bytes(8, "big"))
    return peers, attempt


def _connect(store: distributed.Store, rank: int) -> tuple[dict[int, socket.socket], int]:
    """The connection to the first process; the store may still have the port of one before."""
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
        address = os.environ["MASTER_ADDR"], int(store.get("watch"))
        try:
            peer = socket.create_connection(address, JOIN_SECONDS)
            peer.sendall(rank.to_bytes(8, "big"))
            return {0: peer}, _receive_number(peer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _receive_number(peer: socket.socket) -> int:
    """Eight bytes."""
    data = b""
    while len(data) < 8:
        more = peer.recv(8 - len(data))
        if not more:
            raise ConnectionError("the connection ended")
        data += more
    return int.from_bytes(data, "big")
