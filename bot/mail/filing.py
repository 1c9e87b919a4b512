"""What may be done in a mailbox with a mail that was judged, where that is wished: a keyword of ours, or another folder.

No flag of the mail is touched, \\Seen least of all; nothing is deleted, and a server without MOVE moves nothing.
"""

from __future__ import annotations

import imaplib
from collections.abc import Sequence
from typing import Any

from bot.mail.faults import TEMPORARY, response_code
from bot.mail.imap import ImapMailbox
from bot.ports import FolderState
from classifiers.errors import FolderRefused
from classifiers.terms import Disposition, report_key

KEYWORDS = {d: f"triage_{d.value}".encode("ascii") for d in Disposition}
LOOKED_AT = 500  # mails at most among which one is looked for


class FilingMailbox(ImapMailbox):
    """A session that may file as well. Its commands hold numbers, folders of the configuration and keywords of our own."""

    _flags: tuple[bytes, ...] = ()  # that stay, in the selected folder

    def select(self, folder: str) -> FolderState:
        """Opens a folder to change it. Raises FolderRefused where it is read-only."""
        state, told = self._opened(folder, readonly=False)
        self._flags = told.get(b"PERMANENTFLAGS", ())
        return state

    def mark(self, uid: int, disposition: Disposition) -> None:
        """Gives a mail of the selected folder our keyword for that, and takes our others. A mail that is gone stays gone."""
        keyword = KEYWORDS[disposition]
        self._keeps(keyword)
        with self._examined() as (client, _):
            client.remove_flags([uid], [k for k in KEYWORDS.values() if k != keyword], silent=True)
            client.add_flags([uid], [keyword], silent=True)

    def _keeps(self, keyword: bytes) -> None:
        if b"\\*" not in self._flags and keyword.lower() not in {bytes(f).lower() for f in self._flags}:
            raise FolderRefused(f"{self._where}: this server keeps no keywords of one's own; filing needs another mode")

    def _moves(self, client: Any) -> None:
        if not client.has_capability("MOVE"):
            raise FolderRefused(f"{self._where}: this server cannot move mail (no MOVE); filing needs another mode")

    def can_file(self, folder: str, mode: str, targets: Sequence[str]) -> None:
        """Raises FolderRefused where filing would be refused."""
        self.select(folder)
        if mode == "keywords":
            for keyword in KEYWORDS.values():
                self._keeps(keyword)
        else:
            with self._examined() as (client, _):
                self._moves(client)
            for target in targets:
                self.last_uid(target)

    def holds(self, uid: int) -> bool:
        """Whether the selected folder still holds this mail."""
        with self._examined() as (client, _):
            return uid in client.search(["UID", str(int(uid))])

    def last_uid(self, folder: str) -> int:
        """The highest UID that a mail of the folder may have; it is not opened."""
        with self._session() as client:
            try:
                told = client.folder_status(folder, ["UIDNEXT"])
            except imaplib.IMAP4.error as e:
                raise self._refused(e, folder) from None
        return int(told[b"UIDNEXT"]) - 1

    def move(self, uid: int, folder: str) -> None:
        """Moves a mail of the selected folder (RFC 6851). Where the answer is lost, nobody knows where it lies: `find` it."""
        with self._examined() as (client, _):
            self._moves(client)
            try:
                client.move([uid], folder)
            except imaplib.IMAP4.error as e:
                raise self._refused(e, folder) from None

    def find(self, folder: str, after: int, key: str) -> tuple[FolderState, int | None]:
        """The UID of a mail among those that came into a folder after that one, by its bytes; None where it is not there."""
        state = self.examine(folder)
        for batch in self.fetch(self.uids_after(after)[:LOOKED_AT]):
            for mail in batch:
                if report_key(mail.raw, size=mail.size, truncated=mail.truncated) == key:
                    return state, mail.uid
        return state, None

    def _refused(self, error: imaplib.IMAP4.error, folder: str) -> Exception:
        """What a NO means here: the folder, or for now; anything else is the session's end."""
        code = response_code(error)
        if isinstance(error, imaplib.IMAP4.abort) or " failed: " not in str(error) or code in TEMPORARY:
            return error
        return FolderRefused(
            f"{self._where}: nothing can be filed into {folder!r}{f' [{code}]' if code else ''}; "
            "check that it is there and that this user may write to it"
        )
