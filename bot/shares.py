"""Who does what where several copies of the bot work on one database: each holds some mailboxes, one keeps house.

What a copy holds it renews long before its lease is over. One that dies or hangs renews nothing, so that the others take
its work over when the lease is over. By a clock that nobody sets a copy that was stopped knows at once that it holds
nothing any more. A copy that goes on a moment longer does no harm: mails are known by their keys, a second verdict is
not recorded, and notices are claimed one by one.
"""

from __future__ import annotations

import math
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.store import Store

HOUSE = "house"  # the lease of what one copy does for all: digest, purge, training, drafts
MAILBOX, COPY = "mailbox:", "copy:"
ALONE = "alone"  # the name of the only copy: after a crash it is the same again


class Work(Protocol):
    """What of all the work is this copy's."""

    @property
    def name(self) -> str: ...
    @property
    def keeps_house(self) -> bool: ...
    def reads(self, account: str) -> bool: ...
    def renew(self) -> None: ...
    def end(self) -> None: ...


class All:
    """Of a copy that is alone: everything."""

    name = ALONE
    keeps_house = True

    def reads(self, account: str) -> bool:  # noqa: ARG002 - whichever it is
        return True

    def renew(self) -> None:
        """There is nothing to renew."""

    def end(self) -> None:
        """There is nothing to give back."""


class Share:
    """Of one copy among several. One thread at a time calls `renew`; it has to be often, within `lasting`."""

    def __init__(
        self,
        store: Store,
        accounts: Sequence[str],
        *,
        lasting: timedelta,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        name: str = "",
    ) -> None:
        self.name = name or f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store, self._accounts = store, accounts
        self._lasting, self._now, self._monotonic = lasting, now, monotonic
        self._until: dict[str, float] = {}  # by our own clock

    @property
    def keeps_house(self) -> bool:
        return self._holds(HOUSE)

    def reads(self, account: str) -> bool:
        return self._holds(MAILBOX + account)

    def renew(self) -> None:
        """Renews what this copy holds, takes what is free up to its share, gives back what is more. Raises StoreError."""
        self._take(COPY + self.name)
        copies = max(1, len(self._store.leased(COPY, self._now())))
        most = math.ceil(len(self._accounts) / copies)
        held = 0
        for name in sorted((MAILBOX + a for a in self._accounts), key=lambda n: not self._holds(n)):
            if held < most:
                held += self._take(name)
            elif self._holds(name):
                self._give_back(name)
        self._take(HOUSE)

    def end(self) -> None:
        """Gives everything back, so that the others need not wait. Raises StoreError."""
        for name in tuple(self._until):
            self._give_back(name)

    def _holds(self, name: str) -> bool:
        return self._monotonic() < self._until.get(name, 0.0)

    def _take(self, name: str) -> bool:
        began, at = self._monotonic(), self._now()
        if not self._store.take(name, self.name, at, at + self._lasting):
            self._until.pop(name, None)
            return False
        self._until[name] = began + self._lasting.total_seconds()
        return True

    def _give_back(self, name: str) -> None:
        self._until.pop(name, None)
        self._store.give_back(name, self.name)
