"""Dovecot behind a line that misbehaves on cue, and the bot's own reader at its end."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from dovecot import Dovecot
from proxy import Proxy
from sessions import session
from test_triage import Instant

from bot.clock import now, steady
from bot.mail.imap import ImapMailbox
from bot.reading import AccountReader
from bot.routing import Routes
from bot.store import Store
from bot.triage import Reading, Triage


def mail(n: int) -> bytes:
    return b"From: a@sender.example\r\nSubject: %d\r\n\r\nmail number %d\r\n" % (n, n)


def mailbox(server: Dovecot, line: Proxy, **more: Any) -> ImapMailbox:
    """By the plain port, so that the line sees what is said."""
    settings: dict[str, Any] = {"read_timeout": 2.0, "deadline": 20.0}
    return session(server, host="127.0.0.1", port=line.port, tls="none", **(settings | more))


def opened(server: Dovecot, line: Proxy, **more: Any) -> ImapMailbox:
    box = mailbox(server, line, **more)
    box.connect()
    return box


def reader(server: Dovecot, line: Proxy, store: Store, *folders: str, **more: Any) -> AccountReader:
    """The bot's own reader; after a failure it waits no longer than a moment."""
    it = AccountReader(
        Triage(store=store, worker=Instant(), routes=Routes(channel="C1"), now=now),
        Reading(account="a", folders=folders or ("INBOX",), junk=frozenset(), start=timedelta(days=9)),
        lambda: mailbox(server, line, **more),
        every=timedelta(),
        say=lambda *_: None,
        now=now,
        steady=steady,
        jitter=random.Random(1),
    )
    it._wait = lambda *_: timedelta()  # type: ignore[method-assign]
    return it


def kept(store: Store) -> int:
    return store.counts()["reports"]
