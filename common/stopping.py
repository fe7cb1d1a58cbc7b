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
        """Leaves the process with the shell's status for the signal, and says what is saved.

        `number` is the signal where another process had it; one of several processes tells.
        """
        number = number or self.signal
        if told:
            text = f"stopped, {saved}. The same command goes on from there."
            print(f"\n{signal.Signals(number).name}: {text}", file=sys.stderr)
        raise SystemExit(128 + number)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns SIGTERM and SIGINT into a request that the loop inside can answer.

    A second signal of the same kind acts as usual.
    """
    request = StopRequest()

    def handle(number: int, _frame: object) -> None:
        request.signal = number
        signal.signal(number, before[number])

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
