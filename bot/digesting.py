"""The daily digest said: lines of what needed no card, forty a message.

Where an answer was lost, the same lines are looked up by their key first; without a history to look into they are said
again, and say that they may be a repeat.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.audit import in_digest, stopped
from bot.pacing import Pacer, wait_after
from bot.ports import Message, Notice, NoticeState, Notifier
from bot.showing import Wording
from bot.slack.digest import DigestLine, digest
from bot.slack.view import REPEAT, Tier
from bot.store import Store
from classifiers.errors import MaybeSaid, NotSaid

LINES = 40
LOOK_BACK = timedelta(hours=1)  # how far Slack's clock may be behind ours when a message is looked up
log = logging.getLogger("triage")


class Digesting:
    """Says digests. Not thread-safe: delivery holds its lock."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        wording: Wording,
        pacer: Pacer,
        *,
        channel: str,
        tier: Tier,
        grace: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._wording = wording
        self._pacer = pacer
        self._channel = channel
        self._tier = tier
        self._grace = grace
        self._now = now
        self._from: datetime | None = None  # when a digest that is under way goes on

    def say(self) -> int:
        """Says what waits for the digest, forty lines a message; how many lines now. `go_on` says the rest."""
        self._add_audits()
        return self._go_on()

    def go_on(self) -> None:
        """Says what is left of a digest that is under way, once it may be said."""
        if self._from is not None and self._from <= self._now():
            self._go_on()

    def forget_wait(self) -> None:
        """What is under way goes on at once: the clock was set."""
        self._from = None if self._from is None else self._now()

    def _add_audits(self) -> None:
        """The day's line on audits, where one is open, a category is stopped, or a digest is said anyway."""
        audits, now = self._store.audits(), self._now()
        stops = stopped(audits, self._store.clearances(), self._wording.budget)
        waiting = any(a.answer is None for a in audits) or stops or self._store.digest_waiting(1)
        if audits and waiting:
            line = in_digest(audits, stops, self._wording.titles, now)
            self._store.digest_sentence(line, self._channel, f"digest:audits:{now:%Y-%m-%d}", now)

    def _go_on(self) -> int:
        said = 0
        while waiting := self._store.digest_waiting(LINES):
            self._from = max(self._now(), self._pacer.free_at(waiting[0].destination))
            if self._from > self._now() or not self._said(waiting):
                return said
            taken = self._pacer.take(waiting[0].destination, edit=False)
            self._store.say_digest([n.id for n in waiting], self._now(), taken)
            said += len(waiting)
        self._from = None
        return said

    def _said(self, waiting: Sequence[Notice]) -> bool:
        """Whether these lines are said; where they are not, `_from` is when to try again."""
        first = waiting[0]
        found: bool | None = False
        try:
            if first.state is NoticeState.SENDING:
                self._from = (first.touched_at or self._now()) + self._grace
                if self._now() < self._from:
                    return False
                found = self._found(first, _digest_key(waiting))
                if found:
                    return True
            self._say_lines(waiting, repeat=found is None)
        except NotSaid as e:
            self._from = self._now() + wait_after(e, first)
            log.warning("digest.put_off", extra={"why": str(e)[:200]})
            return False
        except MaybeSaid as e:
            self._from = self._now() + self._grace
            log.warning("digest.unknown", extra={"why": str(e)[:200]})
            return False
        return True

    def _found(self, first: Notice, key: str) -> bool | None:
        """Whether it stands there; None where nobody may look."""
        try:
            since = (first.touched_at or self._now()) - LOOK_BACK
            return self._notifier.find(first.destination, key, since) is not None
        except NotSaid as e:
            if e.final:
                return None
            raise

    def _say_lines(self, waiting: Sequence[Notice], *, repeat: bool) -> None:
        ids = [n.id for n in waiting]
        text, blocks = digest(
            [self._line(n) for n in waiting if n.report_id is not None],
            tier=self._tier,
            own=self._wording.own_domains,
            sentences=[*([REPEAT] if repeat else []), *(n.text for n in waiting if n.report_id is None)],
        )
        message = Message(channel=waiting[0].destination, key=_digest_key(waiting), text=text, blocks=tuple(blocks))
        self._store.mark_digest_sending(ids, self._now())
        try:
            self._notifier.post(message)
        except NotSaid:
            self._store.put_off_digest(ids)
            raise

    def _line(self, notice: Notice) -> DigestLine:
        assert notice.report_id is not None
        report = self._store.report(notice.report_id)
        current = self._store.current(report.id)
        assert current is not None, "what is told was judged"
        head = self._store.letterhead(report.id)
        return DigestLine(
            report=report.short,
            disposition=current.verdict.disposition,
            categories=tuple(self._wording.titles.get(f.category, f.category) for f in current.verdict.categories),
            subject=head.subject if head else "",
            sender=head.sender if head else "",
            from_junk=report.from_junk,
            muted=self._store.is_muted(report, self._now()),
        )


def _digest_key(waiting: Sequence[Notice]) -> str:
    """The same for the same lines, so that a message of unknown outcome can be looked up."""
    return "digest:" + hashlib.sha256("\n".join(n.key for n in waiting).encode()).hexdigest()[:24]
