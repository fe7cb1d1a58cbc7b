"""Keeps freed memory in the process.

glibc hands blocks above 32 MiB back to the kernel at once, which then clears every page of the
next one: half the time of reverse passes over large activations.
"""

import contextlib
import ctypes


def keep_freed_memory() -> None:
    """Lets malloc keep up to 1 GiB for reuse; does nothing without glibc."""
    with contextlib.suppress(OSError, AttributeError):
        for threshold in (-1, -3):  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            ctypes.CDLL(None).mallopt(threshold, 2**30)
