"""Where a verdict is told, and when: a card in a channel, or a line in the digest. Pure. Nothing is ever told nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.hours import Quiet
from bot.ports import Card, KeptReport, NewNotice, NoticeKind, VerdictKind
from classifiers.terms import DISMISSALS, Disposition, Verdict

LOUD = frozenset({Disposition.IN_SCOPE, Disposition.NEEDS_REVIEW})
DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Where each verdict is told: channels by id, or DIGEST. What is live never goes to the digest."""

    channel: str  # of everything that is not routed elsewhere, of audits, and of the digest
    dispositions: Mapping[Disposition, str] = field(default_factory=lambda: {Disposition.NOT_A_REPORT: DIGEST})
    categories: Mapping[str, str] = field(default_factory=dict)  # of what is out of scope
    quiet: Quiet = field(default_factory=Quiet)
    always: frozenset[Disposition] = frozenset({Disposition.IN_SCOPE})  # is told in quiet hours too

    @property
    def channels(self) -> frozenset[str]:
        return frozenset({self.channel, *self.dispositions.values(), *self.categories.values()} - {DIGEST})

    @property
    def digested(self) -> frozenset[Disposition]:
        """The dispositions of which some or all are told in the digest alone."""
        named = {d for d, place in self.dispositions.items() if place == DIGEST}
        return frozenset(named | ({Disposition.OUT_OF_SCOPE} if DIGEST in self.categories.values() else set()))

    def place(self, verdict: Verdict) -> str:
        """The channel of a verdict, or DIGEST. Of several routed categories a channel goes before the digest."""
        usual = self.dispositions.get(verdict.disposition, self.channel)
        if verdict.disposition in LOUD and usual == DIGEST:
            return self.channel
        if verdict.disposition is not Disposition.OUT_OF_SCOPE or not verdict.categories:
            return usual
        places = [self.categories.get(f.category, usual) for f in verdict.categories]
        return next((p for p in places if p != DIGEST), DIGEST)

    def first_place(self, report: KeptReport, verdict: Verdict, *, muted: bool) -> str:
        """The same when a report is first told: a backlog, and what is not live of the junk folder or a muted sender, need no card."""
        if report.backlog or ((report.from_junk or muted) and verdict.disposition not in LOUD):
            return DIGEST
        return self.place(verdict)

    def due(self, disposition: Disposition, now: datetime) -> datetime:
        """When a card is said: at the end of quiet hours, unless it is told always."""
        return now if disposition in self.always else self.quiet.ends(now)


def card_key(report: KeptReport, channel: str) -> str:
    """The key of a report's card in a channel, whatever it says by now."""
    return f"card:{report.account}:{report.key}:{channel}"


def audit_notices(report: KeptReport, routes: Routes, now: datetime) -> tuple[NewNotice, ...]:
    """What is said of an audited report before its answer: a card, where it gives nothing away. The details come with the answer."""
    return (_card(report, routes.channel, routes.due(Disposition.NEEDS_REVIEW, now)),)


def answered_notices(report: KeptReport, cards: tuple[Card, ...], now: datetime) -> tuple[NewNotice, ...]:
    """What is said further once an audit was answered: the details that were held back."""
    return tuple(_details(report, card.channel, now) for card in cards)


def first_notices(
    report: KeptReport, verdict: Verdict, routes: Routes, now: datetime, *, muted: bool = False
) -> tuple[NewNotice, ...]:
    """What is said of a report when it is first judged.

    The digest takes newsletters and the like, whatever was not worth a card from a junk folder or a muted sender, and all
    of a backlog: a first look at months of mail must not flood the channel.
    """
    place = routes.first_place(report, verdict, muted=muted)
    if place == DIGEST:
        key = f"digest:{report.account}:{report.key}"
        return (NewNotice(kind=NoticeKind.DIGEST, destination=routes.channel, key=key, due_at=now),)
    return _card_and_details(report, place, routes.due(verdict.disposition, now))


def joined_notices(report: KeptReport, card_id: int, channel: str, now: datetime) -> tuple[NewNotice, ...]:
    """What is said of a further copy of a template: the card of the others names it."""
    key = f"joined:{report.account}:{report.key}:{channel}"
    return (NewNotice(kind=NoticeKind.UPDATE, destination=channel, key=key, due_at=now, join=card_id),)


def card_changes(cards: tuple[Card, ...], mark: str, now: datetime) -> tuple[NewNotice, ...]:
    """The cards as things stand now, which alerts nobody. `mark` tells this change from others: each is said once."""
    return tuple(
        NewNotice(kind=NoticeKind.UPDATE, destination=card.channel, key=f"update:{card.id}:{mark}", due_at=now)
        for card in cards
    )


def changed_notices(
    report: KeptReport,
    cards: tuple[Card, ...],
    before: Verdict | None,
    after: Verdict,
    *,
    kind: VerdictKind,
    routes: Routes,
    mark: str,
    now: datetime,
    why: str = "",
) -> tuple[NewNotice, ...]:
    """What is said when a verdict follows another: the cards change.

    Only what was excluded and turns out live is told again: by a card where such cards stand, or where its card stands
    there already, in a sentence (`why`: in these words). A quiet report that a person decides gets a card.
    """
    place = routes.place(after) if routes.place(after) != DIGEST else routes.channel
    due = routes.due(after.disposition, now)
    live = after.disposition in LOUD
    if not cards and (live or kind is not VerdictKind.BOT):
        return _card_and_details(report, place, due)
    changes = card_changes(cards, mark, now)
    if kind is VerdictKind.PERSON:
        changes += tuple(
            NewNotice(kind=NoticeKind.REPLY, destination=card.channel, key=f"reply:{card.id}:{mark}", due_at=now)
            for card in cards
        )
    if not live or before is None or before.disposition not in DISMISSALS:
        return changes
    if not any(card.channel == place for card in cards):
        return (*changes, *_card_and_details(report, place, due))
    text = why or f"`{report.short}` was {in_words(before)} and turns out {in_words(after)}: see its card."
    return (*changes, _sentence(report, report, place, text, due_at=due, mark=mark))


def follow_up_notices(
    report: KeptReport, first: KeptReport, cards: tuple[Card, ...], due_at: datetime
) -> tuple[NewNotice, ...]:
    """What is said of a further mail of an earlier report's sender: it stands in the threads of that one's cards."""
    return tuple(
        NewNotice(
            kind=NoticeKind.FOLLOW_UP,
            destination=card.channel,
            key=f"follow_up:{report.account}:{report.key}:{card.channel}",
            due_at=due_at,
            under=first.id,
        )
        for card in cards
    )


def sentence_notices(
    report: KeptReport, first: KeptReport, channels: frozenset[str], text: str, *, due_at: datetime
) -> tuple[NewNotice, ...]:
    """A sentence on `first` in these channels, for the sake of a further mail: a thread's reply alerts nobody there."""
    return tuple(_sentence(report, first, channel, text, due_at=due_at) for channel in sorted(channels))


def in_words(verdict: Verdict) -> str:
    return verdict.disposition.value.replace("_", " ")


def _card_and_details(report: KeptReport, channel: str, due_at: datetime) -> tuple[NewNotice, ...]:
    return _card(report, channel, due_at), _details(report, channel, due_at)


def _card(report: KeptReport, channel: str, due_at: datetime) -> NewNotice:
    return NewNotice(kind=NoticeKind.CARD, destination=channel, key=card_key(report, channel), due_at=due_at)


def _details(report: KeptReport, channel: str, due_at: datetime) -> NewNotice:
    key = f"details:{report.account}:{report.key}:{channel}"
    return NewNotice(kind=NoticeKind.DETAILS, destination=channel, key=key, due_at=due_at)


def _sentence(
    report: KeptReport, first: KeptReport, channel: str, text: str, *, due_at: datetime, mark: str = ""
) -> NewNotice:
    key = f"sentence:{report.account}:{report.key}:{channel}:{mark}"
    return NewNotice(kind=NoticeKind.TROUBLE, destination=channel, key=key, due_at=due_at, text=text, under=first.id)
