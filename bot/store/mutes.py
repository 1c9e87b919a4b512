"""Muted senders. A sender is known by digests; what was ever muted stays on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select

from bot.ports import KeptReport, Mute
from bot.precedent import Traces, digest
from bot.store import tables as t
from bot.store.commits import Commits
from classifiers.errors import UserError

UNPROVEN = (
    "its sender cannot be muted: no server of yours vouches for who sent it, so anybody may write in that name. "
    "It takes a passing DMARC or DKIM result by a server that trusted_authserv names"
)


class Mutes(Commits):
    """The part of the store that knows who is muted, in one account."""

    def mutable(self, report: KeptReport) -> str:
        """Why the sender of a report cannot be muted; "" where that can be."""
        with self._read() as c:
            return "" if _proven(c, report.id) else UNPROVEN

    def mute(self, report: KeptReport, *, by: str, at: datetime, until: datetime) -> None:
        """Mutes a report's sender, in place of an earlier mute. Raises UserError where the sender is not proven."""
        with self._write() as c:
            sender = _proven(c, report.id)
            if not sender:
                raise UserError(UNPROVEN)
            c.execute(_holding(report.account, sender, at).values(ended_by=by))
            c.execute(
                t.mutes.insert().values(
                    report_id=report.id, account=report.account, sender=sender, muted_by=by, muted_at=at, until=until
                )
            )

    def unmute(self, report: KeptReport, *, by: str, at: datetime) -> None:
        """Ends the mute of a report's sender. Raises UserError where there is none."""
        with self._write() as c:
            sender = c.execute(select(t.traces.c.sender).where(t.traces.c.report_id == report.id)).scalar()
            if not sender or not c.execute(_holding(report.account, sender, at).values(ended_by=by)).rowcount:
                raise UserError(f"the sender of {report.short} is not muted")

    def is_muted(self, report: KeptReport, at: datetime, traces: Traces | None = None) -> bool:
        """Whether a report's proven sender is muted then; by its kept traces where none are given."""
        m = t.mutes
        with self._read() as c:
            kept = _proven(c, report.id) if traces is None else ""
            sender = digest(traces.sender) if traces is not None and traces.proven else kept
            mine = (m.c.account == report.account) & (m.c.sender == sender)
            return bool(sender) and c.execute(select(m.c.id).where(mine, *_held(at))).first() is not None

    def mutes(self, at: datetime) -> tuple[Mute, ...]:
        """Who is muted then, the latest last."""
        m, r, x, later = t.mutes, t.reports, t.traces, t.reports.alias("later")
        since = (
            select(func.count())
            .select_from(x.join(later, later.c.id == x.c.report_id))
            .where(
                x.c.sender == m.c.sender,
                x.c.report_id > m.c.report_id,
                later.c.account == m.c.account,
            )
            .scalar_subquery()
        )
        query = (
            select(m, r.c.key, since.label("mails")).join(r, r.c.id == m.c.report_id).where(*_held(at)).order_by(m.c.id)
        )
        with self._read() as c:
            return tuple(
                Mute(report=row.key[:8], by=row.muted_by, at=row.muted_at, until=row.until, mails=row.mails)
                for row in c.execute(query)
            )


def _held(at: datetime) -> tuple[Any, ...]:
    return t.mutes.c.ended_by.is_(None), t.mutes.c.until > at


def _holding(account: str, sender: str, at: datetime) -> Any:
    return t.mutes.update().where(t.mutes.c.account == account, t.mutes.c.sender == sender, *_held(at))


def _proven(c: sa.Connection, report_id: int) -> str:
    """The digest of a report's sender, where a server of ours vouched for it; else ""."""
    row = c.execute(select(t.traces.c.sender, t.traces.c.proven).where(t.traces.c.report_id == report_id)).first()
    return row.sender if row is not None and row.proven else ""
