"""`python -m tests.changed CODE module words...`: an entry, after CODE has changed something."""

import itertools
import os
import pkgutil
import sys

from tests.server import run_module


def kill_at(function: str, count: int, number: int, rank: int = 0) -> None:
    """Sends this process a signal at the `count`-th call of a function: the same place each time.

    Args:
        function: such as "retrain.step:Stepper.__call__".
        count: of calls.
        number: of the signal.
        rank: the process of a job that it is sent to, at the job's first start.
    """
    started = {"RANK": "0", "TORCHELASTIC_RESTART_COUNT": "0"} | os.environ
    if (started["RANK"], started["TORCHELASTIC_RESTART_COUNT"]) != (str(rank), "0"):
        return
    owner, name = function.rsplit(".", 1)
    owner, calls = pkgutil.resolve_name(owner), itertools.count(1)
    call = getattr(owner, name)

    def called(*arguments, **words):
        if next(calls) == count:
            os.kill(os.getpid(), number)
        return call(*arguments, **words)

    setattr(owner, name, called)


if __name__ == "__main__":
    _, code, *sys.argv = sys.argv
    exec(code)
    run_module(sys.argv[0])
