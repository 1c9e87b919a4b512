"""The journey of a message up to its verdict: read, keep, judge, record. Three commits, never merged.

a  `read` keeps the bytes and moves the cursor: from here on no mail server is needed and nothing can be lost.
b  `judge_waiting` notes the attempt before the work: a mail that kills the bot does not kill it for ever.
c  it records the verdict and what is to be said of it, together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

from bot.audit import QUIET_A_DAY, Drawing, blind, drawn, stopped, without_stopped
from bot.following import follow
from bot.ports import (
    Cursor,
    FolderState,
    KeptReport,
    Letterhead,
    Mailbox,
    NewNotice,
    NewReport,
    RawMessage,
    VerdictKind,
)
from bot.precedent import held_back
from bot.routing import DIGEST, Routes, audit_notices, card_changes, first_notices, joined_notices
from bot.store import UNSPOKEN, Changed, Store
from bot.tasks import Judged, Task, unreadable
from bot.worker import Worker
from classifiers.errors import FolderRefused
from classifiers.terms import DISMISSALS, Verdict, report_key

ATTEMPTS = 3
TEMPLATES = timedelta(days=7)  # how old the latest copy on a card may be that a further one joins
MANY = 1000  # mails read between two lines that say how far reading is
log = logging.getLogger("triage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one account is read."""

    account: str
    folders: tuple[str, ...]
    junk: frozenset[str]
    start: timedelta | None  # how far back the first look goes; None: from now on


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Reads mailboxes into the store and judges what waits there."""

    store: Store
    worker: Worker
    routes: Routes
    now: Callable[[], datetime]
    drawing: Drawing = field(default_factory=Drawing)  # as it stands: no audits

    # ------------------------------------------------------------------------------------------ read and keep

    def read(self, mailbox: Mailbox, reading: Reading, stop: Callable[[], bool] = lambda: False) -> int:
        """Keeps what is new in every folder; how many reports that were. Raises MailboxError after what could be read.

        A folder that is gone or refuses does not keep the others from being read. Told to `stop` it leaves after the
        batch in hand, and goes on from there the next time.
        """
        new = 0
        failed: list[FolderRefused] = []
        for folder in reading.folders:
            try:
                new += self._read_folder(mailbox, reading, mailbox.examine(folder), stop)
            except FolderRefused as e:
                failed.append(e)
        if failed:
            raise failed[0]
        self.store.beat(f"poll:{reading.account}", self.now())
        return new

    def _read_folder(self, mailbox: Mailbox, reading: Reading, state: FolderState, stop: Callable[[], bool]) -> int:
        horizon, backlog_until = self._horizon(reading, state)
        cursor = self.store.cursor(reading.account, state.folder)
        if cursor is None and reading.start is None:
            # From now on: what lies there was read by people before we came.
            uids = () if state.uidnext is not None else mailbox.uids_after(0)
            last = state.uidnext - 1 if state.uidnext is not None else max(uids, default=0)
            self.store.set_cursor(reading.account, state.folder, Cursor(state.uidvalidity, last))
            return 0
        after = cursor.uid if cursor is not None and _still_true(cursor, state) else 0
        if cursor is not None and after == 0 and cursor.uid:
            log.warning("folder.reset", extra={"account": reading.account, "uidvalidity": state.uidvalidity})
        uids = mailbox.uids_after(after, horizon.date() if after == 0 else None)
        new = read = told = 0
        for batch in mailbox.fetch(uids):
            new += self._keep(reading, batch, horizon if after == 0 else None, backlog_until)
            read += len(batch)
            if read - told >= MANY:
                told = read
                self._tell_progress(reading, state, read, len(uids))
            if stop():
                return new
        if uids:
            # The last ones asked for may be gone: they must not be asked for again.
            self.store.set_cursor(reading.account, state.folder, Cursor(state.uidvalidity, uids[-1]))
        elif cursor is None or cursor.uidvalidity != state.uidvalidity:
            self.store.set_cursor(reading.account, state.folder, Cursor(state.uidvalidity, after))
        return new

    def _horizon(self, reading: Reading, state: FolderState) -> tuple[datetime, datetime]:
        """From when on this folder's mail is ours, and when we first looked; settled at the first look, for good."""
        name = f"first:{reading.account}/{state.folder}"
        first = self.store.last_beat(name)
        if first is None:
            # INTERNALDATE counts whole seconds (RFC 3501, 2.3.3): what comes within this one is no backlog.
            first = self.now().replace(microsecond=0)
            self.store.beat(name, first)
        return first - (reading.start or timedelta()), first

    def _keep(
        self, reading: Reading, batch: Sequence[RawMessage], horizon: datetime | None, backlog_until: datetime
    ) -> int:
        mails = [
            NewReport(
                message=m,
                key=report_key(m.raw, size=m.size, truncated=m.truncated),
                from_junk=m.folder in reading.junk,
                # Beyond what lay there at the first look all is new, whatever the clocks say.
                backlog=reading.start is not None and m.received_at < backlog_until,
            )
            for m in batch
            if horizon is None or m.received_at >= horizon
        ]
        cursor = Cursor(batch[-1].uidvalidity, batch[-1].uid)
        return len(self.store.keep(reading.account, batch[-1].folder, mails, cursor))

    def _tell_progress(self, reading: Reading, state: FolderState, read: int, of: int) -> None:
        """A first look at years of mail takes a while: it is told, and counts as a sign of life."""
        log.info("folder.reading", extra={"account": reading.account, "folder": state.folder, "read": read, "of": of})
        self.store.beat(f"poll:{reading.account}", self.now())

    # ------------------------------------------------------------------------------------------ judge and record

    def judge_waiting(
        self, limit: int = 64, stop: Callable[[], bool] = lambda: False, besides: Sequence[str] = ()
    ) -> int:
        """Judges what waits, oldest first; how many. One that was tried before is tried alone: it may be what kills.

        Reports of the accounts `besides` are left to other copies of the bot.
        """
        waiting = self.store.waiting(limit, besides)
        if not waiting:
            return 0
        stops = stopped(self.store.audits(), self.store.clearances(), self.drawing.budget)
        done = 0
        for batch in _in_turn(waiting):
            done += self._judge_batch(batch, stops, stop)
            if stop():
                break
        return done

    def _judge_batch(self, reports: Sequence[KeptReport], stops: frozenset[str], stop: Callable[[], bool]) -> int:
        tasks: list[tuple[KeptReport, Task]] = []
        for report in reports:
            if self.store.attempt(report.id) > ATTEMPTS:
                self._record(report, _given_up(report, self.worker))
                continue
            mail = self.store.raw(report.id)
            if mail is None:  # purged before it was ever judged
                self._record(report, _given_up(report, self.worker))
                continue
            tasks.append((report, Task(raw=mail.raw, size=mail.size, truncated=mail.truncated, key=report.key)))
        done = 0
        for (report, _), judged in zip(tasks, self.worker.judge(t for _, t in tasks), strict=True):
            self._record(report, replace(judged, verdict=without_stopped(judged.verdict, stops)))
            done += 1
            if stop():
                break
        return done

    def _record(self, report: KeptReport, judged: Judged) -> None:
        now = self.now()
        verdict = held_back(judged.verdict, self.store.similar(report, judged.traces))
        muted = self.store.is_muted(report, now, judged.traces)
        audited = not muted and self._is_audited(report, verdict, now)
        try:
            self.store.record(
                report.id,
                blind(verdict) if audited else verdict,
                kind=VerdictKind.BOT,
                decided_by="bot",
                decided_at=now,
                letterhead=judged.letterhead,
                traces=judged.traces,
                audited=verdict if audited else None,
                notices=audit_notices(report, self.routes, now)
                if audited
                else self._notices(report, judged, verdict, now, muted=muted),
                expected_current=UNSPOKEN,
            )
        except Changed:  # another copy of the bot took it over and was faster: its verdict stands
            log.info("report.judged_elsewhere", extra={"report": report.short})
            return
        log.info(
            "report.judged",
            extra={
                "report": report.short,
                "disposition": "audit" if audited else verdict.disposition.value,
                "categories": "" if audited else ",".join(f.category for f in verdict.categories),
                "broken": judged.broken,
            },
        )

    def _notices(
        self, report: KeptReport, judged: Judged, verdict: Verdict, now: datetime, *, muted: bool
    ) -> tuple[NewNotice, ...]:
        """What is said of it: in the thread that it follows up, else as of any first mail."""
        first = self.store.thread_of(report, judged.traces).first
        said = follow(self.store, report, verdict, first, routes=self.routes, now=now)
        if said:
            return said
        place, since = self.routes.first_place(report, verdict, muted=muted), now - TEMPLATES
        # A person decided it before the bot had judged, and took that back: it has a card of its own already.
        cards = self.store.cards_of(report.id)
        if place != DIGEST and judged.traces is not None and not cards:
            card = self.store.card_to_join(report, judged.traces, verdict, place, since)
            if card is not None:
                return joined_notices(report, card, place, now)
        changes = card_changes(cards, f"bot:{now.isoformat()}", now)
        return (*changes, *first_notices(report, verdict, self.routes, now, muted=muted))

    def _is_audited(self, report: KeptReport, verdict: Verdict, now: datetime) -> bool:
        """Whether a person is asked before the bot's dismissal is shown; of quiet reports a few a day at most."""
        if verdict.disposition not in DISMISSALS or not drawn(report.key, self.drawing):
            return False
        if self.routes.first_place(report, verdict, muted=False) != DIGEST:
            return True
        return self.store.quiet_audits_since(now - timedelta(days=1), self.routes.digested) < QUIET_A_DAY


def _in_turn(waiting: Sequence[KeptReport]) -> Iterator[list[KeptReport]]:
    """Batches in the order of arrival: a follow-up is known by the mail before it. What was tried is alone; twice, at the end."""
    by_turn = sorted(waiting, key=lambda r: r.attempts > 1)
    for attempts, some in groupby(by_turn, key=lambda r: r.attempts):
        together = list(some)
        yield from [together] if attempts == 0 else [[r] for r in together]


def _still_true(cursor: Cursor, state: FolderState) -> bool:
    """Whether the UIDs still mean what they meant: same UIDVALIDITY, and UIDNEXT has not gone back (a restored copy)."""
    return cursor.uidvalidity == state.uidvalidity and (state.uidnext is None or state.uidnext > cursor.uid)


def _given_up(report: KeptReport, worker: Worker) -> Judged:
    """A mail that ended the bot three times, or whose text is gone: a person gets the safe facts."""
    verdict = unreadable(report.key, "attempts", worker.context.policy, None)
    return Judged(verdict=verdict, letterhead=Letterhead(), broken="attempts")
