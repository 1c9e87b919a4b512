"""The weekly digest: once a week the figures, what waits, the audits and who is muted, in one message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from bot.audit import in_digest, stopped
from bot.hours import last_at
from bot.showing import Wording
from bot.slack.overview import Overview
from bot.slack.weekly import weekly
from bot.store import Store

SAID = "weekly"  # the beat of the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Says it in the week's first look after its time, so that a bot that was down then says it later; none is said twice."""

    store: Store
    wording: Wording
    stands: Callable[[], Overview]
    channel: str
    day: str
    clock: time
    zone: ZoneInfo
    now: Callable[[], datetime]

    def tick(self) -> bool:
        """Whether it is said now. The first one comes after the first whole turn: before that there is no week to tell of."""
        now = self.now()
        due, said = last_at(now, self.day, self.clock, self.zone), self.store.last_beat(SAID)
        if said is not None and said < due:
            self.store.trouble(self._text(now), self.channel, f"weekly:{due:%Y-%m-%d}", now)
        if said is None or said < due:
            self.store.beat(SAID, now)
        return said is not None and said < due

    def _text(self, now: datetime) -> str:
        audits = self.store.audits()
        stops = stopped(audits, self.store.clearances(), self.wording.budget)
        line = in_digest(audits, stops, self.wording.titles, now) if audits else ""
        return weekly(self.stands(), line, self.wording.titles)
