"""A mailbox to read: how far it was read, the mails in it, and the session with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


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
