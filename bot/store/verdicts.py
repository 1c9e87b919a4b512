"""What was decided of reports: verdicts appended, taken back, and the one that holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import case, func, select

from bot.codec import strip_text, verdict_to_json
from bot.ports import KeptReport, Letterhead, NewNotice, RecordedVerdict, VerdictKind
from bot.precedent import Traces
from bot.store import rows
from bot.store import tables as t
from bot.store.commits import row_id
from bot.store.outbox import Outbox
from bot.store.precedents import Precedents
from classifiers.errors import UserError
from classifiers.terms import Verdict

ANY: Final = -1
"""For `expected_current`: whatever holds now."""

UNSPOKEN: Final = -2
"""For `expected_current`: whatever a person says, but the bot has said nothing yet."""

_OPINIONS = (VerdictKind.BOT.value, VerdictKind.AUDIT.value)
_HOLDING = (VerdictKind.PERSON.value, VerdictKind.BOT.value)


class Changed(UserError):
    """Somebody decided the report in the meantime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMail:
    """A mail as it was kept."""

    raw: bytes
    size: int
    truncated: bool


class Verdicts(Outbox, Precedents):
    """The part of the store that knows what was decided."""

    def report(self, report_id: int) -> KeptReport:
        with self._read() as c:
            return rows.kept_report(c.execute(select(t.reports).where(t.reports.c.id == report_id)).one())

    def raw(self, report_id: int) -> RawMail | None:
        """The mail's bytes; None when they were purged."""
        query = (
            select(t.raw_mails.c.raw, t.reports.c.size, t.reports.c.truncated)
            .join(t.reports, t.reports.c.id == t.raw_mails.c.report_id)
            .where(t.raw_mails.c.report_id == report_id)
        )
        with self._read() as c:
            row = c.execute(query).first()
        return RawMail(raw=bytes(row.raw), size=row.size, truncated=row.truncated) if row else None

    def current(self, report_id: int) -> RecordedVerdict | None:
        """The verdict that holds: a person's newest that was not undone, else the bot's newest."""
        query = with_text().where(
            t.verdicts.c.id
            == select(t.reports.c.current_verdict_id).where(t.reports.c.id == report_id).scalar_subquery()
        )
        with self._read() as c:
            row = c.execute(query).first()
        return rows.recorded_verdict(row) if row else None

    def history(self, report_id: int) -> tuple[RecordedVerdict, ...]:
        """Everything that was ever decided of a report, oldest first."""
        query = with_text().where(t.verdicts.c.report_id == report_id).order_by(t.verdicts.c.id)
        with self._read() as c:
            return tuple(rows.recorded_verdict(r) for r in c.execute(query))

    def corrections(self) -> Iterator[tuple[KeptReport, RecordedVerdict, RawMail]]:
        """Reports a person decided whose text is still here, with that verdict."""
        query = (
            select(t.reports.c.id)
            .join(t.verdicts, t.verdicts.c.id == t.reports.c.current_verdict_id)
            .join(t.raw_mails, t.raw_mails.c.report_id == t.reports.c.id)
            .where(t.verdicts.c.kind == VerdictKind.PERSON.value)
            .order_by(t.reports.c.id)
        )
        with self._read() as c:
            ids = list(c.execute(query).scalars())
        for report_id in ids:
            current, mail = self.current(report_id), self.raw(report_id)
            if current is not None and mail is not None:
                yield self.report(report_id), current, mail

    # ------------------------------------------------------------------------------------------ recording

    def record(
        self,
        report_id: int,
        verdict: Verdict,
        *,
        kind: VerdictKind,
        decided_by: str,
        decided_at: datetime,
        reason: str = "",
        letterhead: Letterhead | None = None,
        traces: Traces | None = None,
        audited: Verdict | None = None,
        notices: Sequence[NewNotice] = (),
        expected_current: int | None = ANY,
    ) -> RecordedVerdict:
        """Commit (c): a verdict and what is to be said of it. Raises Changed where another verdict holds than expected.

        `audited`: the bot's opinion that an audit holds back; it is recorded beside the verdict, and never holds.
        """
        with self._write() as c:
            _expect(c, report_id, expected_current)
            purged = c.execute(select(t.reports.c.purged_at).where(t.reports.c.id == report_id)).scalar() is not None
            said = {"decided_by": decided_by, "decided_at": decided_at, "reason": reason}
            verdict_id = _append(c, report_id, verdict, kind, with_text=not purged, **said)
            if audited is not None:
                _append(c, report_id, audited, VerdictKind.AUDIT, with_text=not purged, **said)
            if letterhead is not None and not purged:
                c.execute(t.letterheads.delete().where(t.letterheads.c.report_id == report_id))
                c.execute(t.letterheads.insert().values(report_id=report_id, data=rows.letterhead_to_json(letterhead)))
            _settle(c, report_id)
            if traces is not None:
                self._keep_traces(c, report_id, traces)
            for new in notices:
                self._add_notice(c, report_id, new, decided_at)
        return RecordedVerdict(
            id=verdict_id, report_id=report_id, kind=kind, verdict=verdict, decided_by=decided_by,
            decided_at=decided_at, reason=reason,
        )  # fmt: skip

    def take_back(
        self, said: RecordedVerdict, *, by: str, at: datetime, reason: str, notices: Sequence[NewNotice] = ()
    ) -> None:
        """A person's verdict is undone, and what held before it holds again; both words stay. Raises Changed as `record`."""
        with self._write() as c:
            _expect(c, said.report_id, said.id)
            word = {"decided_by": by, "decided_at": at, "reason": reason}
            undone_by = _append(c, said.report_id, said.verdict, VerdictKind.UNDO, with_text=False, **word)
            c.execute(t.verdicts.update().where(t.verdicts.c.id == said.id).values(undone_by=undone_by))
            _settle(c, said.report_id)
            for new in notices:
                self._add_notice(c, said.report_id, new, at)

    def people_said_since(self, at: datetime | None) -> int:
        """How often a person decided, or took a decision back, after that time; ever, without one."""
        v = t.verdicts
        query = select(func.count()).where(v.c.kind.in_([VerdictKind.PERSON.value, VerdictKind.UNDO.value]))
        if at is not None:
            query = query.where(v.c.decided_at > at)
        with self._read() as c:
            return int(c.execute(query).scalar_one())


def _expect(c: sa.Connection, report_id: int, expected: int | None) -> None:
    if expected == UNSPOKEN:
        spoken = (t.verdicts.c.report_id == report_id) & t.verdicts.c.kind.in_(_OPINIONS)
        if c.execute(select(t.verdicts.c.id).where(spoken).limit(1)).first() is not None:
            raise Changed("another copy of the bot has judged this report in the meantime")
        return
    now = c.execute(select(t.reports.c.current_verdict_id).where(t.reports.c.id == report_id)).scalar_one()
    if expected not in (ANY, now):
        raise Changed("somebody decided this report in the meantime; look at it and say it again")


def _settle(c: sa.Connection, report_id: int) -> None:
    """Notes which verdict holds now."""
    c.execute(
        t.reports.update()
        .where(t.reports.c.id == report_id)
        .values(current_verdict_id=_holding(c, report_id), row_version=t.reports.c.row_version + 1)
    )


def _append(
    c: sa.Connection, report_id: int, verdict: Verdict, kind: VerdictKind, *, with_text: bool, **said: Any
) -> int:
    """A verdict's rows; the id of the first."""
    inserted = c.execute(
        t.verdicts.insert().values(
            report_id=report_id, kind=kind.value, disposition=verdict.disposition.value, policy=verdict.policy,
            facts=json.dumps(verdict_to_json(strip_text(verdict))), **said,
        )
    )  # fmt: skip
    verdict_id = row_id(inserted)
    if with_text:
        c.execute(t.verdict_texts.insert().values(verdict_id=verdict_id, data=json.dumps(verdict_to_json(verdict))))
    return verdict_id


def with_text() -> sa.Select[Any]:
    """Verdicts, each with its text where that was not purged."""
    joined = t.verdicts.outerjoin(t.verdict_texts, t.verdict_texts.c.verdict_id == t.verdicts.c.id)
    return select(t.verdicts, t.verdict_texts.c.data).select_from(joined)


def _holding(c: sa.Connection, report_id: int) -> int | None:
    """The verdict that holds: a person's word sticks, whatever the bot says later; audits and undoings decide nothing."""
    v = t.verdicts
    persons = case((v.c.kind == VerdictKind.PERSON.value, 0), else_=1)
    query = (
        select(v.c.id)
        .where(v.c.report_id == report_id, v.c.undone_by.is_(None), v.c.kind.in_(_HOLDING))
        .order_by(persons, v.c.id.desc())
        .limit(1)
    )
    found: int | None = c.execute(query).scalar()
    return found
