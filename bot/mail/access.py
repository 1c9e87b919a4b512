"""The door to imapclient: where an account's mailbox is, what logs in there, and the line to it, opened and verified."""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from imapclient import IMAPClient, SocketTimeout

from bot.mail.connection import Connection, Switch, trust
from bot.mail.login import Mechanism, log_in
from bot.mail.tokens import Tokens
from classifiers.errors import LoginRefused, MailboxError, StoreError, UserError

Tls = Literal["implicit", "starttls", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one gets at a mailbox.

    `password` may be a callable: then it is asked at each login. With `tokens`, access tokens log in. `connect_timeout` and
    `read_timeout` bound silence, in seconds.
    """

    host: str
    port: int
    tls: Tls
    user: str
    password: str | Callable[[], str] = ""
    tokens: Tokens | None = None
    mechanism: Mechanism = "password"
    ca_file: Path | None = None
    connect_timeout: float = 15.0
    read_timeout: float = 60.0

    def __post_init__(self) -> None:
        if self.tls == "none" and not _loopback(self.host):
            raise UserError(f'tls = "none" is for loopback only, and {self.host} is not; use "implicit" or "starttls"')

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"

    def secret(self) -> str:
        """What to log in with, as it stands now."""
        try:
            if self.tokens is not None:
                return self.tokens.token()
            secret = self.password if isinstance(self.password, str) else self.password()
        except (UserError, OSError) as e:
            raise LoginRefused(f"{self.where}: there is nothing to log in with: {e}") from None
        except StoreError as e:
            raise MailboxError(f"{self.where}: {e}") from None
        if any(c in "\0\r\n" for c in self.user + secret):
            raise LoginRefused(f"{self.where}: user or password holds a line end or NUL; mend the configuration")
        return secret

    def another(self, spoilt: str) -> str | None:
        """What to log in with where that was refused, or None: an access token that was used before may have been revoked."""
        if self.tokens is None or not self.tokens.spoil(spoilt):
            return None
        return self.secret()

    def line(self, switch: Switch, literal: int) -> Client:
        """A client that is connected, over TLS unless it is to begin later, that takes no literal longer than this."""
        connection = partial(
            Connection,
            self.host,
            self.port,
            context=self._trust() if self.tls == "implicit" else None,
            timeout=self.connect_timeout,
            switch=switch,
            literal=literal,
        )
        return Client(connection, self.host, self.port, SocketTimeout(self.connect_timeout, self.read_timeout))

    def secure(self, client: Client) -> str:
        """Begins TLS where it begins now; the version that is spoken, or "none"."""
        if self.tls == "starttls":
            client.starttls(self._trust())
        sock = client.socket()
        return (sock.version() or "none") if isinstance(sock, ssl.SSLSocket) else "none"

    def log_in(self, client: Client, secret: str) -> None:
        log_in(client, self.mechanism, where=self.where, user=self.user, secret=secret)

    def _trust(self) -> ssl.SSLContext:
        try:
            return trust(self.ca_file)
        except OSError as e:  # ssl.SSLError is one
            raise MailboxError(
                f"{self.where}: ca_file {self.ca_file} holds no certificates that can be read ({type(e).__name__})"
            ) from None


class Client(IMAPClient):  # type: ignore[misc]  # imapclient has no types
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


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
