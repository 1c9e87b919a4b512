"""What is wished of a mailbox: where it is, how to log in, what is read of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from bot.sections import Duration, Secret, Section, duration, loopback
from classifiers.terms import Disposition


def _start(value: object) -> timedelta | None:
    return None if value == "now" else duration(value)


class OAuth(Section):
    """How to come by an access token: it is read somewhere, or asked of a token endpoint."""

    mechanism: Literal["XOAUTH2", "OAUTHBEARER"] = "XOAUTH2"
    token: Secret | None = None
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    refresh_token: Secret | None = None  # None: the client's own credentials
    scope: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> OAuth:
        if (self.token is None) != bool(self.token_url):
            raise ValueError("needs token, which is an access token read at each login, or token_url, to ask for one")
        if self.token_url and not (self.client_id and (self.client_secret or self.refresh_token)):
            raise ValueError("token_url needs client_id, and with it refresh_token, client_secret, or both")
        return self

    @model_validator(mode="after")
    def _encrypted(self) -> OAuth:
        url = urlsplit(self.token_url)
        if (
            self.token_url
            and not (url.scheme == "https" and url.hostname)
            and not (url.scheme == "http" and loopback(url.hostname or ""))
        ):
            raise ValueError("token_url is no https:// address; one without TLS is for loopback only")
        return self


class Filing(Section):
    """How the mailbox shows what was decided: by keywords of ours, or by folders."""

    mode: Literal["keywords", "move"]
    folders: dict[Annotated[Disposition, Field(strict=False)], str] = Field(default={})

    @model_validator(mode="after")
    def _sound(self) -> Filing:
        if (self.mode == "move") != bool(self.folders):
            raise ValueError('mode = "move" needs folders by disposition, mode = "keywords" needs none')
        if any(c in folder for folder in self.folders.values() for c in "\0\r\n") or "" in self.folders.values():
            raise ValueError("a folder has no name, or a control character in it")
        return self


class Account(Section):
    """One mailbox that is read."""

    name: str = Field(default="security", pattern=r"^[A-Za-z0-9_.@-]{1,60}$")
    host: str
    port: int = Field(default=993, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str
    password: Secret | None = None
    oauth: OAuth | None = None
    filing: Filing | None = None  # None: the mailbox stays as it is
    folders: tuple[str, ...] = Field(default=("INBOX",), strict=False, min_length=1)
    junk: tuple[str, ...] = Field(default=("Junk", "Spam"), strict=False)
    ca_file: str | None = None
    start: Annotated[timedelta | None, BeforeValidator(_start)] = None
    poll_every: Duration = timedelta(seconds=60)
    connect_timeout: Duration = timedelta(seconds=15)
    read_timeout: Duration = timedelta(seconds=60)
    trusted_authserv: tuple[str, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _sound(self) -> Account:
        if any(c in folder for folder in self.folders for c in "\0\r\n"):
            raise ValueError("folders hold a control character")
        if self.tls == "none" and not loopback(self.host):
            raise ValueError('tls = "none" is for loopback only; use "implicit" or "starttls"')
        return self

    @model_validator(mode="after")
    def _one_login(self) -> Account:
        if (self.password is None) == (self.oauth is None):
            raise ValueError("needs one way to log in: password, or the table [accounts.oauth]")
        return self

    @property
    def secrets(self) -> dict[str, Secret]:
        """All that is read somewhere, by its setting."""
        found = {"password": self.password}
        if self.oauth is not None:
            own = self.oauth
            found |= {"oauth.token": own.token, "oauth.client_secret": own.client_secret, "oauth.refresh_token": own.refresh_token}  # fmt: skip
        return {name: secret for name, secret in found.items() if secret is not None}
