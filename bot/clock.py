"""The clock on the wall, one that nobody sets, and whether the first was set back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

STEP = timedelta(seconds=2)  # what time servers do by stretching seconds is less
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The time on the wall."""
    return datetime.now(UTC)


def steady() -> datetime:
    """A time to measure waits by: it only goes forward, and says nothing of the day."""
    return _BEGINNING + timedelta(seconds=time.monotonic())


class WallClock:
    """Watches a clock that may be set, beside one that nobody sets."""

    def __init__(self, wall: Callable[[], datetime], steady: Callable[[], datetime]) -> None:
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()

    def was_set_back(self) -> bool:
        """Whether it was, since the last look. Set forward it only makes what is planned come early."""
        apart = self._wall() - self._steady()
        before, self._apart = self._apart, apart
        return before - apart > STEP
