"""Errors that users see, and how an entry ends with one: one line, no traceback."""

import errno
import sys
from collections.abc import Callable

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(Exception):
    """What a user can mend: the message says what was found, what was expected, and how."""


class TrainingDivergedError(UserError):
    """A loss became NaN or infinite; the message says where, and what to try."""


def run_main(prog: str, main: Callable[[], None], *further: type[Exception]) -> None:
    """Runs an entry; errors that users see become one line and exit status 1.

    `further` are classes of errors to tell like a UserError, of rooms that know no `common`.
    """
    try:
        main()
    except (UserError, OSError, *further) as error:
        told = str(error)
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            told = f"the disk is full ({error}): make space, then the same command goes on"
        sys.exit(f"{prog}: {told}")
