"""Reports and what was said of them, as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.ports.mailbox import RawMessage
from classifiers.terms import Verdict


class VerdictKind(StrEnum):
    """Who is speaking."""

    BOT = "bot"
    PERSON = "person"
    AUDIT = "audit"
    UNDO = "undo"  # a person takes a person's verdict back; holds the verdict that was taken back


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """A mail about to be kept."""

    message: RawMessage
    key: str
    from_junk: bool
    backlog: bool


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
