"""What one mail may cost the process that judges it, and what that process may do at all. The kernel holds both."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from types import FrameType


class OverBudget(BaseException):
    """The mail in hand used up its CPU time. No Exception: a library's `except Exception` must not swallow it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that count for one mail and are armed anew for each."""

    cpu: float  # seconds
    memory: int  # bytes beyond what the idle process holds

    def arm(self) -> None:
        """From here on the budget counts."""
        signal.setitimer(signal.ITIMER_PROF, self.cpu)
        _limit_memory(self.memory)
        _limit_cpu_hard(self.cpu)

    def disarm(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_cpu_hard(seconds: float) -> None:
    """For code that never comes back to Python, where no signal handler runs: the kernel ends the process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + 2 * seconds) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _limit_memory(allowance: int) -> None:
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:  # no Linux: the wall clock alone bounds it
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = pages * resource.getpagesize() + allowance
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def confine() -> None:
    """No file can be written, no process started, no core left behind: for good."""
    import resource

    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(what, (0, 0))


def give_up(_signal: int, _frame: FrameType | None) -> None:
    raise OverBudget
