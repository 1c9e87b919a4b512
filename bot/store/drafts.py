"""Drafts of answers that are still to be laid into mailboxes. One a thread, ever: they are notices, whose keys are said once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.ports import KeptReport, NewNotice, Notice, NoticeKind, NoticeState, VerdictKind
from bot.store import rows
from bot.store import tables as t
from bot.store.outbox import Outbox


class Drafts(Outbox):
    """The part of the store that drafting works with."""

    def decided_since(self, since: datetime) -> tuple[KeptReport, ...]:
        """The reports of which a person's verdict of since then holds, the oldest decision first."""
        v, r = t.verdicts, t.reports
        query = (
            select(r)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(v.c.kind == VerdictKind.PERSON.value, v.c.decided_at >= since)
            .order_by(v.c.id)
        )
        with self._read() as c:
            return tuple(rows.kept_report(row) for row in c.execute(query))

    def want_draft(self, report: KeptReport, thread: str, at: datetime) -> None:
        """A draft of an answer to this report is to be laid, unless one was for its thread; `thread`: the key of its first report."""
        new = NewNotice(
            kind=NoticeKind.DRAFT, destination=report.account, key=f"draft:{report.account}:{thread}", due_at=at
        )
        with self._write() as c:
            self._add_notice(c, report.id, new, at)

    def drafts_due(self, now: datetime, limit: int = 20) -> tuple[Notice, ...]:
        """The drafts to be laid now, of one account after the other."""
        n = t.notices
        query = (
            select(n)
            .where(n.c.kind == NoticeKind.DRAFT.value, n.c.state != NoticeState.SAID.value, n.c.due_at <= now)
            .order_by(n.c.destination, n.c.id)
            .limit(limit)
        )
        with self._read() as c:
            return tuple(rows.notice(row) for row in c.execute(query))
