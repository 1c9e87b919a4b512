"""What people do in Slack, as it came in and as it was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
class Mute:
    """A sender of whom only what is live gets a card."""

    report: str  # the id of the one they were muted on
    by: str  # "person:<who>"
    at: datetime
    until: datetime
    mails: int  # that came since
