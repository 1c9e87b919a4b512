"""What people did in Slack: recorded, and who has taken which report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import Act, ActKind, NewNotice, Outcome
from bot.store import tables as t
from bot.store.outbox import Outbox

_HOLDING = (ActKind.TAKE.value, ActKind.GIVE_BACK.value)


class Acts(Outbox):
    """The part of the store that people's acts are kept in. Appended, never changed."""

    def note(self, act: Act) -> None:
        """Records an act that needs nothing else."""
        with self._write() as c:
            c.execute(_insert(act))

    def hold(self, act: Act, notices: Sequence[NewNotice]) -> Act | None:
        """Takes a report or gives it back, with what is to be said of it. Where somebody else has it: their act, and nothing is done."""
        assert act.report_id is not None
        with self._write() as c:
            holder = _holder(c, act.report_id)
            if holder is not None and holder.by != act.by:
                c.execute(_insert(act, Outcome.LATE))
                return holder
            c.execute(_insert(act))
            for new in notices:
                self._add_notice(c, act.report_id, new, act.at)
        return None

    def holder(self, report_id: int) -> Act | None:
        """Who took a report and has not given it back."""
        with self._read() as c:
            return _holder(c, report_id)

    def acts(self, report_id: int | None = None) -> tuple[Act, ...]:
        """All acts, of one report where it is named; oldest first."""
        query = select(t.acts).order_by(t.acts.c.id)
        if report_id is not None:
            query = query.where(t.acts.c.report_id == report_id)
        with self._read() as c:
            return tuple(_act(row) for row in c.execute(query))


def _holder(c: sa.Connection, report_id: int) -> Act | None:
    a = t.acts
    mine = (a.c.report_id == report_id) & a.c.act.in_(_HOLDING) & (a.c.outcome == Outcome.DONE.value)
    row = c.execute(select(a).where(mine).order_by(a.c.id.desc()).limit(1)).first()
    return _act(row) if row is not None and row.act == ActKind.TAKE.value else None


def _act(row: Any) -> Act:
    return Act(report_id=row.report_id, kind=ActKind(row.act), by=row.by, at=row.at, outcome=Outcome(row.outcome))


def _insert(act: Act, outcome: Outcome | None = None) -> Any:
    return t.acts.insert().values(
        report_id=act.report_id, act=act.kind.value, by=act.by, at=act.at, outcome=(outcome or act.outcome).value
    )
