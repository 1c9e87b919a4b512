"""Audits and clearances, as they were recorded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import func, select

from bot.audit import Audit, Clearance
from bot.ports import RecordedVerdict, VerdictKind
from bot.store import rows
from bot.store import tables as t
from bot.store.commits import Commits
from classifiers.terms import Disposition


class Audits(Commits):
    """The part of the store that audits are counted from."""

    def audits(self) -> tuple[Audit, ...]:
        """Every audit, oldest first, with its answer where there is one; verdicts without a word of the mail."""
        v, r = t.verdicts, t.reports
        asked = select(v.c.report_id).where(v.c.kind == VerdictKind.AUDIT.value)
        bare = select(v, sa.null().label("data")).order_by(v.c.id)
        with self._read() as c:
            opinions = c.execute(bare.where(v.c.kind == VerdictKind.AUDIT.value)).all()
            said = c.execute(
                bare.where(v.c.kind == VerdictKind.PERSON.value, v.c.undone_by.is_(None), v.c.report_id.in_(asked))
            ).all()
            reports = {row.id: rows.kept_report(row) for row in c.execute(select(r).where(r.c.id.in_(asked)))}
        answers: dict[int, RecordedVerdict] = {}
        for row in said:
            if row.report_id not in answers:
                answers[row.report_id] = rows.recorded_verdict(row)
        return tuple(
            Audit(
                report=reports[row.report_id],
                opinion=rows.recorded_verdict(row),
                answer=answers.get(row.report_id),
            )
            for row in opinions
        )

    def open_audits(self) -> frozenset[int]:
        """The reports whose audit nobody has answered: nothing of the bot's opinion on them may be shown."""
        v = t.verdicts
        answered = select(v.c.report_id).where(v.c.kind == VerdictKind.PERSON.value, v.c.undone_by.is_(None))
        query = select(v.c.report_id).where(v.c.kind == VerdictKind.AUDIT.value, v.c.report_id.not_in(answered))
        with self._read() as c:
            return frozenset(c.execute(query).scalars())

    def quiet_audits_since(self, at: datetime, digested: Collection[Disposition]) -> int:
        """How many reports were audited since then that would have got no card of their own: these dispositions are `digested`."""
        v, r = t.verdicts, t.reports
        quiet = r.c.backlog | r.c.from_junk | v.c.disposition.in_([d.value for d in digested])
        query = (
            select(func.count()).select_from(v).join(r, r.c.id == v.c.report_id)
            .where(v.c.kind == VerdictKind.AUDIT.value, v.c.decided_at > at, quiet)
        )  # fmt: skip
        with self._read() as c:
            return int(c.execute(query).scalar_one())

    # ------------------------------------------------------------------------------------------ clearing

    def clear(self, clearance: Clearance) -> None:
        """Notes that somebody looked at a stopped category. Appended, never changed."""
        with self._write() as c:
            c.execute(
                t.audit_clearances.insert().values(
                    category=clearance.category, decided_by=clearance.decided_by,
                    decided_at=clearance.decided_at, reason=clearance.reason,
                )
            )  # fmt: skip

    def clearances(self) -> tuple[Clearance, ...]:
        """All of them, oldest first."""
        with self._read() as c:
            return tuple(
                Clearance(category=r.category, decided_by=r.decided_by, decided_at=r.decided_at, reason=r.reason)
                for r in c.execute(select(t.audit_clearances).order_by(t.audit_clearances.c.id))
            )
