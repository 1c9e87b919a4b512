"""What reports are recognised by later: their signatures, their digests, their threads. Kept when a text is purged."""

from __future__ import annotations

import struct
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from bot.ports import KeptReport, VerdictKind
from bot.precedent import ALIKE, Precedent, Thread, Traces, digest
from bot.store import rows
from bot.store import tables as t
from bot.store.commits import Commits
from classifiers.likeness import SIZE, bands, likeness
from classifiers.terms import Disposition

LOOKED_AT = 300  # reports that share a band, the latest; a template that thousands send needs no more to be known


class Precedents(Commits):
    """The part of the store that knows earlier reports again. Only reports of the same account, kept before, count."""

    def similar(self, report: KeptReport, traces: Traces | None = None) -> tuple[Precedent, ...]:
        """Earlier reports like this one that were decided, the latest first; by its kept signature without `traces`."""
        with self._read() as c:
            mine = traces.signature if traces else _signature(c, report.id)
            found = c.execute(looked_at(report, bands(mine))).all() if mine else ()
        alike = [(row, likeness(mine, unpacked(row.signature))) for row in found]
        return tuple(
            Precedent(
                report=row.key[:8], likeness=how, received_at=row.received_at, disposition=Disposition(row.disposition),
                kind=VerdictKind(row.kind), decided_by=row.decided_by,
            )
            for row, how in alike if how >= ALIKE
        )  # fmt: skip

    def thread_of(self, report: KeptReport, traces: Traces | None = None) -> Thread:
        """The thread that a report belongs to: as it was recorded, or before that by its `traces`."""
        with self._read() as c:
            if traces is not None:
                first, claimed = _followed(c, report, traces)
            else:
                row = c.execute(select(t.threads).where(t.threads.c.report_id == report.id)).first()
                first, claimed = (row.first_id, row.claimed_id) if row else (None, None)
            return Thread(
                first=_report(c, first) if first is not None else None,
                claimed=_report(c, claimed).short if claimed is not None else "",
            )

    def follow_ups(self, report_id: int) -> tuple[KeptReport, ...]:
        """The mails that joined a report's thread, oldest first."""
        mine = select(t.threads.c.report_id).where(t.threads.c.first_id == report_id)
        with self._read() as c:
            found = c.execute(select(t.reports).where(t.reports.c.id.in_(mine)).order_by(t.reports.c.id))
            return tuple(rows.kept_report(r) for r in found)

    # ------------------------------------------------------------------------------------------ keeping

    def _keep_traces(self, c: sa.Connection, report_id: int, traces: Traces) -> None:
        """In place of what was known. Whose thread a mail belongs to is settled when it is first judged."""
        if c.execute(select(t.threads.c.report_id).where(t.threads.c.report_id == report_id)).first() is None:
            first, claimed = _followed(c, _report(c, report_id), traces)
            c.execute(t.threads.insert().values(report_id=report_id, first_id=first, claimed_id=claimed))
        c.execute(t.traces.delete().where(t.traces.c.report_id == report_id))
        c.execute(t.signature_bands.delete().where(t.signature_bands.c.report_id == report_id))
        c.execute(
            t.traces.insert().values(
                report_id=report_id, signature=struct.pack(f">{len(traces.signature)}I", *traces.signature),
                message_id=digest(traces.message_id or ""), sender=digest(traces.sender), domain=digest(traces.domain),
                proven=traces.proven,
                words=traces.words,
            )
        )  # fmt: skip
        for band in sorted(set(bands(traces.signature))):
            c.execute(t.signature_bands.insert().values(band=band, report_id=report_id))


def looked_at(report: KeptReport, numbers: tuple[int, ...]) -> sa.Select[Any]:
    """The latest earlier reports of the account that share a band and were decided, with what holds of them."""
    r, v = t.reports, t.verdicts
    near = select(t.signature_bands.c.report_id).where(t.signature_bands.c.band.in_(numbers))
    return (
        select(r.c.key, r.c.received_at, t.traces.c.signature, v.c.disposition, v.c.kind, v.c.decided_by)
        .join(t.traces, t.traces.c.report_id == r.c.id)
        .join(v, v.c.id == r.c.current_verdict_id)
        .where(r.c.id.in_(near), r.c.id < report.id, r.c.account == report.account)
        .order_by(r.c.id.desc())
        .limit(LOOKED_AT)
    )


def _followed(c: sa.Connection, report: KeptReport, traces: Traces) -> tuple[int | None, int | None]:
    """The first report of the thread that the references lead to; else one that they name and another sender sent.

    Anybody can write any reference: only the earlier sender's address, or the domain that a good signature proves, joins.
    """
    named = [digest(reference) for reference in traces.references]
    r, x = t.reports, t.traces
    query = (
        select(r.c.id, x.c.sender, x.c.domain, t.threads.c.first_id)
        .join(x, x.c.report_id == r.c.id)
        .outerjoin(t.threads, t.threads.c.report_id == r.c.id)
        .where(x.c.message_id.in_(named), x.c.message_id != "", r.c.id < report.id, r.c.account == report.account)
        .order_by(r.c.id.desc())
        .limit(LOOKED_AT)
    )
    found = c.execute(query).all()
    sender, domain = digest(traces.sender), digest(traces.domain)
    for row in found:
        if (sender and row.sender == sender) or (domain and row.domain == domain):
            return (row.first_id or row.id), None
    return None, (found[0].id if found else None)


def _report(c: sa.Connection, report_id: int) -> KeptReport:
    return rows.kept_report(c.execute(select(t.reports).where(t.reports.c.id == report_id)).one())


def _signature(c: sa.Connection, report_id: int) -> tuple[int, ...]:
    data = c.execute(select(t.traces.c.signature).where(t.traces.c.report_id == report_id)).scalar()
    return unpacked(data) if data else ()


def unpacked(data: bytes) -> tuple[int, ...]:
    """A signature as it was kept; () where it is none."""
    return struct.unpack(f">{SIZE}I", data) if len(data) == 4 * SIZE else ()
