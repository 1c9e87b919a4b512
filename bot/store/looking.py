"""Reports looked up: by the id that a card shows, by what holds of them, by the card that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from bot.ports import Card, KeptReport, Letterhead, NoticeKind, RecordedVerdict, VerdictKind
from bot.store import rows
from bot.store import tables as t
from bot.store.commits import in_parts
from bot.store.outbox import Outbox
from bot.store.verdicts import with_text
from classifiers.errors import UserError
from classifiers.terms import Disposition

LIVE = (Disposition.IN_SCOPE.value, Disposition.NEEDS_REVIEW.value)


class Looking(Outbox):
    """The part of the store that people and cards look things up in."""

    def letterhead(self, report_id: int) -> Letterhead | None:
        """What a card may show of the mail; None before it was judged and after it was purged."""
        with self._read() as c:
            return rows.letterhead(
                c.execute(select(t.letterheads.c.data).where(t.letterheads.c.report_id == report_id)).scalar()
            )

    def find(self, prefix: str, account: str | None = None) -> KeptReport:
        """The report whose key begins so, by four or more hex digits. Raises UserError where that is none, or several."""
        wanted = prefix.strip().lower()
        if len(wanted) < 4 or not set(wanted) <= set("0123456789abcdef"):
            raise UserError(f"{prefix!r} is no report's id: give four or more of the hex digits that a card shows")
        query = select(t.reports).where(t.reports.c.key.like(f"{wanted}%")).order_by(t.reports.c.id).limit(6)
        if account is not None:
            query = query.where(t.reports.c.account == account)
        with self._read() as c:
            found = [rows.kept_report(r) for r in c.execute(query)]
        if not found:
            raise UserError(f"there is no report {wanted}; `triage list` shows those there are")
        if len(found) > 1:
            several = ", ".join(f"{r.key[: max(12, len(wanted) + 2)]} ({r.account})" for r in found[:5])
            raise UserError(f"{wanted} fits several reports: {several}; give more digits")
        return found[0]

    def listing(
        self,
        *,
        since: datetime | None = None,
        dispositions: Sequence[Disposition] | None = None,
        open_only: bool = False,
    ) -> list[tuple[KeptReport, RecordedVerdict | None, Letterhead | None]]:
        """Reports with what holds of them, oldest first; `open_only`: live ones that no person decided."""
        reports, verdicts = t.reports, t.verdicts
        query = select(reports).order_by(reports.c.received_at, reports.c.id)
        if since is not None:
            query = query.where(reports.c.received_at >= since)
        if dispositions or open_only:
            query = query.join(verdicts, verdicts.c.id == reports.c.current_verdict_id)
        if dispositions:
            query = query.where(verdicts.c.disposition.in_([d.value for d in dispositions]))
        if open_only:
            query = query.where(verdicts.c.disposition.in_(LIVE), verdicts.c.kind != VerdictKind.PERSON.value)
        with self._read() as c:
            found = c.execute(query).all()
            ids = [r.current_verdict_id for r in found if r.current_verdict_id is not None]
            verdicts_of = {
                r.id: r for part in in_parts(ids) for r in c.execute(with_text().where(verdicts.c.id.in_(part)))
            }
            heads = {
                r.report_id: r.data
                for part in in_parts([r.id for r in found])
                for r in c.execute(select(t.letterheads).where(t.letterheads.c.report_id.in_(part)))
            }
        return [
            (
                rows.kept_report(r),
                rows.recorded_verdict(verdicts_of[r.current_verdict_id]) if r.current_verdict_id else None,
                rows.letterhead(heads.get(r.id)),
            )
            for r in found
        ]

    def unreminded(self, before: datetime) -> tuple[KeptReport, ...]:
        """Live reports that came before then and that no person decided, with a card to remind at and no reminder so far.

        Open audits are none of them. A follow-up is reminded at its thread's card.
        """
        r, v, n = t.reports, t.verdicts, t.notices
        reminded = select(n.c.report_id).where(n.c.kind == NoticeKind.REMINDER.value)
        audited = select(v.c.report_id).where(v.c.kind == VerdictKind.AUDIT.value)
        on_cards = t.card_reports.join(t.cards, t.cards.c.id == t.card_reports.c.card_id)
        carded = select(t.card_reports.c.report_id).select_from(on_cards).where(t.cards.c.ts.is_not(None))
        under = select(t.threads.c.report_id).where(t.threads.c.first_id.in_(carded))
        query = (
            select(r)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(v.c.disposition.in_(LIVE), v.c.kind == VerdictKind.BOT.value, r.c.received_at <= before)
            .where(r.c.id.not_in(reminded), r.c.id.not_in(audited), r.c.id.in_(carded) | r.c.id.in_(under))
            .order_by(r.c.id)
        )
        with self._read() as c:
            return tuple(rows.kept_report(row) for row in c.execute(query))

    def cards_of(self, report_id: int) -> tuple[Card, ...]:
        """The cards that show a report."""
        query = select(t.card_reports.c.card_id).where(t.card_reports.c.report_id == report_id)
        with self._read() as c:
            ids = list(c.execute(query.order_by(t.card_reports.c.card_id)).scalars())
        return tuple(self.card(i) for i in ids)

    def card_at(self, channel: str, ts: str) -> Card | None:
        """The card that is this message; None where it is none."""
        query = select(t.cards.c.id).where(t.cards.c.channel == channel, t.cards.c.ts == ts)
        with self._read() as c:
            found = c.execute(query).scalar()
        return self.card(found) if found is not None else None
