"""Let the C library keep freed memory in huge pages, so that large temporary arrays cost no faults and few misses.

By default glibc returns large arrays to the operating system as soon as they are freed, and every page of the next
one costs a fault. On a CPU that is up to half of the time of an update. Kept in pages of 4 KiB, they still cost a miss
of the address cache every 4 KiB; pages of 2 MiB take another 6 % off an update of ``best-sudoku``.
"""

import ctypes
import sys

_RESERVE_MIB = 768, 768
"""Room for arrays in huge pages, together less than the trim threshold; nothing of it is touched before it is used."""
_HUGE_PAGE, _MADV_HUGEPAGE = 2 << 20, 14
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # names of the settings in glibc's malloc.h


def keep_freed_memory() -> None:
    """Keep what is freed for the next array; arrays above a GiB still come from the system. Does nothing off Linux."""
    _set(trim=2**31 - 1, pad=64 << 20, mmap=1 << 30)
    _ask_for_huge_pages()


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


def _ask_for_huge_pages() -> None:
    """Let the heap grow by the reserve, ask for huge pages there, and free it again: it stays for the next arrays."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library might give the memory back at once
        return
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    blocks = [(library.malloc(mib << 20), mib << 20) for mib in _RESERVE_MIB]
    for start, size in blocks:
        if start:  # none where the system promises no more memory than it has
            first = -(-start // _HUGE_PAGE) * _HUGE_PAGE
            library.madvise(first, start + size - first, _MADV_HUGEPAGE)
    for start, _ in blocks:
        library.free(start)
