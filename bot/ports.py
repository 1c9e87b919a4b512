"""What the bot asks of the world, and the values that pass through: a mailbox to read, a notifier to speak with.

Protocols stand here only where there are two keepers: ImapMailbox and a scripted one, SlackNotifier and a recording one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from classifiers.terms import Disposition, Verdict

# ---------------------------------------------------------------------------------------------- the mailbox


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was read: everything up to and with this UID, while UIDVALIDITY stays (RFC 3501, 2.3.1.1)."""

    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as EXAMINE told it."""

    folder: str
    uidvalidity: int
    uidnext: int | None  # None where the server does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage:
    """One mail as it lay in the mailbox. `raw` is its first part only where `truncated`; `size` is always the whole."""

    folder: str
    uidvalidity: int
    uid: int
    size: int
    received_at: datetime  # INTERNALDATE: the server's clock, not the sender's
    raw: bytes
    truncated: bool = False


class Mailbox(Protocol):
    """One session with one account, read-only; not thread-safe; never used again after it raised.

    Every method raises MailboxError (LoginRefused from `connect`) and nothing else for what the server or the line does.
    """

    def connect(self) -> None: ...

    @property
    def can_idle(self) -> bool: ...

    def examine(self, folder: str) -> FolderState: ...

    def uids_after(self, uid: int, since: date | None = None) -> tuple[int, ...]:
        """UIDs of the examined folder beyond `uid`, ascending; with `since`, only mail that arrived on that day or later."""
        ...

    def fetch(self, uids: Sequence[int]) -> Iterator[tuple[RawMessage, ...]]:
        """The mails in batches, oldest first. A mail that is gone is left out, silently: the caller knows what it asked for."""
        ...

    def wait(self, seconds: float) -> bool:
        """IDLE on the examined folder for at most that long; True as soon as something may have arrived."""
        ...

    def close(self) -> None: ...


# ---------------------------------------------------------------------------------------------- the judge

RUNGS = (1, 2, 3, 4)
"""Of the parser's fallback ladder: the whole parse, the standard library guarded, a header scan, key and size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a judge needs besides the mail."""

    rules: Path  # holds categories/, signs/ and policies/
    policy: str
    model: Path | None  # None: rules alone
    trusted_authserv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What judges in place of what is configured; None: as configured."""

    policy: str | None = None
    rules: Path | None = None
    model: Path | None = None


# ---------------------------------------------------------------------------------------------- the notifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One Slack message, ready to be sent. `key` travels in its metadata, so that a repeat can be recognised."""

    channel: str
    key: str
    text: str  # the fallback: notifications and screen readers
    blocks: tuple[Mapping[str, Any], ...] = ()
    thread: str | None = None  # the ts of the card it belongs under
    facts: Mapping[str, str] = field(default_factory=dict)  # further metadata: ids and versions, never report text


class Notifier(Protocol):
    """Says messages. Raises NotSaid or MaybeSaid and nothing else for what the other side or the line does."""

    def post(self, message: Message) -> str:
        """Says it and returns its ts."""
        ...

    def update(self, message: Message, ts: str) -> None:
        """Makes the message with this ts say `message` instead. Repeating it does no harm."""
        ...

    def remove(self, channel: str, ts: str) -> None:
        """Takes back a message of ours that says again what another says. One that is gone already is no failure."""
        ...

    def find(self, channel: str, key: str, since: datetime, thread: str | None = None) -> str | None:
        """The ts of the message of ours with this key, or of the card with it, posted at `since` or later; None where there is none.

        Raises NotSaid(final=True) where looking is not permitted (no history scope).
        """
        ...


# ---------------------------------------------------------------------------------------------- what is kept


class VerdictKind(StrEnum):
    """Who is speaking."""

    BOT = "bot"
    PERSON = "person"
    AUDIT = "audit"
    UNDO = "undo"  # a person takes a person's verdict back; holds the verdict that was taken back


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
class NewReport:
    """A mail about to be kept."""

    message: RawMessage
    key: str
    from_junk: bool
    backlog: bool


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
class Room:
    """What may be said now without asking more of Slack than it takes."""

    held: frozenset[str] = frozenset()  # channels in which nothing is said
    busy: frozenset[str] = frozenset()  # channels in which no new message is
    edits: bool = True  # whether any message may be edited
    posts: bool = True  # whether any new one may be posted


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReport:
    """A report's row: the facts that stay when its text is purged."""

    id: int
    account: str
    folder: str
    key: str
    size: int
    received_at: datetime
    kept_at: datetime
    truncated: bool
    attempts: int
    from_junk: bool
    backlog: bool  # it was there before the bot first looked: digest, no card of its own
    purged: bool

    @property
    def short(self) -> str:
        """The id people see and type."""
        return self.key[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What a card may show of the mail itself, tier permitting; purged with the text."""

    subject: str = ""
    sender: str = ""
    message_id: str | None = None
    attachments: tuple[str, ...] = ()  # "poc.mp4 (video/mp4, 1.2 MB), not read"
    language: str = ""  # "en", "de", …; "" where it cannot be told
    references: tuple[str, ...] = ()  # Message-IDs of the mails that it answers, the oldest first
    answer_to: str = ""  # the address where a person reads an answer; "" for machines, lists and who wants none


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerdict:
    """A verdict as it was appended."""

    id: int
    report_id: int
    kind: VerdictKind
    verdict: Verdict
    decided_by: str  # "bot" or "person:<who>"
    decided_at: datetime
    reason: str = ""  # a person's words
    undone_by: int | None = None


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


class ActKind(StrEnum):
    """What people do with a report in Slack."""

    TAKE = "take"  # "I look after it"
    GIVE_BACK = "give_back"
    AGREE = "agree"
    CHANGE = "change"
    WHY = "why"  # asks for everything that was seen
    AGAIN = "again"  # has it judged anew
    REPLY = "reply"  # looks at the suggested reply
    MUTE = "mute"
    UNMUTE = "unmute"
    LOOK = "look"  # asks by a command or in App Home: a report, what is open, how the bot stands
    OTHER = "other"  # what nobody here knows: a button of an older triage


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"  # who did it may not
    LATE = "late"  # somebody else was first
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What somebody did in Slack, as it came in: a button, an entry of a menu, a submitted modal, a command, a shortcut."""

    action: str  # of a command: with its slash
    value: str  # of the button or the entry; a modal's own; what follows a command
    user: str  # an id, U…
    name: str
    own_team: bool  # False: a guest of another workspace
    channel: str = ""  # "" where there is none
    trigger: str = ""  # opens one modal within three seconds
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a modal, by block
    message: str = ""  # of a message's shortcut: the ts of the card
    answer_url: str = (
        ""  # where a command or a message's shortcut is answered, to one person, also where the bot is no member
    )

    @property
    def by(self) -> str:
        return f"person:{self.name} ({self.user})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did in Slack, as it was recorded."""

    report_id: int | None
    kind: ActKind
    by: str  # "person:<who>"
    at: datetime
    outcome: Outcome


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A sender of whom only what is live gets a card."""

    report: str  # the id of the one they were muted on
    by: str  # "person:<who>"
    at: datetime
    until: datetime
    mails: int  # that came since


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The Slack message of one or more reports."""

    id: int
    channel: str
    ts: str | None  # None until it was said
    report_ids: tuple[int, ...]
