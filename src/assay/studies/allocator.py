"""Settings of glibc's allocator under which a training step does not give its memory back and fetch it again."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # numbers of malloc.h
_PAD = 64 << 20  # bytes by which the heap grows at once


def keep_freed_memory() -> bool:
    """Let this process reuse freed memory rather than return it to the system. Whether it could be done.

    By default glibc maps every large block afresh and unmaps it when freed, so that each training step pays for page
    faults: up to 1.75 times the time where activations exceed 32 MB. For worker processes only: a process under this
    setting keeps the most memory it ever held. Without glibc nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library, or none that can be asked
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: (1 << 31) - 1, _TOP_PAD: _PAD}
    return all([mallopt(option, value) == 1 for option, value in settings.items()])
