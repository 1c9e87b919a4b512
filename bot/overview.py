"""How triage stands, gathered: for `/triage` and App Home."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.figures import counted
from bot.muting import in_lines
from bot.ports import KeptReport, Letterhead, RecordedVerdict
from bot.routing import Routes
from bot.showing import Wording
from bot.slack.controls import Handle
from bot.slack.overview import LISTED, Overview, Waiting
from bot.slack.view import name_of
from bot.store import Store
from bot.worker import Worker

WEEK = timedelta(days=7)


def overview(
    store: Store, worker: Worker, wording: Wording, *, routes: Routes, accounts: Sequence[str], at: datetime
) -> Overview:
    """How everything stands now, in the store and in what judges."""
    waiting = store.listing(open_only=True)
    blind = store.open_audits()
    return Overview(
        at=at,
        polls={name: store.last_beat(f"poll:{name}") for name in accounts},
        quiet=str(routes.quiet),
        policy=worker.context.policy,
        versions=worker.versions,
        counts=store.counts(),
        waiting=tuple(_waiting(store, wording, row, audit=row[0].id in blind) for row in waiting[:LISTED]),
        waits=len(waiting),
        muted=tuple(in_lines(store.mutes(at))),
        week=counted(store.courses(at - WEEK)),
    )


def _waiting(
    store: Store, wording: Wording, row: tuple[KeptReport, RecordedVerdict | None, Letterhead | None], *, audit: bool
) -> Waiting:
    report, current, head = row
    assert current is not None, "what is open was judged"
    holder = store.holder(report.id)
    return Waiting(
        report=report.short,
        handle=str(Handle(current.id, report.account, report.key[:32])),
        disposition=current.verdict.disposition,
        audit=audit,
        categories=tuple(wording.titles.get(f.category, f.category) for f in current.verdict.categories),
        subject=head.subject if head else "",
        sender=head.sender if head else "",
        received_at=report.received_at,
        taken_by=name_of(holder.by) if holder else "",
    )
