"""Quiet hours: when nothing that can wait is said, and how long somebody had time to see it. Pure; times are aware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEPS = 800  # of at most a day each: years


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of every day, over midnight where they end before they start; and whole days of the week. Six of them at most."""

    hours: tuple[time, time] | None = None
    days: frozenset[str] = frozenset()
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def __str__(self) -> str:
        """ "19:00 to 08:00, sat, sun (Europe/Berlin)"; "none"."""
        told = [f"{self.hours[0]:%H:%M} to {self.hours[1]:%H:%M}"] if self.hours else []
        told += [day for day in DAYS if day in self.days]
        return f"{', '.join(told)} ({self.zone.key})" if told else "none"

    def holds(self, at: datetime) -> bool:
        """Whether this is a quiet time."""
        local = at.astimezone(self.zone)
        return DAYS[local.weekday()] in self.days or self._in_hours(local.time())

    def ends(self, at: datetime) -> datetime:
        """The first time from `at` on that is not quiet; `at` itself where it is not."""
        return next(start for start, _ in self._awake(at))

    def after(self, at: datetime, span: timedelta) -> datetime:
        """When so much time that is not quiet will have passed since then."""
        for start, end in self._awake(at):
            if end is None or end - start >= span:
                return start + span
            span -= end - start
        return at + span

    def _awake(self, at: datetime) -> Iterator[tuple[datetime, datetime | None]]:
        """The stretches from then on that are not quiet, each to its end; None: for ever."""
        start = at.astimezone(UTC)
        if not self.hours and not self.days:
            yield start, None
            return
        for _ in range(_STEPS):
            end = self._next_edge(start)
            if not self.holds(start):
                yield start, end
            start = end

    def _next_edge(self, at: datetime) -> datetime:
        """The next time at which quiet may begin or end: midnight, or where the hours start or end."""
        local = at.astimezone(self.zone)
        days = (local.date(), local.date() + timedelta(days=1))
        clocks = (time(0), *(self.hours or ()))
        edges = (datetime.combine(day, clock, self.zone).astimezone(UTC) for day in days for clock in clocks)
        return min(edge for edge in edges if edge > at)

    def _in_hours(self, clock: time) -> bool:
        if self.hours is None:
            return False
        start, end = self.hours
        return start <= clock < end if start <= end else clock >= start or clock < end


def last_at(now: datetime, day: str, clock: time, zone: ZoneInfo) -> datetime:
    """The last time until now that it was this hour on this day of the week."""
    local = now.astimezone(zone)
    that = local.date() - timedelta(days=(local.weekday() - DAYS.index(day)) % 7)
    then = datetime.combine(that, clock, zone)
    return then if then <= local else datetime.combine(that - timedelta(days=7), clock, zone)
