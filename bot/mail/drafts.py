"""Drafts laid into a mailbox, only where that is asked for. Nothing is sent."""

from __future__ import annotations

from datetime import datetime

from bot.mail.imap import ImapMailbox
from classifiers.errors import FolderRefused

_SPECIAL = b"\\Drafts"  # RFC 6154
_FLAGS = (b"\\Draft", b"\\Seen")


class DraftsMailbox(ImapMailbox):
    """A session that may lay drafts as well. Its commands hold what the configuration says and ids of our own, no word of a mail."""

    def drafts(self, named: str = "") -> str:
        """The folder for drafts: `named`, else the one that the server calls so, else one of a usual name."""
        if named:
            return named
        with self._session() as client:
            found = client.find_special_folder(_SPECIAL)
        if not isinstance(found, str):
            raise FolderRefused(f"{self._where}: there is no folder for drafts; name one in replies.folder")
        return found

    def holds(self, folder: str, message_id: str) -> bool:
        """Whether a mail with this id of ours lies there."""
        self.examine(folder)
        with self._examined() as (client, _):
            return bool(client.search(["HEADER", "Message-ID", message_id]))

    def lay(self, folder: str, raw: bytes, at: datetime) -> None:
        """Lays a draft there. Where the answer is lost nobody knows whether it lies there: ask `holds` before another."""
        with self._session() as client:
            client.append(folder, raw, _FLAGS, at)
