"""Access tokens for a mailbox: read where somebody else keeps them, or asked of a token endpoint and kept until they expire."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from bot.mail.connection import trust
from bot.mail.faults import fault
from classifiers.errors import LoginRefused, MailboxError, Throttled

ANSWER = 64 * 1024  # bytes; a token is a few kB
SHORT = timedelta(minutes=5)  # how long a token is taken to be good whose endpoint does not say
EARLY = timedelta(minutes=1)  # before it expires a token is not used any more

Post = Callable[[str, dict[str, str]], tuple[int, bytes]]
"""Posts a form to a URL: HTTP status and body. Raises what _FAULTS holds."""

Held = Callable[[str], AbstractContextManager["RefreshToken"]]
"""The refresh token that is good now, in place of the one configured; nobody else uses it meanwhile."""

_FAULTS = (OSError, http.client.HTTPException)
_HELP = {
    "invalid_grant": "the refresh token was used up, revoked or has expired: consent again and replace it",
    "invalid_client": "check client_id and client_secret; secrets expire",
    "unauthorized_client": "check client_id, and that this application may do so without a user",
    "invalid_scope": "check scope",
    "access_denied": "an administrator must consent",
}


class Tokens(Protocol):
    """Whoever gives access tokens. Thread-safe."""

    def token(self) -> str:
        """One that should be good. Raises LoginRefused where there will be none, MailboxError where there is none now."""
        ...

    def spoil(self, token: str) -> bool:
        """The server refused this one; whether another may be had by asking at once."""
        ...


class RefreshToken(Protocol):
    """A refresh token in use."""

    value: str

    def replace(self, value: str) -> None:
        """The endpoint gave another one in its place."""
        ...


@dataclass(frozen=True, slots=True)
class ReadTokens:
    """Read anew at each login: a command, or a file that another program renews."""

    read: Callable[[], str]

    def token(self) -> str:
        return self.read()

    def spoil(self, token: str) -> bool:  # noqa: ARG002 - the next reading may well give the same
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is asked of a token endpoint (RFC 6749: 4.4 client credentials, 6 refreshing)."""

    url: str
    client_id: str
    scope: str = ""
    client_secret: Callable[[], str] | None = None
    refresh_token: Callable[[], str] | None = None  # None: client credentials


class GrantedTokens:
    """Asked of a token endpoint; each is used until shortly before it expires, or until the server refuses it."""

    def __init__(self, grant: Grant, post: Post, *, held: Held, steady: Callable[[], datetime]) -> None:
        self._grant, self._post, self._held, self._steady = grant, post, held, steady
        self._lock = threading.Lock()
        self._token, self._good_until, self._uses = "", steady(), 0
        self._where = f"the token endpoint {urllib.parse.urlsplit(grant.url).hostname}"

    def token(self) -> str:
        with self._lock:
            if not self._token or self._steady() >= self._good_until:
                self._token, lives = self._ask()
                self._good_until, self._uses = self._steady() + max(lives - EARLY, lives / 2), 0
            self._uses += 1
            return self._token

    def spoil(self, token: str) -> bool:
        with self._lock:
            if token != self._token:
                return True  # somebody else has another one already
            self._token = ""
            return self._uses > 1

    def _ask(self) -> tuple[str, timedelta]:
        grant = self._grant
        form = {"client_id": grant.client_id} | ({"scope": grant.scope} if grant.scope else {})
        if grant.client_secret is not None:
            form["client_secret"] = grant.client_secret()
        if grant.refresh_token is None:
            return _granted(self._answer(form | {"grant_type": "client_credentials"}), self._where)
        with self._held(grant.refresh_token()) as refresh:
            answer = self._answer(form | {"grant_type": "refresh_token", "refresh_token": refresh.value})
            another = answer.get("refresh_token")
            if isinstance(another, str) and another and another != refresh.value:
                refresh.replace(another)  # before the access token is used: with it the old one may be void
            return _granted(answer, self._where)

    def _answer(self, form: dict[str, str]) -> dict[str, Any]:
        try:
            status, body = self._post(self._grant.url, form)
        except _FAULTS as e:
            raise MailboxError(f"{self._where}: {_why(e)}") from None
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        raise self._refusal(status, answer if isinstance(answer, dict) else {})

    def _refusal(self, status: int, answer: dict[str, Any]) -> MailboxError:
        """What it means that there is no token. Its own words may quote what we sent, so only its code is told."""
        code = str(answer.get("error", ""))
        code = code if code.isascii() and code.replace("_", "").isalnum() and len(code) < 60 else ""
        if status == 429 or code == "slow_down":
            return Throttled(f"{self._where} asks for less (HTTP {status}); trying again later")
        if status in {400, 401, 403} and code and code != "temporarily_unavailable":
            return LoginRefused(f"{self._where} refused: {code}. {_HELP.get(code, 'Check [accounts.oauth]')}")
        return MailboxError(f"{self._where} gave no token (HTTP {status}{f', {code}' if code else ''}); trying again")


def _granted(answer: dict[str, Any], where: str) -> tuple[str, timedelta]:
    token, lives = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not 0 < len(token) < ANSWER:
        raise MailboxError(f"{where} answered without an access token")
    try:
        seconds = float(lives) if lives is not None else SHORT.total_seconds()
    except (TypeError, ValueError):
        seconds = SHORT.total_seconds()
    return token, timedelta(seconds=min(max(seconds, 0.0), 86_400.0))


def _why(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    return fault(error, "", connected=False) if isinstance(error, OSError) else "it answered no HTTP; check token_url"


# ------------------------------------------------------------------------------------------------ the line to it


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Secrets go where the configuration says, and nowhere else."""


def poster(timeout: float, ca_file: Path | None) -> Post:
    """Posts over HTTPS, certificates verified; a proxy of the environment is used, where NO_PROXY does not except the host."""

    def post(url: str, form: dict[str, str]) -> tuple[int, bytes]:
        encrypted = urllib.request.HTTPSHandler(context=_trusted(ca_file))
        opener = urllib.request.build_opener(_NoRedirects, encrypted)
        request = urllib.request.Request(  # noqa: S310 - the settings take https, or loopback
            url, urllib.parse.urlencode(form).encode("ascii"), {"Accept": "application/json"}
        )
        try:
            with opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.read(ANSWER)
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read(ANSWER)

    return post


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return trust(ca_file)
    except OSError as e:
        raise MailboxError(f"ca_file {ca_file} holds no certificates that can be read ({type(e).__name__})") from None
