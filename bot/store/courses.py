"""What became of the reports of some days, for the figures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.figures import Course
from bot.ports import VerdictKind
from bot.store import tables as t
from bot.store.outbox import Outbox
from classifiers.terms import Disposition

_OPINIONS = (VerdictKind.BOT.value, VerdictKind.AUDIT.value)


class Courses(Outbox):
    """The part of the store that figures are counted from."""

    def courses(self, since: datetime) -> tuple[Course, ...]:
        """What became of each report that came in since then."""
        r, v = t.reports, t.verdicts
        holds, said = v.alias("holds"), v.alias("said")
        opinion = select(sa.func.max(v.c.id)).where(v.c.report_id == r.c.id, v.c.kind.in_(_OPINIONS)).scalar_subquery()
        query = (
            select(
                r.c.received_at, holds.c.kind, holds.c.disposition, holds.c.decided_at, said.c.disposition.label("said")
            )
            .select_from(r)
            .outerjoin(holds, holds.c.id == r.c.current_verdict_id)
            .outerjoin(said, said.c.id == opinion)
            .where(r.c.received_at >= since)
            .order_by(r.c.id)
        )
        with self._read() as c:
            return tuple(_course(row) for row in c.execute(query))


def _course(row: Any) -> Course:
    if row.kind is None:
        return Course(received_at=row.received_at, disposition=None)
    decided = row.kind == VerdictKind.PERSON.value
    return Course(
        received_at=row.received_at,
        disposition=Disposition(row.disposition),
        recommended=Disposition(row.said) if decided and row.said else None,
        decided_at=row.decided_at if decided else None,
    )
