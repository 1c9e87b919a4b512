"""One session with an account: its commands each bounded in time, its end told in our words, closed from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bot.mail.access import Access, Client
from bot.mail.connection import Switch
from bot.mail.faults import FAULTS, asks_for_less, fault
from bot.ports import FolderState
from classifiers.errors import FolderRefused, LoginRefused, MailboxError, Throttled

CLOSING = 3.0
"""Seconds that a farewell may take."""


class Session:
    """Every kind of mailbox is one. `deadline` bounds one operation in seconds, whatever trickles in.

    `close` may be called from another thread; a command or a wait in hand then ends with MailboxError.
    """

    def __init__(self, access: Access, *, deadline: float, literal: int) -> None:
        self._access, self._where = access, access.where
        self._deadline, self._literal = deadline, literal
        self._switch = Switch()
        self._speaking = threading.Lock()
        self._client: Client | None = None
        self._can_idle = False
        self._folder: FolderState | None = None
        self._known: dict[str, str | int | bool] = {"host": access.host, "port": access.port}

    def connect(self) -> None:
        """Connects, verifies and logs in. LoginRefused only where the server refuses these credentials."""
        secret = self._access.secret()
        try:
            self._connect(secret)
        except LoginRefused:
            another = self._access.another(secret)
            if another is None:
                raise
            self._connect(another)

    def _connect(self, secret: str) -> None:
        with self._speaks():
            assert self._client is None, "a mailbox is connected once"
            client = self._client = self._access.line(self._switch, self._literal)
            self._known["tls"] = self._access.secure(client)
            self._access.log_in(client, secret)
            self._known["login"] = self._access.mechanism
            self._can_idle = bool(client.has_capability("IDLE"))
            self._known["idle"] = self._can_idle

    @property
    def can_idle(self) -> bool:
        return self._can_idle

    def describe(self) -> dict[str, str | int | bool]:
        """What was learnt: host, port, tls, idle; and of the folder last examined folder, uidvalidity, uidnext, messages."""
        return dict(self._known)

    def close(self) -> None:
        if not self._speaking.acquire(blocking=False):
            self._switch.cut("closed")  # the thread that speaks clears up
            return
        try:
            if self._client is not None and not self._switch.why:
                # A farewell that fails loses nothing: we only ever read.
                with suppress(*FAULTS), self._switch.within(CLOSING):
                    self._client.logout()
            self._drop()
        finally:
            self._speaking.release()

    # ------------------------------------------------------------------------------------------ for one operation

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """The client. After any failure but a folder's the session is over."""
        with self._speaks():
            yield self._at_work()

    @contextmanager
    def _examined(self, seconds: float | None = None) -> Iterator[tuple[Any, FolderState]]:
        """The client, and the folder that was examined."""
        with self._speaks(seconds):
            client = self._at_work()
            assert self._folder is not None, "examine comes first"
            yield client, self._folder

    def _at_work(self) -> Client:
        if self._client is None:
            raise MailboxError(f"{self._where}: the session is over; open another")
        return self._client

    @contextmanager
    def _speaks(self, seconds: float | None = None) -> Iterator[None]:
        """One thread at a time, within its time, and foreign errors told as ours."""
        with self._speaking:
            try:
                with self._switch.within(self._deadline if seconds is None else seconds):
                    yield
            except FolderRefused:
                raise
            except MailboxError:
                self._drop()
                raise
            except FAULTS as e:
                told = fault(e, self._switch.why, connected="idle" in self._known)
                kind = Throttled if asks_for_less(e) and not self._switch.why else MailboxError
                self._drop()
                # Not chained: the text of a foreign exception may hold what the server sent, and that may be mail.
                raise kind(f"{self._where}: {told}") from None

    def _drop(self) -> None:
        client, self._client, self._folder = self._client, None, None
        if client is not None:
            with suppress(*FAULTS):  # already broken: it only has to be let go
                client.shutdown()
        self._switch.release()
