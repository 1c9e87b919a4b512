"""Slack's rate limits, kept as it documents them: for the messages of a channel, for all new messages, and for edits.

A bucket is one moment (GCRA): when it will be full again. It is written down with every message that is said, so that a
restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ports import Notice, Room
from bot.store import Store
from classifiers.errors import NotSaid

PACE = timedelta(seconds=1.1)  # Slack takes about one message a second in a channel
BACK_OFF = (timedelta(seconds=5), timedelta(minutes=10))
LONGEST = timedelta(hours=1)  # that anything is held: what lies further ahead was written by a clock that has been set
_EDITS, _ALL, _CHANNEL, _HELD = "pace:edits", "pace:all", "pace:in:", "pace:held:"


@dataclass(frozen=True, slots=True)
class Bucket:
    """`holds` messages at once, and one more after each `every`."""

    every: timedelta
    holds: int

    def free_at(self, full_at: datetime) -> datetime:
        """From when on it holds one."""
        return full_at - (self.holds - 1) * self.every

    def taken(self, full_at: datetime, now: datetime) -> datetime:
        """When it is full again once one is taken now."""
        return max(full_at, now) + self.every


class Pacer:
    """What may be said now."""

    def __init__(self, store: Store, now: Callable[[], datetime], pace: timedelta = PACE) -> None:
        """`pace`: between two messages of a channel; the other limits are as Slack's to that one."""
        self._now = now
        self._store = store
        self._channel = Bucket(pace, 1)
        self._edits = Bucket(pace * 12 / 11, 5)  # chat.update: 50 a minute and more (tier 3)
        self._all = Bucket(pace * 2 / 11, 20)  # "several hundred messages a minute" in a workspace

    def room(self) -> Room:
        """What may be said now. Several copies of the bot share the buckets, so they are looked at each time."""
        now = self._now()
        full_at = self._look(now)
        names = {kind: [n for n in full_at if n.startswith(kind)] for kind in (_HELD, _CHANNEL)}
        return Room(
            held=frozenset(n.removeprefix(_HELD) for n in names[_HELD] if full_at[n] > now),
            busy=frozenset(
                n.removeprefix(_CHANNEL) for n in names[_CHANNEL] if self._channel.free_at(full_at[n]) > now
            ),
            edits=self._edits.free_at(full_at.get(_EDITS, now)) <= now,
            posts=self._all.free_at(full_at.get(_ALL, now)) <= now,
        )

    def free_at(self, channel: str, *, edit: bool = False) -> datetime:
        """From when on a new message, or an edit, may be said there; now, or later."""
        now = self._now()
        full_at = self._look(now)
        if edit:
            return max(now, full_at.get(_HELD + channel, now), self._edits.free_at(full_at.get(_EDITS, now)))
        return max(
            now, full_at.get(_HELD + channel, now), self._channel.free_at(full_at.get(_CHANNEL + channel, now)),
            self._all.free_at(full_at.get(_ALL, now)),
        )  # fmt: skip

    def take(self, channel: str, *, edit: bool) -> Mapping[str, datetime]:
        """One message is said: what is to be written down with it."""
        now = self._now()
        full_at = self._look(now)
        kinds = {_EDITS: self._edits} if edit else {_CHANNEL + channel: self._channel, _ALL: self._all}
        return {name: bucket.taken(full_at.get(name, now), now) for name, bucket in kinds.items()}

    def hold(self, channel: str, wait: timedelta) -> None:
        """Nothing is said there for so long: Slack asked for it, or is out of reach."""
        self._store.beat(_HELD + channel, self._now() + wait)

    def forget(self) -> None:
        """All is free: the clock was set, and the moments mean nothing any more."""
        self._store.forget_beats("pace:")

    def _look(self, now: datetime) -> Mapping[str, datetime]:
        return {name: at for name, at in self._store.beats("pace:").items() if at <= now + LONGEST}


def wait_after(error: NotSaid, notice: Notice) -> timedelta:
    """How long until what was refused is tried again."""
    if error.retry_after is not None:
        return timedelta(seconds=error.retry_after)
    first, most = BACK_OFF
    # A refusal that only a person can mend (token, channel) is tried at the slow pace: once mended, it goes out by itself.
    return most if error.final else min(most, first * 2 ** min(notice.attempts, 8))
