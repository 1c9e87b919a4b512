"""How long people waited for cards, tallied."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

BOUNDS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400)  # seconds


@dataclass(slots=True)
class Waits:
    """Counts by upper bound, the last of them without one. One thread notes; others may read."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0  # seconds

    def note(self, wait: timedelta) -> None:
        """Somebody waited that long; a clock that goes back counts as no time."""
        seconds = max(0.0, wait.total_seconds())
        self.counts[sum(seconds > bound for bound in BOUNDS)] += 1
        self.total += seconds
