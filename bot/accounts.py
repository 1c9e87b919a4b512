"""The configured mailboxes: a session with each, in the ways that the settings name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.accountsettings import Account, OAuth
from bot.clock import steady
from bot.mail.access import Access
from bot.mail.imap import ImapMailbox
from bot.mail.tokens import Grant, GrantedTokens, ReadTokens, Tokens, poster
from bot.settings import Settings
from bot.store import refresh_token
from bot.triage import Reading

Box = TypeVar("Box", bound=ImapMailbox)


class Accounts:
    """Opens sessions. All sessions with an account share its access tokens: an endpoint is asked once for all."""

    def __init__(self, settings: Settings) -> None:
        self._cap = settings.limits.max_message
        folder = Path(settings.state.folder)
        self._tokens = {a.name: _tokens(a, a.oauth, folder) for a in settings.accounts if a.oauth}

    def mailbox(self, account: Account) -> ImapMailbox:
        return self.session(ImapMailbox, account)

    def session(self, kind: Callable[..., Box], account: Account) -> Box:
        """A session of that kind, not connected yet."""
        access = Access(
            host=account.host,
            port=account.port,
            tls=account.tls,
            user=account.user,
            password=account.password.read if account.password else "",
            tokens=self._tokens.get(account.name),
            mechanism=account.oauth.mechanism if account.oauth else "password",
            ca_file=_ca_file(account),
            connect_timeout=account.connect_timeout.total_seconds(),
            read_timeout=account.read_timeout.total_seconds(),
        )
        return kind(access, cap=self._cap)


def reading_of(account: Account) -> Reading:
    return Reading(account=account.name, folders=account.folders, junk=frozenset(account.junk), start=account.start)


def _ca_file(account: Account) -> Path | None:
    return Path(account.ca_file) if account.ca_file else None


def _tokens(account: Account, oauth: OAuth, folder: Path) -> Tokens:
    if oauth.token is not None:
        return ReadTokens(oauth.token.read)
    grant = Grant(
        url=oauth.token_url,
        client_id=oauth.client_id,
        scope=oauth.scope,
        client_secret=oauth.client_secret.read if oauth.client_secret else None,
        refresh_token=oauth.refresh_token.read if oauth.refresh_token else None,
    )
    post = poster(account.connect_timeout.total_seconds(), _ca_file(account))
    return GrantedTokens(grant, post, held=partial(refresh_token, folder, account.name), steady=steady)
