"""Reading a mailbox over IMAP, read-only but in what `drafts` and `filing` make of it.

Commands hold integers and what the configuration says, nothing else: a decoded header with a line end in it would be
carried out by the server (mjs/imapclient#657). Folders are opened by EXAMINE and bodies read by PEEK, so no flag changes.
"""

from __future__ import annotations

import imaplib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.clock import now
from bot.mail.access import Access
from bot.mail.batches import Listed, in_batches
from bot.mail.faults import TEMPORARY, response_code
from bot.mail.session import Session
from bot.ports import FolderState, RawMessage
from classifiers.errors import FolderRefused

PREFIX = 262_144
"""Bytes that are read of a mail over the cap: its headers and the first of its text."""

EARLY = 3
"""IDLEs of one wait that may end before their time on a line that still answers; imapclient does not tell why they do."""


class ImapMailbox(Session):
    """bot.ports.Mailbox over IMAP4rev1. Of a mail over `cap` bytes only the first part is read."""

    def __init__(
        self,
        access: Access,
        *,
        deadline: float = 300.0,
        cap: int = 40_000_000,
        batch_messages: int = 100,
        batch_bytes: int = 8_000_000,
        renew_every: float = 240.0,  # seconds; servers and NATs drop an IDLE that is silent for 8 to 10 minutes
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = now,
    ) -> None:
        super().__init__(access, deadline=deadline, literal=2 * cap + 1_000_000)
        self._cap, self._prefix = cap, min(cap, PREFIX)
        self._batch_messages, self._batch_bytes, self._renew_every = batch_messages, batch_bytes, renew_every
        self._monotonic, self._now = monotonic, now

    # ------------------------------------------------------------------------------------------ reading

    def examine(self, folder: str) -> FolderState:
        return self._opened(folder, readonly=True)[0]

    def _opened(self, folder: str, *, readonly: bool) -> tuple[FolderState, dict[bytes, Any]]:
        """The folder's state, and all that the server told of it."""
        if not folder or any(ord(c) < 32 or ord(c) == 127 for c in folder):
            raise FolderRefused(f"{self._where}: the folder name {folder!r} is empty or holds a control character")
        with self._session() as client:
            self._folder = None
            told = self._selected(client, folder, readonly=readonly)
            validity, uidnext = told.get(b"UIDVALIDITY"), told.get(b"UIDNEXT")
            if not isinstance(validity, int):
                raise FolderRefused(
                    f"{self._where}: folder {folder!r} has no UIDVALIDITY, so reading it cannot be resumed"
                )
            self._folder = FolderState(folder, validity, uidnext)
            self._known |= {"folder": folder, "uidvalidity": validity, "messages": told.get(b"EXISTS", 0)}
            self._known |= {"uidnext": uidnext} if uidnext is not None else {}
            return self._folder, told

    def _selected(self, client: Any, folder: str, *, readonly: bool) -> dict[bytes, Any]:
        try:
            told: dict[bytes, Any] = client.select_folder(folder, readonly=readonly)
        except imaplib.IMAP4.readonly:
            raise FolderRefused(f"{self._where}: folder {folder!r} is read-only for this user") from None
        except imaplib.IMAP4.error as e:
            code = response_code(e)
            if not str(e).startswith("select failed:") or code in TEMPORARY:
                raise
            raise FolderRefused(
                f"{self._where}: folder {folder!r} cannot be opened{f' [{code}]' if code else ''}; "
                "check its name and that this user may read it"
            ) from None
        return told

    def uids_after(self, uid: int, since: date | None = None) -> tuple[int, ...]:
        """As the port says. A server compares days in its own time zone: mail of the day before `since` may be among it."""
        if uid >= 2**32 - 1:  # RFC 3501, 9: a UID has 32 bits
            return ()
        criteria: list[str | date] = ["UID", f"{int(uid) + 1}:*"]
        if since is not None:
            criteria += ["SINCE", date(since.year, since.month, since.day) - timedelta(days=1)]
        with self._examined() as (client, _):
            # `n:*` names the last mail too where all are below n (RFC 3501, 6.4.8).
            return tuple(sorted({u for u in client.search(criteria) if u > uid}))

    def fetch(self, uids: Sequence[int]) -> Iterator[tuple[RawMessage, ...]]:
        if any(type(u) is not int or not 0 < u < 2**32 for u in uids):
            raise TypeError("UIDs are integers as uids_after gave them")
        return self._batches(sorted(set(uids)))

    def _batches(self, uids: Sequence[int]) -> Iterator[tuple[RawMessage, ...]]:
        for start in range(0, len(uids), self._batch_messages):
            listed = self._listed(uids[start : start + self._batch_messages])
            for batch in in_batches(listed, most=self._batch_bytes, cap=self._cap, prefix=self._prefix):
                if messages := self._bodies(batch):
                    yield messages

    def _listed(self, uids: Sequence[int]) -> list[Listed]:
        with self._examined() as (client, _):
            told = client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
            # A server that does not tell the size may still give the body: what is gone is settled there.
            return [Listed(u, told[u].get(b"RFC822.SIZE") or 0, self._received(told[u])) for u in uids if u in told]

    def _received(self, told: dict[bytes, Any]) -> datetime:
        at = told.get(b"INTERNALDATE")
        try:
            return at.astimezone(UTC) if isinstance(at, datetime) and at.tzinfo else self._now()
        except OverflowError:  # the year 1 or 9999, at the wrong side of UTC
            return self._now()

    def _bodies(self, batch: Sequence[Listed]) -> tuple[RawMessage, ...]:
        truncated = batch[0].size > self._cap
        ask, key = (f"BODY.PEEK[]<0.{self._prefix}>", b"BODY[]<0>") if truncated else ("BODY.PEEK[]", b"BODY[]")
        messages: list[RawMessage] = []
        with self._examined() as (client, folder):
            told = client.fetch([m.uid for m in batch], [ask])
            for mail in batch:
                raw = told.get(mail.uid, {}).get(key)
                if raw is None:  # gone since it was listed
                    continue
                if not isinstance(raw, bytes):
                    raise TypeError("a body that is no string")
                messages.append(
                    RawMessage(
                        folder=folder.folder,
                        uidvalidity=folder.uidvalidity,
                        uid=mail.uid,
                        size=mail.size if truncated else len(raw),
                        received_at=mail.received_at,
                        raw=raw,
                        truncated=truncated,
                    )
                )
        return tuple(messages)

    # ------------------------------------------------------------------------------------------ waiting

    def wait(self, seconds: float) -> bool:
        end = self._monotonic() + seconds
        early = 0
        while (left := end - self._monotonic()) > 0:
            spell, began = min(left, self._renew_every), self._monotonic()
            with self._examined(spell + self._deadline) as (client, _):
                if self._idle(client, spell):
                    return True
                early += self._monotonic() - began < 0.9 * spell
                if early > EARLY:
                    raise imaplib.IMAP4.abort("IDLE ends early")
        return False

    def _idle(self, client: Any, seconds: float) -> bool:
        """One IDLE; True where mail may have come. NOOP first: an answer that waits would be taken for IDLE's own."""
        if _arrived(client.noop()[1]):
            return True
        client.idle()
        end = self._monotonic() + seconds
        arrived = False
        while not arrived and (left := end - self._monotonic()) > 0:
            answers = client.idle_check(timeout=left)
            arrived = _arrived(answers)
            if not answers:
                break  # time is up; or half a TLS record came; or the line is dead: DONE tells, it fails on a dead one
        return _arrived(client.idle_done()[1]) or arrived


def _arrived(answers: Sequence[tuple[Any, ...]]) -> bool:
    """Whether these answers tell of new mail. A BYE among them ends the session."""
    for answer in answers:
        if answer[0] == b"BYE":
            raise imaplib.IMAP4.abort(f"BYE {answer[1:]}")  # its response code is told, nothing else of it
    return any(len(a) > 1 and a[1] in (b"EXISTS", b"RECENT") for a in answers)
