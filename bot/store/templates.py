"""Copies of one template: the card that a further copy joins, and what stands on a card of several."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import func, select

from bot.codec import verdict_from_json
from bot.ports import KeptReport, OnCard, VerdictKind
from bot.precedent import ALIKE, Traces
from bot.routing import LOUD
from bot.store import tables as t
from bot.store.commits import Commits
from bot.store.precedents import looked_at, unpacked
from classifiers.likeness import bands, likeness
from classifiers.terms import Disposition, Verdict

MOST = 40  # reports on one card: each is named there


class Templates(Commits):
    """The part of the store that knows copies of a template again."""

    def card_to_join(
        self, report: KeptReport, traces: Traces, verdict: Verdict, channel: str, since: datetime
    ) -> int | None:
        """The open card of an earlier copy, judged the same, received since then; None where there is none with room.

        What is dismissed joins its like; what is live only the same to the letter: the likeness may be all but the host.
        """
        if not traces.signature:
            return None
        with self._read() as c:
            for row in c.execute(_candidates(report, bands(traces.signature), verdict, channel, since)):
                same = row.words and row.words == traces.words
                alike = verdict.disposition not in LOUD and likeness(traces.signature, unpacked(row.signature)) >= ALIKE
                if (same or alike) and _kinds(row.facts) == _held(verdict):
                    return int(row.card_id)
        return None

    def on_card(self, card_id: int) -> tuple[OnCard, ...]:
        """The reports on a card with what holds of each, the first that came first."""
        r, v, x = t.reports, t.verdicts, t.card_reports
        query = (
            select(r.c.id, r.c.key, v.c.id.label("verdict"), v.c.kind, v.c.disposition, v.c.decided_by, v.c.facts)
            .join(x, x.c.report_id == r.c.id)
            .join(v, v.c.id == r.c.current_verdict_id)
            .where(x.c.card_id == card_id)
            .order_by(r.c.id)
        )
        with self._read() as c:
            return tuple(_on_card(row) for row in c.execute(query))


def _candidates(
    report: KeptReport, numbers: tuple[int, ...], verdict: Verdict, channel: str, since: datetime
) -> sa.Select[Any]:
    """Earlier reports like this one of which the bot's word holds, the latest first, with their card in that channel."""
    r, v, x, cards = t.reports, t.verdicts, t.card_reports, t.cards
    audited = select(v.c.report_id).where(v.c.kind == VerdictKind.AUDIT.value)
    there = x.alias("there")
    on_it = select(func.count()).select_from(there).where(there.c.card_id == cards.c.id).scalar_subquery()
    return (
        looked_at(report, numbers)
        .add_columns(t.traces.c.words, v.c.facts, cards.c.id.label("card_id"))
        .join(x, x.c.report_id == r.c.id)
        .join(cards, cards.c.id == x.c.card_id)
        .where(
            v.c.kind == VerdictKind.BOT.value, v.c.disposition == verdict.disposition.value, cards.c.channel == channel,
            r.c.received_at >= since, r.c.id.not_in(audited), on_it < MOST,
        )
    )  # fmt: skip


def _on_card(row: Any) -> OnCard:
    return OnCard(
        report_id=row.id, key=row.key, verdict=row.verdict, disposition=Disposition(row.disposition),
        categories=_kinds(row.facts), kind=VerdictKind(row.kind), decided_by=row.decided_by,
    )  # fmt: skip


def _kinds(facts: str) -> tuple[str, ...]:
    return _held(verdict_from_json(json.loads(facts)))


def _held(verdict: Verdict) -> tuple[str, ...]:
    return tuple(sorted(f.category for f in verdict.categories))
