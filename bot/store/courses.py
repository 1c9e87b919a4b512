"""What became of the reports of some days, for the figures."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.codec import verdict_from_json
from bot.figures import Course
from bot.ports import VerdictKind
from bot.store import tables as t
from bot.store.commits import Commits
from classifiers.terms import Disposition

_OPINIONS = (VerdictKind.BOT.value, VerdictKind.AUDIT.value)


class Courses(Commits):
    """The part of the store that figures are counted from."""

    def courses(self, since: datetime) -> tuple[Course, ...]:
        """What became of each report that came in since then."""
        r, v = t.reports, t.verdicts
        holds, said = v.alias("holds"), v.alias("said")
        opinion = select(sa.func.max(v.c.id)).where(v.c.report_id == r.c.id, v.c.kind.in_(_OPINIONS)).scalar_subquery()
        query = (
            select(
                r.c.received_at,
                holds.c.kind,
                holds.c.disposition,
                holds.c.decided_at,
                holds.c.facts,
                said.c.disposition.label("said"),
            )
            .select_from(r)
            .outerjoin(holds, holds.c.id == r.c.current_verdict_id)
            .outerjoin(said, said.c.id == opinion)
            .where(r.c.received_at >= since)
            .order_by(r.c.id)
        )
        with self._read() as c:
            return tuple(_course(row) for row in c.execute(query))

    def spoken(self) -> dict[tuple[VerdictKind, Disposition], int]:
        """How many verdicts of each kind and disposition were ever recorded."""
        v = t.verdicts
        query = select(v.c.kind, v.c.disposition, sa.func.count().label("n")).group_by(v.c.kind, v.c.disposition)
        with self._read() as c:
            return {(VerdictKind(row.kind), Disposition(row.disposition)): row.n for row in c.execute(query)}

    def corrected(self) -> int:
        """How often a person said another disposition than the bot had said last, and did not take it back."""
        said, other = t.verdicts, t.verdicts.alias("opinion")
        last = (
            select(other.c.disposition)
            .where(other.c.report_id == said.c.report_id, other.c.id < said.c.id, other.c.kind.in_(_OPINIONS))
            .order_by(other.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        mine = (said.c.kind == VerdictKind.PERSON.value) & said.c.undone_by.is_(None) & (said.c.disposition != last)
        with self._read() as c:
            return int(c.execute(select(sa.func.count()).select_from(said).where(mine)).scalar_one())


def _course(row: Any) -> Course:
    if row.kind is None:
        return Course(received_at=row.received_at, disposition=None)
    decided = row.kind == VerdictKind.PERSON.value
    return Course(
        received_at=row.received_at,
        disposition=Disposition(row.disposition),
        categories=tuple(f.category for f in verdict_from_json(json.loads(row.facts)).categories),
        recommended=Disposition(row.said) if decided and row.said else None,
        decided_at=row.decided_at if decided else None,
    )
