"""The dead man's line: people are told when a mailbox could not be read for long, and when it is read again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot.reading import AccountReader
from bot.slack.shown import shown
from bot.store import Store
from bot.voice import Voice
from bot.watch import Watch, is_stale
from classifiers.errors import StoreError

FIRST = timedelta(minutes=2)  # after a start, before a silence of before it counts: the first poll takes its time
TOLD = "silent:"  # the beat of an account's last silence, noted when people were told


class Silences:
    """Looks at every account. One thread at a time calls `tick`. Works without the store too: a full disk must be told.

    Silence is measured by a clock that nobody sets.
    """

    def __init__(
        self,
        store: Store,
        readers: Sequence[AccountReader],
        watch: Watch,
        voice: Voice,
        *,
        after: timedelta,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._watch, self._voice = store, watch, voice
        self._after, self._now, self._monotonic = after, now, monotonic
        self._started, self._began = now(), monotonic()
        self._ears = [_Ear(r, store, now(), monotonic()) for r in readers]
        self._damage_told = False

    def tick(self) -> None:
        """Says what is to be said. What cannot be said now is tried at the next tick."""
        if self._watch.damaged:
            self._tell_damage()
            return
        for ear in self._ears:
            self._listen(ear)

    def not_read(self) -> tuple[str, ...]:
        """The accounts that have not been read for some polls."""
        at = self._now()
        return tuple(e.name for e in self._ears if is_stale(e.read, e.reader.every, at))

    def _tell_damage(self) -> None:
        if not self._damage_told:
            text = f"triage has stopped reading: {shown(self._watch.damaged, 600)}"
            self._damage_told = self._voice.say_at_once(text, f"damaged:{self._started.isoformat()}")

    def _listen(self, ear: _Ear) -> None:
        at = self._monotonic()
        ear.look(self._store, at)
        silent = at - ear.heard
        if ear.told and ear.news:
            text = f"Mailbox {ear.name} is read again; what came meanwhile is being read."
            ear.told = not self._voice.say(text, f"back:{ear.name}:{ear.read}")
        elif not ear.told and silent > self._after.total_seconds() and at - self._began >= self._patience:
            why = f": {shown(ear.reader.standing.trouble, 300)}" if ear.reader.standing.trouble else ""
            text = (
                f"Mailbox {ear.name} could not be read for {round(silent / 60)} minutes{why}. Mail waits there and will "
                "be read; `triage doctor` says more."
            )
            ear.told = self._voice.say(text, f"silent:{ear.name}:{ear.read}")
            ear.news = False
            if ear.told:
                self._note(ear)

    @property
    def _patience(self) -> float:
        return min(FIRST, self._after).total_seconds()

    def _note(self, ear: _Ear) -> None:
        with suppress(StoreError):  # without it, it may be told once more after a restart
            self._store.beat(TOLD + ear.name, self._now())


class _Ear:
    """What is known of one account: when it was read, and whether people were told of its silence."""

    def __init__(self, reader: AccountReader, store: Store, now: datetime, at: float) -> None:
        self.reader, self.name = reader, reader.reading.account
        self.read = store.last_beat(f"poll:{self.name}")
        told = store.last_beat(TOLD + self.name)
        self.told = told is not None and (self.read is None or told > self.read)
        self.news = False  # it was read since people were told
        self.heard = at - (max(0.0, (now - self.read).total_seconds()) if self.read else 0.0)

    def look(self, store: Store, at: float) -> None:
        """Notes a further poll."""
        try:
            read = store.last_beat(f"poll:{self.name}")
        except StoreError:  # what was known before still holds
            return
        if read != self.read:
            self.read, self.heard, self.news = read, at, True
