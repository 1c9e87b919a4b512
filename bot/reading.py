"""One account's reading, for as long as the bot runs: a session is opened, used until it breaks, and opened again.

A broken line is tried again for ever, with back-off and jitter; a refused login more slowly, so that no account is
locked. What changed is said once.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ports import Mailbox
from bot.triage import Reading, Triage
from classifiers.errors import FolderRefused, LoginRefused, MailboxError, StoreDamaged, StoreError

BROKEN = (timedelta(seconds=1), timedelta(minutes=5))
REFUSED = (timedelta(minutes=1), timedelta(hours=1))
IDLE_SLICE = 240.0  # seconds; servers and NATs drop an IDLE that is silent for 8 to 10 minutes

log = logging.getLogger("triage")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands: `trouble` is empty while it is well."""

    ever_logged_in: bool
    refused: bool
    trouble: str


class AccountReader:
    """Reads one account. `poll` may be called from several threads; one reads at a time."""

    def __init__(
        self,
        triage: Triage,
        reading: Reading,
        open_mailbox: Callable[[], Mailbox],
        *,
        every: timedelta,
        say: Callable[[str, str], None],
        now: Callable[[], datetime],
        jitter: random.Random,
    ) -> None:
        self.reading = reading
        self._triage = triage
        self._open = open_mailbox
        self._every = every
        self._say = say  # (sentence, key): a person is told once per key
        self._now = now
        self._jitter = jitter
        self._lock = threading.Lock()
        self._mailbox: Mailbox | None = None
        self._watching: Mailbox | None = None
        self._not_before: datetime | None = None  # after a failure
        self._due: datetime | None = None  # by the interval
        self._failures = 0
        self._standing = Standing(ever_logged_in=False, refused=False, trouble="")
        self._stopped = threading.Event()

    @property
    def standing(self) -> Standing:
        return self._standing

    def tick(self) -> int:
        """Polls if the interval, or the wait after a failure, is over."""
        now = self._now()
        if now < (self._not_before or self._due or now):
            return 0
        return self.poll()

    def poll(self) -> int:
        """Reads what is new, unless it is too early after a failure; how many reports.

        Raises nothing a server does; StoreDamaged where nothing may be read any more.
        """
        with self._lock:
            if self._stopped.is_set() or (self._not_before is not None and self._now() < self._not_before):
                return 0
            try:
                mailbox = self._session()
                new = self._triage.read(mailbox, self.reading)
            except FolderRefused as e:
                self._troubled(e)
                return 0
            except MailboxError as e:
                self._drop()
                self._troubled(e)
                return 0
            except StoreDamaged:
                raise
            except StoreError as e:  # a full disk, say: the cursor did not move, so the same mail is read again
                self._troubled(e)
                return 0
            self._well()
            return new

    def watch(self, arrived: Callable[[], None]) -> None:
        """IDLEs on the first folder, in a session of its own, until stopped; a hint only, polling goes on beside it.

        Returns at once where the server has no IDLE. Run it in a thread.
        """
        while not self._stopped.is_set():
            if not self._standing.ever_logged_in or self._standing.trouble:
                # The poll finds out, tells and backs off; one refused login at a time is enough.
                self._stopped.wait(0.25)
                continue
            try:
                if not self._watch_once(arrived):
                    return
            except MailboxError as e:
                log.info("idle.lost", extra={"account": self.reading.account, "error": type(e).__name__})
            if self._watching is not None:
                self._watching.close()
                self._watching = None
            self._stopped.wait(1 + 4 * self._jitter.random())

    def stop(self) -> None:
        """Ends reading and watching; a wait in hand breaks off."""
        self._stopped.set()
        if (watching := self._watching) is not None:
            watching.close()
        with self._lock:
            self._drop()

    def _watch_once(self, arrived: Callable[[], None]) -> bool:
        self._watching = mailbox = self._open()
        mailbox.connect()
        if not mailbox.can_idle:
            mailbox.close()
            self._watching = None
            return False
        mailbox.examine(self.reading.folders[0])
        arrived()  # what came between the last poll and now
        while not self._stopped.is_set():
            if mailbox.wait(IDLE_SLICE):
                arrived()
        return True

    def _session(self) -> Mailbox:
        if self._mailbox is None:
            mailbox = self._open()
            mailbox.connect()
            self._mailbox = mailbox
            self._standing = Standing(ever_logged_in=True, refused=False, trouble=self._standing.trouble)
            log.info("account.connected", extra={"account": self.reading.account, "idle": mailbox.can_idle})
        return self._mailbox

    def _drop(self) -> None:
        if self._mailbox is not None:
            self._mailbox.close()
            self._mailbox = None

    def _well(self) -> None:
        if self._standing.trouble:
            log.info("account.well", extra={"account": self.reading.account})
            if self._failures > 3:
                self._say(
                    f"Mailbox {self.reading.account} is read again.",
                    f"well:{self.reading.account}:{self._now().isoformat()}",
                )
        self._failures = 0
        self._not_before = None
        self._due = self._now() + self._every
        self._standing = Standing(ever_logged_in=True, refused=False, trouble="")

    def _troubled(self, error: MailboxError | StoreError) -> None:
        refused = isinstance(error, LoginRefused)
        first, most = REFUSED if refused else BROKEN
        wait = min(most, first * 2 ** min(self._failures, 12))
        self._not_before = self._now() + wait * (0.75 + 0.5 * self._jitter.random())
        self._failures += 1
        new = str(error) != self._standing.trouble
        self._standing = Standing(ever_logged_in=self._standing.ever_logged_in, refused=refused, trouble=str(error))
        if new:
            log.warning("account.trouble", extra={"account": self.reading.account, "what": str(error)})
        if refused and new and self._standing.ever_logged_in:
            self._say(
                f"Mailbox {self.reading.account} refuses the login; trying again at growing intervals. "
                "`triage doctor` says more.",
                f"refused:{self.reading.account}:{self._now().isoformat()}",
            )
