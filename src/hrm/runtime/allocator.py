"""Let the C library keep freed memory, so that large temporary arrays are not fetched from the system anew each time.

By default glibc returns large arrays to the operating system as soon as they are freed, and every page of the next
one costs a fault. On a CPU that is up to half of the time of an update.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # names of the settings in glibc's malloc.h


def keep_freed_memory() -> None:
    """Keep what is freed for the next array; arrays above a GiB still come from the system. Does nothing off Linux."""
    _set(trim=2**31 - 1, pad=64 << 20, mmap=1 << 30)


def return_freed_memory() -> None:
    """Go back to what glibc settles on by itself in a process that uses large arrays."""
    _set(trim=64 << 20, pad=128 << 10, mmap=32 << 20)


def _set(trim: int, pad: int, mmap: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        for name, value in ((_TRIM_THRESHOLD, trim), (_TOP_PAD, pad), (_MMAP_THRESHOLD, mmap)):
            mallopt(name, value)
