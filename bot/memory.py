"""How much memory this process holds beside what it uses. Of glibc alone; elsewhere nothing is done.

glibc gives each thread a heap of its own and hands little of it back: the jobs' threads take turns, so in time each of their
heaps is as large as the largest mail made it. One heap is as good here, for Python lets one thread work at a time anyway.
"""

from __future__ import annotations

import ctypes
import gc

LARGE = 128 * 1024  # bytes; glibc's own first answer, which it raises with every large mail unless it was told
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # mallopt(3)


def hold_little() -> None:
    """Threads share one heap from now on, and what is large lies outside of it. Call it before there are threads."""
    for what, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, LARGE)):
        _glibc("mallopt", what, value)


def give_back() -> None:
    """What is not used any more goes back to the system; after work that took much and is not done again soon."""
    gc.collect()
    _glibc("malloc_trim", 0)


def _glibc(name: str, *arguments: int) -> None:
    if (function := getattr(ctypes.CDLL(None), name, None)) is not None:
        function(*arguments)
