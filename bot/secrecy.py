"""What this process knows stays in it: neither it nor what it starts leaves a core dump, and no other process looks into it."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # prctl(2)


def keep_to_oneself() -> None:
    """Call it once, first. A limit of zero is inherited, but a piped core pattern ignores it: hence the flag too, of this process alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
