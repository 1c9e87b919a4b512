"""A follow-up and its thread: said under the earlier card, and a bot's dismissal raised. A person's word is left alone."""

from __future__ import annotations

import logging
from datetime import datetime

from bot.ports import KeptReport, NewNotice, RecordedVerdict, VerdictKind
from bot.precedent import raised
from bot.routing import LOUD, Routes, changed_notices, follow_up_notices, in_words, sentence_notices
from bot.store import Changed, Store
from classifiers.terms import DISMISSALS, Verdict

log = logging.getLogger("triage")


def follow(
    store: Store, report: KeptReport, verdict: Verdict, first: KeptReport | None, *, routes: Routes, now: datetime
) -> tuple[NewNotice, ...]:
    """What is said of a mail that follows up `first`; () where it follows none, or one that has no card to stand under.

    Where the thread stands dismissed and this mail is live, the thread is raised, or whoever dismissed it is told.
    """
    current = store.current(first.id) if first else None
    if first is None or current is None:
        return ()
    said: tuple[NewNotice, ...] = ()
    due = routes.due(verdict.disposition, now)
    if verdict.disposition in LOUD and current.verdict.disposition in DISMISSALS:
        if current.kind is not VerdictKind.PERSON:
            try:
                _raise(store, first, current, verdict, routes=routes, now=now)
            except Changed:  # somebody was faster: what they said is looked at
                return follow(store, report, verdict, first, routes=routes, now=now)
        else:
            text = (
                f"A follow-up to `{first.short}` is recommended as {in_words(verdict)}. A person called that report "
                f"{in_words(current.verdict)}, and so it stays. See its thread."
            )
            places = frozenset({routes.place(verdict), *(card.channel for card in store.cards_of(first.id))})
            said = sentence_notices(report, first, places, text, due_at=due)
    return (*follow_up_notices(report, first, store.cards_of(first.id), due), *said)


def _raise(
    store: Store, first: KeptReport, current: RecordedVerdict, verdict: Verdict, *, routes: Routes, now: datetime
) -> None:
    """Appends the raised verdict, the cards' change and a sentence in the channel. Raises Changed where `current` no longer holds."""
    cards = store.cards_of(first.id)
    higher = raised(current.verdict, verdict)
    mark = f"follow-up:{verdict.report}"
    text = (
        f"`{first.short}` was recommended as {in_words(current.verdict)}; a follow-up raised it to {in_words(higher)}. "
        "See its thread."
    )
    store.record(
        first.id,
        higher,
        kind=VerdictKind.BOT,
        decided_by="bot",
        decided_at=now,
        notices=(
            *changed_notices(
                first, cards, current.verdict, higher, kind=VerdictKind.BOT, routes=routes, mark=mark, now=now, why=text
            ),
        ),
        expected_current=current.id,
    )
    log.info("report.raised", extra={"report": first.short, "disposition": higher.disposition.value})
