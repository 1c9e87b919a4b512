"""Sessions with a test's mail server."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from dovecot import Dovecot

from bot.mail.access import Access
from bot.mail.imap import ImapMailbox

Box = TypeVar("Box", bound=ImapMailbox)
_OF_ACCESS = frozenset(f.name for f in fields(Access))


def session(server: Dovecot, **settings: Any) -> ImapMailbox:
    """A mailbox over implicit TLS, unless the settings say otherwise; they are those of the access and of the mailbox alike."""
    return session_of(ImapMailbox, server, **settings)


def session_of(kind: type[Box], server: Dovecot, **settings: Any) -> Box:
    """The same of a kind that may do more."""
    access = {
        "host": "localhost", "port": server.tls_port, "tls": "implicit", "user": server.user, "password": server.password,
        "ca_file": server.ca_file, "connect_timeout": 5.0, "read_timeout": 5.0,
    }  # fmt: skip
    access |= {name: value for name, value in settings.items() if name in _OF_ACCESS}
    return kind(Access(**access), **{n: v for n, v in settings.items() if n not in _OF_ACCESS})
