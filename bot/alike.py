"""Deciding a card of several reports, copies of one template: those that it named are decided together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.correction import Correction, correct
from bot.ports import KeptReport, OnCard
from bot.routing import Routes
from bot.store import Changed, Store


def named_with(store: Store, report: KeptReport, upto: int) -> tuple[OnCard, ...]:
    """The reports that a person saw named on a report's card, with itself; () on a card of its own. `upto`: the last one's id."""
    for card in store.cards_of(report.id) if upto else ():
        there = tuple(r for r in store.on_card(card.id) if r.report_id <= upto)
        if len(there) > 1 and any(r.report_id == report.id for r in there):
            return there
    return ()


def judged_like(report: KeptReport, there: Sequence[OnCard]) -> tuple[OnCard, ...]:
    """Of these the others, of which the same word holds as of this one."""
    mine = next((r.said for r in there if r.report_id == report.id), None)
    return tuple(r for r in there if r.report_id != report.id and r.said == mine)


def decide_each(
    store: Store, others: Sequence[OnCard], correction: Correction, *, account: str, known: Sequence[str], routes: Routes,
    now: datetime,
) -> int:  # fmt: skip
    """Says the same of each that nobody decided in between; how many."""
    decided = 0
    for other in others:
        said = replace(correction, seen=other.verdict, acknowledged=None, beside=True)
        try:
            correct(store, other.key, said, known=known, routes=routes, now=now, account=account)
        except Changed:
            continue
        decided += 1
    return decided
