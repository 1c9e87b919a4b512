"""A mailbox in memory that does what a test tells it to, and keeps the promises of bot.ports.Mailbox."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from bot.ports import FolderState, RawMessage
from classifiers.errors import FolderRefused, MailboxError

FIRST_MAIL = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""When the first mail arrives, unless a test says otherwise; each later one a minute after."""


@dataclass(slots=True)
class _Folder:
    uidvalidity: int = 1
    uidnext: int = 1
    mails: dict[int, tuple[bytes, datetime]] = field(default_factory=dict)


class ScriptedMailbox:
    """bot.ports.Mailbox, with a cue for every misfortune. After a failure it wants `connect` again, as a new one would.

    `calls` holds what was asked: ("examine", "INBOX"), ("uids_after", 0, None), ("fetch", (1, 2)) …
    """

    def __init__(self, *folders: str, batch: int = 100, cap: int = 40_000_000, can_idle: bool = True) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._folders = {name: _Folder() for name in folders or ("INBOX", "Junk")}
        self._batch, self._cap, self._can_idle = batch, cap, can_idle
        self._cues: dict[str, deque[tuple[int, Exception]]] = defaultdict(deque)
        self._connected = False
        self._examined: str | None = None
        self._examined_as = 0  # its UIDVALIDITY by then
        self._meanwhile: dict[str, deque[Callable[[], object]]] = defaultdict(deque)
        self._delivered = 0
        self._news = threading.Condition()
        self._seen = 0

    # ------------------------------------------------------------------------------------------ cues

    def deliver(self, raw: bytes, folder: str = "INBOX", received_at: datetime | None = None) -> int:
        """A mail arrives; its UID."""
        with self._news:
            there = self._folders[folder]
            uid, there.uidnext = there.uidnext, there.uidnext + 1
            there.mails[uid] = (raw, received_at or FIRST_MAIL + timedelta(minutes=self._delivered))
            self._delivered += 1
            self._news.notify_all()
            return uid

    def remove(self, uid: int, folder: str = "INBOX") -> None:
        """Somebody else removes a mail."""
        del self._folders[folder].mails[uid]

    def move(self, uid: int, folder: str, to: str) -> int:
        """Somebody else moves a mail: it keeps its time of arrival and gets another UID."""
        raw, received_at = self._folders[folder].mails.pop(uid)
        return self.deliver(raw, to, received_at)

    def mails(self, folder: str) -> dict[int, tuple[bytes, datetime]]:
        """What lies there, by UID, with its time of arrival; nothing where the folder is gone."""
        return dict(self._folders[folder].mails) if folder in self._folders else {}

    def state(self, folder: str) -> FolderState:
        """As EXAMINE would tell it."""
        there = self._folders[folder]
        return FolderState(folder, there.uidvalidity, there.uidnext)

    def set_uidvalidity(self, number: int, folder: str = "INBOX") -> None:
        """The folder was made anew: its mails keep their order and get UIDs from 1. Who has it open loses the session."""
        there = self._folders[folder]
        mails = [there.mails[uid] for uid in sorted(there.mails)]
        self._folders[folder] = _Folder(number, len(mails) + 1, dict(enumerate(mails, start=1)))

    def remove_folder(self, folder: str) -> None:
        """The folder is gone."""
        del self._folders[folder]

    def rename_folder(self, folder: str, to: str) -> None:
        """Its mails keep their UIDs, and it its UIDVALIDITY (RFC 3501, 6.3.5)."""
        self._folders[to] = self._folders.pop(folder)

    def meanwhile(self, method: str, do: Callable[[], object]) -> None:
        """The next time that `method` is asked, somebody else does this first; of fetch, before its next batch."""
        self._meanwhile[method].append(do)

    def calm(self) -> None:
        """Nothing of what is still to happen does."""
        self._cues.clear()
        self._meanwhile.clear()

    def beside(self) -> ScriptedMailbox:
        """Another session with the same mailbox, and the same cues."""
        it = copy(self)
        it.calls, it._connected, it._examined = [], False, None
        return it

    def fail(self, method: str, error: Exception | None = None, *, after: int = 0) -> None:
        """`method` fails once: the next call but `after`; of fetch the next batch but `after`."""
        self._cues[method].append((after, error or MailboxError(f"scripted: {method} fails")))

    # ------------------------------------------------------------------------------------------ the port

    def connect(self) -> None:
        self.calls.append(("connect",))
        self._cue("connect")
        self._connected = True

    @property
    def can_idle(self) -> bool:
        return self._can_idle

    def examine(self, folder: str) -> FolderState:
        self._ask("examine", folder)
        self._examined = None
        if folder not in self._folders:
            raise FolderRefused(f"scripted: no folder {folder!r}")
        self._examined = folder
        there = self._folders[folder]
        self._examined_as = there.uidvalidity
        self._seen = self._delivered
        return FolderState(folder, there.uidvalidity, there.uidnext)

    def uids_after(self, uid: int, since: date | None = None) -> tuple[int, ...]:
        self._ask("uids_after", uid, since)
        mails = self._folder().mails
        return tuple(u for u in sorted(mails) if u > uid and (since is None or mails[u][1].date() >= since))

    def fetch(self, uids: Sequence[int]) -> Iterator[tuple[RawMessage, ...]]:
        self.calls.append(("fetch", tuple(uids)))
        ordered = sorted(set(uids))
        for start in range(0, len(ordered), self._batch):
            self._in_session()
            self._cue("fetch")
            if batch := tuple(
                self._message(u) for u in ordered[start : start + self._batch] if u in self._folder().mails
            ):
                yield batch

    def wait(self, seconds: float) -> bool:
        self._ask("wait", seconds)
        with self._news:
            arrived = self._news.wait_for(lambda: self._delivered > self._seen or not self._connected, seconds)
            self._seen = self._delivered
        self._in_session()
        return arrived

    def close(self) -> None:
        self.calls.append(("close",))
        with self._news:
            self._connected = False
            self._examined = None
            self._news.notify_all()

    # ------------------------------------------------------------------------------------------ behind it

    def _ask(self, method: str, *arguments: object) -> None:
        self.calls.append((method, *arguments))
        self._in_session()
        self._cue(method)

    def _in_session(self) -> None:
        if not self._connected:
            raise MailboxError("scripted: the session is over; open another")

    def _cue(self, method: str) -> None:
        while self._meanwhile[method]:
            self._meanwhile[method].popleft()()
        cues = self._cues[method]
        if not cues:
            return
        after, error = cues[0]
        if after:
            cues[0] = (after - 1, error)
            return
        cues.popleft()
        if not isinstance(error, FolderRefused):
            self._connected = False
        raise error

    def _folder(self) -> _Folder:
        assert self._examined is not None, "examine comes first"
        there = self._folders.get(self._examined)
        if there is None or there.uidvalidity != self._examined_as:
            self._connected = False
            raise MailboxError("scripted: the folder that was open is not there any more")
        return there

    def _message(self, uid: int) -> RawMessage:
        there = self._folder()
        raw, received_at = there.mails[uid]
        truncated = len(raw) > self._cap
        return RawMessage(
            folder=self._examined or "",
            uidvalidity=there.uidvalidity,
            uid=uid,
            size=len(raw),
            received_at=received_at,
            raw=raw[: min(self._cap, 262_144)] if truncated else raw,
            truncated=truncated,
        )
