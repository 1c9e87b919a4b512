"""One account's reading, for as long as the bot runs: a session is opened, used until it breaks, and opened again.

A broken line is tried again for ever, with back-off and jitter; more slowly where the server asks for less, and where it
refuses the login, so that no account is locked. Waits are measured by a clock that nobody sets. What changed is said once.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.ports import Mailbox
from bot.triage import Reading, Triage
from classifiers.errors import FolderRefused, LoginRefused, MailboxError, StoreDamaged, StoreError, Throttled

BROKEN = (timedelta(seconds=1), timedelta(minutes=5))
BUSY = (timedelta(seconds=30), timedelta(minutes=15))
REFUSED = (timedelta(minutes=1), timedelta(hours=1))
LASTING = timedelta(minutes=1)  # an IDLE that lived less was evicted, and will be again
IDLE_SLICE = 240.0  # seconds; servers and NATs drop an IDLE that is silent for 8 to 10 minutes
LONG_AGO = datetime.min.replace(tzinfo=UTC)

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
        say: Callable[[str, str], object],
        now: Callable[[], datetime],
        steady: Callable[[], datetime],
        jitter: random.Random,
    ) -> None:
        self.reading = reading
        self._triage = triage
        self._open = open_mailbox
        self._every = every
        self._say = say  # (sentence, key): a person is told once per key
        self._now = now
        self._steady = steady
        self._jitter = jitter
        self._lock = threading.Lock()
        self._mailbox: Mailbox | None = None
        self._watching: Mailbox | None = None
        self._not_before = LONG_AGO  # after a failure
        self._due = LONG_AGO  # by the interval, or by the wait after a failure
        self._failures = 0
        self._standing = Standing(ever_logged_in=False, refused=False, trouble="")
        self._stopped = threading.Event()

    @property
    def standing(self) -> Standing:
        return self._standing

    @property
    def every(self) -> timedelta:
        return self._every

    def tick(self) -> int:
        """Polls if the interval, or the wait after a failure, is over."""
        return self.poll() if self._steady() >= self._due else 0

    def poll(self) -> int:
        """Reads what is new, unless it is too early after a failure; how many reports.

        Raises nothing a server does; StoreDamaged where nothing may be read any more.
        """
        with self._lock:
            if self._stopped.is_set() or self._steady() < self._not_before:
                return 0
            try:
                mailbox = self._session()
                new = self._triage.read(mailbox, self.reading, self._stopped.is_set)
            except FolderRefused as e:  # the others were read, and are as often as ever
                self._told(e)
                self._failures, self._due = 0, self._steady() + self._every
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
        lost, pace = 0, BROKEN  # in a row
        while not self._stopped.is_set():
            began = self._steady()
            if not self._standing.ever_logged_in or began < self._not_before:
                # The poll finds out, tells and backs off; one refused login at a time is enough.
                self._stopped.wait(0.25)
                continue
            try:
                if not self._watch_once(arrived):
                    return
            except MailboxError as e:
                pace = _pace_after(e)
                log.info("idle.lost", extra={"account": self.reading.account, "error": type(e).__name__})
            if self._watching is not None:
                self._watching.close()
                self._watching = None
            lost = lost + 1 if self._steady() - began < LASTING else 1
            self._stopped.wait(self._wait(pace, lost + 1).total_seconds())

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
        self._failures = 0
        self._not_before = LONG_AGO
        self._due = self._steady() + self._every
        self._standing = Standing(ever_logged_in=True, refused=False, trouble="")

    def _troubled(self, error: MailboxError | StoreError) -> None:
        self._not_before = self._due = self._steady() + self._wait(_pace_after(error), self._failures)
        self._failures += 1
        new = self._told(error)
        refused = self._standing.refused
        if refused and new and self._standing.ever_logged_in:
            self._say(
                f"Mailbox {self.reading.account} refuses the login; trying again at growing intervals. "
                "`triage doctor` says more.",
                f"refused:{self.reading.account}:{self._now().isoformat()}",
            )

    def _told(self, error: MailboxError | StoreError) -> bool:
        """Notes what is wrong; whether it is something else than before."""
        new = str(error) != self._standing.trouble
        ever, refused = self._standing.ever_logged_in, isinstance(error, LoginRefused)
        self._standing = Standing(ever_logged_in=ever, refused=refused, trouble=str(error))
        if new:
            log.warning("account.trouble", extra={"account": self.reading.account, "what": str(error)})
        return new

    def _wait(self, pace: tuple[timedelta, timedelta], failures: int) -> timedelta:
        """How long until the next attempt, after so many failures before this one."""
        first, most = pace
        wait: timedelta = min(most, first * 2 ** min(failures, 12))
        return wait * (0.75 + 0.5 * self._jitter.random())


def _pace_after(error: Exception) -> tuple[timedelta, timedelta]:
    """The first wait after this failure, and the longest."""
    if isinstance(error, LoginRefused):
        return REFUSED
    return BUSY if isinstance(error, Throttled) else BROKEN
