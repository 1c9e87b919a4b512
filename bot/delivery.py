"""The outbox emptied: say it, mark it said, or put it off. Nothing is said twice that can be looked up, nothing is dropped.

Before a request leaves, its notice is marked `sending`. Where its answer is lost (a timeout, a reset, a server error)
nobody knows whether it was said: after a grace the channel is searched for its key, and only then is it said again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from bot.digesting import LOOK_BACK, Digesting
from bot.pacing import BACK_OFF, PACE, Pacer, wait_after
from bot.ports import (
    KeptReport,
    Message,
    Notice,
    NoticeKind,
    NoticeState,
    Notifier,
)
from bot.shares import ALONE
from bot.showing import Wording
from bot.slack.view import Tier
from bot.store import RESTORED, Store
from bot.telling import Telling
from bot.waits import Waits
from classifiers.errors import MaybeSaid, NotSaid

HOLD = timedelta(minutes=1)  # at most, before a channel is tried again while Slack is out of reach
CLAIM = timedelta(minutes=1)
LONGEST_PAUSE = 2 * PACE  # what waits for longer waits for something else than the pace
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})  # of a card that cannot be edited
MISDRAWN = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "metadata_too_large"}
)
log = logging.getLogger("triage")


class _Looked(Enum):
    """What looking a message up came to."""

    THERE = "there"
    ABSENT = "absent"
    LATER = "later"  # it could not be looked up now
    BARRED = "barred"  # nor ever: no history scope


class Delivery:
    """Says what the outbox holds. Thread-safe: one delivers at a time."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        wording: Wording,
        *,
        channel: str,
        tier: Tier,
        grace: timedelta,
        now: Callable[[], datetime],
        pace: timedelta = PACE,
        pressable: bool = False,
        who: str = ALONE,
        claim: timedelta = CLAIM,
    ) -> None:
        """`who`: this copy of the bot; `claim`: for how long it has a notice in hand before another may take it over."""
        self._store = store
        self._notifier = notifier
        self._grace = grace
        self._now = now
        self._who, self._claim = who, claim
        self.waits = Waits()  # from arrival to card
        self._restored = store.last_beat(RESTORED)
        self._lock = threading.Lock()
        self._pacer = Pacer(store, now, pace)
        self._telling = Telling(store=store, wording=wording, tier=tier, now=now, pressable=pressable)
        self._digest = Digesting(
            store, notifier, wording, self._pacer, channel=channel, tier=tier, grace=grace, now=now
        )

    def deliver(self, stop: Callable[[], bool] = lambda: False, limit: int = 50) -> int:
        """Says what is due, in order per report, at Slack's pace; how many. Returns when nothing more can be said now."""
        said = 0
        with self._lock:
            while not stop() and said < limit:
                notice = self._next()
                if notice is None:
                    break
                said += self._handle(notice)
            if not stop():
                self._digest.go_on()
        return said

    def pause(self) -> timedelta | None:
        """How long until what is due may be said; None where nothing waits, or for more than the pace."""
        now = self._now()
        waiting = self._store.due(now, 1)
        if not waiting:
            return None
        first = waiting[0]
        wait = self._pacer.free_at(first.destination, edit=first.kind is NoticeKind.UPDATE) - now
        return wait if timedelta() < wait <= LONGEST_PAUSE else None

    def say_digest(self) -> int:
        """Says what waits for the digest; how many lines now. `deliver` says the rest, at Slack's pace."""
        with self._lock:
            return self._digest.say()

    def _next(self) -> Notice | None:
        """The next notice that is due, claimed: no other copy of the bot says it meanwhile."""
        now, room = self._now(), self._pacer.room()
        if not self._store.due(now, 1, room):  # a look costs less than a claim, and mostly nothing is due
            return None
        return self._store.claim(now, self._who, now + self._claim, room)

    def forget_waits(self) -> None:
        """What is waited for is looked at anew: the clock was set, and the moments mean nothing any more."""
        with self._lock:
            self._pacer.forget()
            self._digest.forget_wait()

    # ------------------------------------------------------------------------------------------ one notice

    def _handle(self, notice: Notice) -> bool:
        """Whether it is said now. Whatever happens, the notice is said, or due again later."""
        if notice.state is NoticeState.SENDING:
            until = (notice.touched_at or self._now()) + self._grace
            if self._now() < until:
                self._store.put_off(notice.id, until, "unknown outcome", unknown=True)
                return False
        since = self._perhaps_said_since(notice)
        if since is not None:
            looked = self._look_up(notice, since)
            if looked in {_Looked.THERE, _Looked.LATER}:
                return looked is _Looked.THERE
            if looked is _Looked.BARRED:
                # Say it again rather than perhaps never, and say so.
                self._store.mark_possible_repeat(notice.id)
                notice = replace(notice, possible_repeat=True)
        message = self._telling.message(notice)
        return message is not None and self._send(notice, message)

    def _send(self, notice: Notice, message: Message) -> bool:
        if not self._store.mark_sending(notice.id, self._now(), self._who):
            return False  # we were stopped for so long that another copy of the bot took it over
        try:
            ts = self._say(notice, message)
        except NotSaid as e:
            self._not_said(notice, e)
            return False
        except MaybeSaid as e:
            self._store.put_off(notice.id, self._now() + self._grace, "unknown outcome", unknown=True)
            self._pacer.hold(notice.destination, BACK_OFF[0])
            log.warning("notice.unknown", extra={"notice": notice.id, "why": str(e)})
            return False
        taken = self._pacer.take(notice.destination, edit=notice.kind is NoticeKind.UPDATE)
        if not self._store.mark_said(notice.id, self._now(), ts, taken):
            self._take_back(notice, ts)
            return False
        if notice.kind is NoticeKind.CARD and notice.report_id is not None:
            self._note_wait(self._store.report(notice.report_id))
        log.info("notice.said", extra={"notice": notice.id, "kind": notice.kind.value})
        return True

    def _take_back(self, notice: Notice, ts: str | None) -> None:
        """Another copy of the bot said it while we were stopped in the middle of saying it: its message stands, ours goes."""
        try:
            if ts is not None:
                self._notifier.remove(notice.destination, ts)
        except (NotSaid, MaybeSaid) as e:
            log.warning("notice.repeated", extra={"notice": notice.id, "why": str(e)[:200]})
        else:
            log.info("notice.taken_back", extra={"notice": notice.id})

    def _note_wait(self, report: KeptReport) -> None:
        if not report.backlog and not report.from_junk:  # these get a card when somebody corrects them
            self.waits.note(self._now() - report.received_at)

    def _say(self, notice: Notice, message: Message) -> str | None:
        """The ts of a new message; None of an edited one. What Slack will not draw is said in plain text."""
        try:
            return self._say_so(notice, message)
        except NotSaid as e:
            if e.code not in MISDRAWN or not message.blocks:
                raise
            log.error("notice.misdrawn", extra={"notice": notice.id, "why": e.code})  # noqa: TRY400 - a code says it all
            return self._say_so(notice, replace(message, blocks=()))

    def _say_so(self, notice: Notice, message: Message) -> str | None:
        if notice.kind is not NoticeKind.UPDATE or notice.card_id is None:
            return self._notifier.post(message)
        ts = self._store.card(notice.card_id).ts
        assert ts is not None, "an update waits for its card"
        try:
            self._notifier.update(message, ts)
        except NotSaid as e:
            if e.code not in GONE:
                raise
            # Somebody removed the card, or it may be edited no more: the change is told in a new one.
            return self._notifier.post(message)
        return None

    def _perhaps_said_since(self, notice: Notice) -> datetime | None:
        """From when on it may have been said without our knowing: its answer was lost, or it is of before a restored copy."""
        if notice.state is NoticeState.SENDING:
            return notice.touched_at or self._now()
        if self._restored is None or notice.kind is NoticeKind.UPDATE:
            return None
        began = notice.due_at if notice.report_id is None else self._store.report(notice.report_id).received_at
        return began if began < self._restored else None

    def _look_up(self, notice: Notice, since: datetime) -> _Looked:
        """Looks for the message of an unknown outcome, and marks what it finds."""
        try:
            ts = self._notifier.find(notice.destination, notice.key, since - LOOK_BACK, self._telling.thread(notice))
        except NotSaid as e:
            if e.final:
                # An update is said again without a word: editing twice does no harm.
                return _Looked.ABSENT if notice.kind is NoticeKind.UPDATE else _Looked.BARRED
            self._store.put_off(notice.id, self._now() + wait_after(e, notice), "cannot look it up yet", unknown=True)
            return _Looked.LATER
        except MaybeSaid:
            self._store.put_off(notice.id, self._now() + self._grace, "cannot look it up yet", unknown=True)
            return _Looked.LATER
        if ts is None:
            return _Looked.ABSENT
        self._store.mark_said(notice.id, self._now(), ts)
        log.info("notice.reconciled", extra={"notice": notice.id})
        return _Looked.THERE

    def _not_said(self, notice: Notice, error: NotSaid) -> None:
        wait = wait_after(error, notice)
        self._store.put_off(notice.id, self._now() + wait, str(error)[:200])
        # Where Slack is out of reach every other notice would fail too; a refusal may be this notice's alone.
        if error.retry_after is not None or not error.final:
            held = wait if error.retry_after is not None else min(wait, HOLD)
            self._pacer.hold(notice.destination, held)
        log.warning(
            "notice.put_off",
            extra={"notice": notice.id, "why": str(error)[:200], "seconds": round(wait.total_seconds())},
        )
