"""How far a long piece of work is: a bar on a terminal, now and then a line in a file."""

import sys
from typing import TextIO

from tqdm import tqdm

_LINE = "{desc}{n_fmt}/{total_fmt} {unit} ({percentage:.0f} %), {elapsed}, ETA {remaining}{postfix}"


def progress(
    total: int,
    done: int = 0,
    unit: str = "it",
    what: str = "",
    shown: bool = True,
    every: float = 30,
) -> tqdm:
    """A bar on stderr of at most 79 columns; call `update(n)` after n more, and `close()`.

    What earlier runs have `done` of all pieces does not enter the rate; `what` stands in front. Of
    several processes one shows. Where stderr is no terminal, a line comes `every` so many seconds.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        desc=what and f"{what}: ",
        disable=not shown,
        ncols=79,
        mininterval=0.2 if terminal else every,
        miniters=1,  # else tqdm's monitor prints every 10 seconds, whatever mininterval says
        file=sys.stderr if terminal else _Lines(sys.stderr),
        bar_format=None if terminal else _LINE,
    )


class _Lines:
    """A stream in which a bar that is drawn anew becomes a new line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ""

    def write(self, text: str) -> None:
        """One line; carriage returns, and a count that was told already, are nothing."""
        line = text.strip()
        count, _, _ = line.partition(",")
        if line and count != self._last:
            self._stream.write(line + "\n")
            self._last = count

    def flush(self) -> None:
        """Hands what was written to the file."""
        self._stream.flush()
