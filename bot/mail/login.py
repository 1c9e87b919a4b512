"""Logging in: by password, or by an access token. What is said here goes into a command and nowhere else."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Callable
from typing import Any, Literal

from bot.mail.faults import refuses_login, said_at_login
from classifiers.errors import LoginRefused

Mechanism = Literal["password", "XOAUTH2", "OAUTHBEARER"]

_ATOM = re.compile(r"[A-Za-z0-9._@+=/-]{1,200}")


def log_in(client: Any, mechanism: Mechanism, *, where: str, user: str, secret: str) -> None:
    """Logs a fresh session in. Raises LoginRefused where the server refuses these credentials, else what imaplib raises."""
    if mechanism == "password":
        say, hint = _by_password(client, where, user, secret), "Check user and password; many providers want an app password"  # fmt: skip
    else:
        say, hint = _by_token(client, mechanism, where, user, secret), "Check user and scope, and that this application may read the mailbox"  # fmt: skip
    try:
        say()
    except imaplib.IMAP4.error as e:
        if refuses_login(e):
            raise LoginRefused(
                f"{where}: the server refused the login of {user}{said_at_login(e, secret)}. {hint}"
            ) from None
        raise (e.__context__ or e) from None


def _by_password(client: Any, where: str, user: str, password: str) -> Callable[[], object]:
    if client.has_capability("AUTH=PLAIN"):
        return lambda: client.plain_login(user, password)  # UTF-8 and any character; LOGIN is ASCII (RFC 4616)
    if _ATOM.fullmatch(user) and password.isascii():
        return lambda: client.login(user, password)
    raise LoginRefused(f"{where}: without AUTH=PLAIN only plain ASCII user names and passwords work")


def _by_token(client: Any, mechanism: str, where: str, user: str, token: str) -> Callable[[], object]:
    if not client.has_capability(f"AUTH={mechanism}"):
        raise LoginRefused(f"{where}: the server takes no {mechanism}; check host, and oauth.mechanism")
    if any(ord(c) < 32 for c in user + token) or not token.isascii():
        raise LoginRefused(f"{where}: user or access token holds a control character; mend the configuration")
    said = _Said(mechanism, user, token)
    return lambda: client.sasl_login(mechanism, said)


class _Said:
    """What is said to each challenge: the token to the first; to a refusal, which comes as a challenge, that it was heard."""

    def __init__(self, mechanism: str, user: str, token: str) -> None:
        if mechanism == "XOAUTH2":
            self._first, self._heard = f"user={user}\1auth=Bearer {token}\1\1", b""
        else:
            name = user.replace("=", "=3D").replace(",", "=2C")
            self._first, self._heard = f"n,a={name},\1auth=Bearer {token}\1\1", b"\1"  # RFC 7628, 3.1 and 3.2.3
        self._begun = False

    def __call__(self, _challenge: bytes) -> bytes:
        if self._begun:
            return self._heard
        self._begun = True
        return self._first.encode()
