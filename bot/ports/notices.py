"""What there is to say, and the cards on which it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.ports.reports import VerdictKind
from classifiers.terms import Disposition


class NoticeKind(StrEnum):
    """What there is to say."""

    CARD = "card"  # the message of one or more reports; said once, then edited
    UPDATE = "update"  # the card again, as things stand now
    DETAILS = "details"  # in the card's thread: everything that was seen
    DIGEST = "digest"  # one line in the next digest
    TROUBLE = "trouble"  # a sentence of the bot's own
    REPLY = "reply"  # in the card's thread: the suggested reply, once a person decided and it is another
    DRAFT = "draft"  # nothing that is said: a draft to be laid into the mailbox
    REMINDER = "reminder"  # in the card's thread: that nobody has taken a live report, in our own words
    FOLLOW_UP = "follow_up"  # in the thread of an earlier report's card: a further mail of its sender


IN_THREAD = frozenset({NoticeKind.DETAILS, NoticeKind.REPLY, NoticeKind.FOLLOW_UP, NoticeKind.REMINDER})
"""What is said in a card's thread."""


class NoticeState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # the request may have left; its outcome is not known yet
    SAID = "said"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """Something to say, about to be recorded together with the verdict it speaks of. Its key is said once, ever."""

    kind: NoticeKind
    destination: str
    key: str
    due_at: datetime
    text: str = ""
    under: int | None = None  # the report whose card it belongs to, where that is another
    join: int | None = None  # the card that the report is added to


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to say."""

    id: int
    key: str
    kind: NoticeKind
    destination: str  # a channel id
    report_id: int | None
    card_id: int | None
    state: NoticeState
    attempts: int
    due_at: datetime
    touched_at: datetime | None = None  # when `sending` was marked
    text: str = ""  # of a TROUBLE or REMINDER notice, our own words
    possible_repeat: bool = False  # it may have been said before, and could not be looked up


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What may be said now without asking more of Slack than it takes."""

    held: frozenset[str] = frozenset()  # channels in which nothing is said
    busy: frozenset[str] = frozenset()  # channels in which no new message is
    edits: bool = True  # whether any message may be edited
    posts: bool = True  # whether any new one may be posted


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The Slack message of one or more reports."""

    id: int
    channel: str
    ts: str | None  # None until it was said
    report_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCard:
    """A report on a card, with what holds of it."""

    report_id: int
    key: str
    verdict: int  # its id
    disposition: Disposition
    categories: tuple[str, ...]
    kind: VerdictKind
    decided_by: str

    @property
    def short(self) -> str:
        return self.key[:8]

    @property
    def said(self) -> tuple[object, ...]:
        """The same for reports of which the same word of the same one holds."""
        return self.disposition, self.categories, self.decided_by
