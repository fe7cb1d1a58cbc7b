"""Keeps freed memory in the process.

glibc hands blocks above 32 MiB back to the kernel at once, which then clears every page of the
next one: half the time of reverse passes over large activations.
"""

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD


def keep_freed_memory(limit: int = 2**30) -> None:
    """Lets malloc keep up to `limit` bytes for reuse; does nothing without glibc."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, limit)
        mallopt(_MMAP_THRESHOLD, limit)
