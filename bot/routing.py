"""Where a verdict is told: a card of its own, or a line in the digest. Pure. Nothing is ever told nowhere."""

from __future__ import annotations

from datetime import datetime

from bot.ports import Card, KeptReport, NewNotice, NoticeKind, VerdictKind
from classifiers.terms import Disposition

LOUD = frozenset({Disposition.IN_SCOPE, Disposition.NEEDS_REVIEW})


def is_quiet(report: KeptReport, disposition: Disposition) -> bool:
    """Whether a verdict is told in the digest alone."""
    return report.backlog or disposition is Disposition.NOT_A_REPORT or (report.from_junk and disposition not in LOUD)


def card_key(report: KeptReport, channel: str) -> str:
    """The key of a report's card in a channel, whatever it says by now."""
    return f"card:{report.account}:{report.key}:{channel}"


def audit_notices(report: KeptReport, channel: str, now: datetime) -> tuple[NewNotice, ...]:
    """What is said of an audited report before its answer: a card. The details come with the answer."""
    return (NewNotice(kind=NoticeKind.CARD, destination=channel, key=card_key(report, channel), due_at=now),)


def answered_notices(report: KeptReport, cards: tuple[Card, ...], now: datetime) -> tuple[NewNotice, ...]:
    """What is said further once an audit was answered: the details that were held back."""
    return tuple(
        NewNotice(
            kind=NoticeKind.DETAILS,
            destination=card.channel,
            key=f"details:{report.account}:{report.key}:{card.channel}",
            due_at=now,
        )
        for card in cards
    )


def first_notices(report: KeptReport, disposition: Disposition, channel: str, now: datetime) -> tuple[NewNotice, ...]:
    """What is said of a report when it is first judged.

    The digest takes newsletters and the like, whatever was not worth a card from a junk folder, and all of a backlog:
    a first look at months of mail must not flood the channel.
    """
    if is_quiet(report, disposition):
        return (
            NewNotice(
                kind=NoticeKind.DIGEST, destination=channel, key=f"digest:{report.account}:{report.key}", due_at=now
            ),
        )
    return (
        NewNotice(kind=NoticeKind.CARD, destination=channel, key=card_key(report, channel), due_at=now),
        NewNotice(
            kind=NoticeKind.DETAILS,
            destination=channel,
            key=f"details:{report.account}:{report.key}:{channel}",
            due_at=now,
        ),
    )


def changed_notices(
    report: KeptReport,
    cards: tuple[Card, ...],
    disposition: Disposition,
    *,
    kind: VerdictKind,
    channel: str,
    mark: str,
    now: datetime,
) -> tuple[NewNotice, ...]:
    """What is said when a verdict follows another: the cards change; a quiet report that turns out live gets a card.

    `mark` tells this change from others of the same report, so that each is said once.
    """
    updates = tuple(
        NewNotice(kind=NoticeKind.UPDATE, destination=card.channel, key=f"update:{card.id}:{mark}", due_at=now)
        for card in cards
    )
    if updates and kind is VerdictKind.PERSON:
        updates += tuple(
            NewNotice(kind=NoticeKind.REPLY, destination=card.channel, key=f"reply:{card.id}:{mark}", due_at=now)
            for card in cards
        )
    if updates or (disposition not in LOUD and kind is VerdictKind.BOT):
        return updates
    return (
        NewNotice(kind=NoticeKind.CARD, destination=channel, key=card_key(report, channel), due_at=now),
        NewNotice(
            kind=NoticeKind.DETAILS,
            destination=channel,
            key=f"details:{report.account}:{report.key}:{channel}",
            due_at=now,
        ),
    )


def follow_up_notices(
    report: KeptReport, first: KeptReport, cards: tuple[Card, ...], now: datetime
) -> tuple[NewNotice, ...]:
    """What is said of a further mail of an earlier report's sender: it stands in the threads of that one's cards."""
    return tuple(
        NewNotice(
            kind=NoticeKind.FOLLOW_UP,
            destination=card.channel,
            key=f"follow_up:{report.account}:{report.key}:{card.channel}",
            due_at=now,
            under=first.id,
        )
        for card in cards
    )


def sentence_notices(
    report: KeptReport, first: KeptReport, cards: tuple[Card, ...], text: str, *, now: datetime, mark: str = ""
) -> tuple[NewNotice, ...]:
    """A sentence in each channel where `first` has a card: a card's change and a thread's reply alert nobody there."""
    return tuple(
        NewNotice(
            kind=NoticeKind.TROUBLE,
            destination=card.channel,
            key=f"sentence:{report.account}:{report.key}:{card.channel}:{mark}",
            due_at=now,
            text=text,
            under=first.id,
        )
        for card in cards
    )
