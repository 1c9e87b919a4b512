"""The door to IMAP: one session with one account, read-only but in what `drafts` and `filing` make of it.

Commands hold integers and what the configuration says, nothing else: a decoded header with a line end in it would be
carried out by the server (mjs/imapclient#657). Folders are opened by EXAMINE and bodies read by PEEK, so no flag changes.
"""

from __future__ import annotations

import imaplib
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout

from bot.clock import now
from bot.mail.batches import Listed, in_batches
from bot.mail.connection import Connection, Switch, trust
from bot.mail.faults import FAULTS, TEMPORARY, asks_for_less, fault, response_code
from bot.mail.login import Mechanism, log_in
from bot.mail.tokens import Tokens
from bot.ports import FolderState, RawMessage
from classifiers.errors import FolderRefused, LoginRefused, MailboxError, StoreError, Throttled, UserError

Tls = Literal["implicit", "starttls", "none"]

PREFIX = 262_144
"""Bytes that are read of a mail over the cap: its headers and the first of its text."""

CLOSING = 3.0
"""Seconds that a farewell may take."""

EARLY = 3
"""IDLEs of one wait that may end before their time on a line that still answers; imapclient does not tell why they do."""


class ImapMailbox:
    """bot.ports.Mailbox over IMAP4rev1.

    `password` may be a callable: then it is asked at each connect. With `tokens`, access tokens log in. `deadline` bounds
    one operation in seconds, whatever trickles in; `connect_timeout` and `read_timeout` bound silence. Of a mail over `cap`
    bytes only the first part is read. `close` may be called from another thread; a command or a wait in hand then ends with MailboxError.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: Tls,
        user: str,
        password: str | Callable[[], str] = "",
        tokens: Tokens | None = None,
        mechanism: Mechanism = "password",
        ca_file: Path | None = None,
        connect_timeout: float = 15.0,
        read_timeout: float = 60.0,
        deadline: float = 300.0,
        cap: int = 40_000_000,
        batch_messages: int = 100,
        batch_bytes: int = 8_000_000,
        renew_every: float = 240.0,  # seconds; servers and NATs drop an IDLE that is silent for 8 to 10 minutes
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = now,
    ) -> None:
        if tls == "none" and not _loopback(host):
            raise UserError(f'tls = "none" is for loopback only, and {host} is not; use "implicit" or "starttls"')
        self._where = f"{host}:{port}"
        self._host, self._port, self._tls, self._ca_file = host, port, tls, ca_file
        self._user, self._password, self._tokens, self._mechanism = user, password, tokens, mechanism
        self._connect_timeout, self._read_timeout, self._deadline = connect_timeout, read_timeout, deadline
        self._cap, self._prefix = cap, min(cap, PREFIX)
        self._batch_messages, self._batch_bytes, self._renew_every = batch_messages, batch_bytes, renew_every
        self._monotonic, self._now = monotonic, now
        self._switch = Switch()
        self._speaking = threading.Lock()
        self._client: _Client | None = None
        self._can_idle = False
        self._folder: FolderState | None = None
        self._known: dict[str, str | int | bool] = {"host": host, "port": port}

    # ------------------------------------------------------------------------------------------ the session

    def connect(self) -> None:
        """Connects, verifies and logs in. LoginRefused only where the server refuses these credentials.

        An access token that was used before may have been revoked: once it is tried with a new one.
        """
        secret = self._secret()
        try:
            self._connect(secret)
        except LoginRefused:
            if self._tokens is None or not self._tokens.spoil(secret):
                raise
            self._connect(self._secret())

    def _connect(self, secret: str) -> None:
        with self._session() as (client, _):
            assert client is None, "a mailbox is connected once"
            self._client = self._open()
            self._known["tls"] = _tls_version(self._client)
            log_in(self._client, self._mechanism, where=self._where, user=self._user, secret=secret)
            self._known["login"] = self._mechanism
            self._can_idle = bool(self._client.has_capability("IDLE"))
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

    @contextmanager
    def _session(self, seconds: float | None = None) -> Iterator[tuple[Any, FolderState | None]]:
        """The client and the examined folder, for one operation. After any failure but a folder's the session is over."""
        with self._speaking:
            try:
                with self._switch.within(self._deadline if seconds is None else seconds):
                    yield self._client, self._folder
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

    @contextmanager
    def _examined(self, seconds: float | None = None) -> Iterator[tuple[Any, FolderState]]:
        with self._session(seconds) as (client, folder):
            if client is None:
                raise MailboxError(f"{self._where}: the session is over; open another")
            assert folder is not None, "examine comes first"
            yield client, folder

    def _drop(self) -> None:
        client, self._client, self._folder = self._client, None, None
        if client is not None:
            with suppress(*FAULTS):  # already broken: it only has to be let go
                client.shutdown()
        self._switch.release()

    def _open(self) -> _Client:
        context = None if self._tls == "none" else self._trust()
        connection = partial(
            Connection,
            self._host,
            self._port,
            context=context if self._tls == "implicit" else None,
            timeout=self._connect_timeout,
            switch=self._switch,
            literal=2 * self._cap + 1_000_000,
        )
        timeout = SocketTimeout(self._connect_timeout, self._read_timeout)
        self._client = client = _Client(connection, self._host, self._port, timeout)
        if self._tls == "starttls":
            client.starttls(context)
        return client

    def _trust(self) -> ssl.SSLContext:
        try:
            return trust(self._ca_file)
        except OSError as e:  # ssl.SSLError is one
            raise MailboxError(
                f"{self._where}: ca_file {self._ca_file} holds no certificates that can be read ({type(e).__name__})"
            ) from None

    def _secret(self) -> str:
        """What to log in with, as it stands now."""
        try:
            if self._tokens is not None:
                return self._tokens.token()
            secret = self._password if isinstance(self._password, str) else self._password()
        except (UserError, OSError) as e:
            raise LoginRefused(f"{self._where}: there is nothing to log in with: {e}") from None
        except StoreError as e:
            raise MailboxError(f"{self._where}: {e}") from None
        if any(c in "\0\r\n" for c in self._user + secret):
            raise LoginRefused(f"{self._where}: user or password holds a line end or NUL; mend the configuration")
        return secret

    # ------------------------------------------------------------------------------------------ reading

    def examine(self, folder: str) -> FolderState:
        return self._opened(folder, readonly=True)[0]

    def _opened(self, folder: str, *, readonly: bool) -> tuple[FolderState, dict[bytes, Any]]:
        """The folder's state, and all that the server told of it."""
        if not folder or any(ord(c) < 32 or ord(c) == 127 for c in folder):
            raise FolderRefused(f"{self._where}: the folder name {folder!r} is empty or holds a control character")
        with self._session() as (client, _):
            if client is None:
                raise MailboxError(f"{self._where}: the session is over; open another")
            self._folder = None
            try:
                told = client.select_folder(folder, readonly=readonly)
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
            if not isinstance(told.get(b"UIDVALIDITY"), int):
                raise FolderRefused(
                    f"{self._where}: folder {folder!r} has no UIDVALIDITY, so reading it cannot be resumed"
                )
            uidnext = told.get(b"UIDNEXT")
            self._folder = FolderState(folder, told[b"UIDVALIDITY"], uidnext)
            self._known |= {"folder": folder, "uidvalidity": told[b"UIDVALIDITY"], "messages": told.get(b"EXISTS", 0)}
            self._known |= {"uidnext": uidnext} if uidnext is not None else {}
            return self._folder, told

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


class _Client(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """IMAPClient over a connection of ours, saying nothing of what it reads."""

    def __init__(self, connection: Callable[[], Connection], host: str, port: int, timeout: SocketTimeout) -> None:
        self._connection = connection
        _quiet()
        super().__init__(host, port, ssl=False, timeout=timeout)  # where TLS is implicit, the connection sees to it
        self.normalise_times = False  # else naive local times
        # IMAPClient sets 5, at which imaplib formats every body it reads, to be logged or thrown away.
        self._imap.debug = 0

    def _create_IMAP4(self) -> Connection:  # noqa: N802 - IMAPClient's name
        return self._connection()


def _quiet() -> None:
    """At DEBUG imapclient logs what it reads. Whatever level was set for all, these stay at WARNING or above."""
    for name in ("imapclient", "imapclient.imapclient", "imapclient.imaplib", "imapclient.response_parser"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


def _arrived(answers: Sequence[tuple[Any, ...]]) -> bool:
    """Whether these answers tell of new mail. A BYE among them ends the session."""
    for answer in answers:
        if answer[0] == b"BYE":
            raise imaplib.IMAP4.abort(f"BYE {answer[1:]}")  # its response code is told, nothing else of it
    return any(len(a) > 1 and a[1] in (b"EXISTS", b"RECENT") for a in answers)


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls_version(client: Any) -> str:
    sock = client.socket()
    return (sock.version() or "none") if isinstance(sock, ssl.SSLSocket) else "none"
