"""SIGTERM and Ctrl-C as a request that a loop answers when its state is saved."""

import contextlib
import signal
import sys
from collections.abc import Iterator


class StopRequest:
    """Whether SIGTERM or Ctrl-C asked this process to save and stop."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def exit(self, saved: str, number: int | None = None, told: bool = True) -> None:
        """Leaves the process with a message and the shell's status for the signal.

        Args:
            saved: what is on disk.
            number: the signal, where it was another process' of the same run.
            told: whether this process prints the message; one of several does.
        """
        number = number or self.signal
        if told:
            name = signal.Signals(number).name
            text = f"\n{name}: stopped, {saved}. The same command goes on from there."
            print(text, file=sys.stderr)
        raise SystemExit(128 + number)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns SIGTERM and SIGINT into a request that the loop inside can answer.

    A second signal of the same kind acts as usual.
    """
    request = StopRequest()
    before = {}

    def handle(number: int, _frame: object) -> None:
        request.signal = number
        signal.signal(number, before[number])

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
