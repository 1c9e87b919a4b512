"""How an account is read for months: waits after failures, by a clock that nobody sets, and what people are told."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import ScriptedMailbox
from test_triage import Instant

from bot.clock import WallClock
from bot.ports import Mailbox
from bot.reading import AccountReader
from bot.routing import Routes
from bot.store import Store
from bot.triage import Reading, Triage
from classifiers.errors import LoginRefused, MailboxError, Throttled

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Time:
    """Two clocks: the one on the wall may be set."""

    def __init__(self) -> None:
        self.steady = self.wall = datetime(2026, 3, 1, tzinfo=UTC)

    def goes_on(self, by: timedelta) -> None:
        self.steady += by
        self.wall += by


class Account:
    """A reader of a scripted mailbox, and when it logged in."""

    def __init__(self, store: Store, box: ScriptedMailbox, *folders: str) -> None:
        self.time, self.box = Time(), box
        self.logins: list[datetime] = []
        self.told: list[str] = []
        reading = Reading(account="a", folders=folders or ("INBOX",), junk=frozenset(), start=timedelta(days=9))
        self.reader = AccountReader(
            Triage(store=store, worker=Instant(), routes=Routes(channel="C1"), now=lambda: self.time.wall),
            reading,
            self._open,
            every=MINUTE,
            say=lambda sentence, _key: self.told.append(sentence),
            now=lambda: self.time.wall,
            steady=lambda: self.time.steady,
            jitter=random.Random(1),
        )

    def _open(self) -> Mailbox:
        self.logins.append(self.time.steady)
        return self.box

    def runs_for(self, span: timedelta, step: timedelta = timedelta(seconds=1)) -> None:
        """As the daemon does: a tick each second."""
        for _ in range(span // step):
            self.reader.tick()
            self.time.goes_on(step)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: datetime(2026, 3, 1, tzinfo=UTC)) as it:
        yield it


def always(box: ScriptedMailbox, error: Callable[[], Exception]) -> None:
    """From now on every login fails so."""

    def connect() -> None:
        raise error()

    box.connect = connect  # type: ignore[method-assign]


def test_a_refused_login_locks_no_account(store: Store) -> None:
    """A minute after the first, an hour between the later ones: at most 32 in a day; people are told once."""
    refused = Account(store, ScriptedMailbox())
    refused.runs_for(MINUTE)
    refused.box.close()
    always(refused.box, lambda: LoginRefused("no"))
    before = len(refused.logins)
    refused.runs_for(DAY, timedelta(seconds=10))

    gaps = [b - a for a, b in zip(refused.logins[before:], refused.logins[before + 1 :], strict=False)]
    assert 20 <= len(gaps) + 1 <= 32
    assert gaps[0] >= timedelta(seconds=45)
    assert max(gaps) <= timedelta(minutes=80)
    assert [t for t in refused.told if "refuses the login" in t] == refused.told
    assert len(refused.told) == 1
    assert refused.reader.standing.refused


def test_a_server_that_asks_for_less_is_left_alone_for_longer(store: Store) -> None:
    """Half a minute after the first, a quarter of an hour later on; a broken line comes back sooner."""
    counted = {}
    for error in (Throttled, MailboxError):
        account = Account(store, ScriptedMailbox())
        always(account.box, lambda error=error: error("too many connections"))  # type: ignore[misc]
        account.runs_for(timedelta(minutes=10))
        counted[error] = account.logins

    assert len(counted[Throttled]) <= 6
    assert counted[Throttled][1] - counted[Throttled][0] >= timedelta(seconds=20)
    assert counted[MailboxError][1] - counted[MailboxError][0] <= timedelta(seconds=3)
    assert len(counted[MailboxError]) < 15


def test_what_came_while_it_was_gone_is_read(store: Store) -> None:
    """And nothing is wrong any more; that it was silent for long is told elsewhere."""
    account = Account(store, ScriptedMailbox())
    account.runs_for(MINUTE)
    account.box.close()
    connect = account.box.connect
    always(account.box, lambda: MailboxError("gone"))
    account.runs_for(timedelta(minutes=10))
    account.box.deliver(b"Subject: x\r\n\r\nx\r\n", received_at=account.time.wall)
    account.box.connect = connect  # type: ignore[method-assign]
    account.runs_for(timedelta(minutes=10))

    assert account.reader.standing.trouble == ""
    assert store.counts()["reports"] == 1


def test_a_look_between_two_that_fails_is_repeated_soon(store: Store) -> None:
    """IDLE told of a mail, and the session for reading was dead: nobody waits for the interval."""
    account = Account(store, ScriptedMailbox())
    account.runs_for(timedelta(seconds=1))
    account.box.close()
    account.box.deliver(b"Subject: x\r\n\r\nx\r\n", received_at=account.time.wall)
    account.reader.poll()
    account.runs_for(timedelta(seconds=5))

    assert store.counts()["reports"] == 1


def test_a_clock_that_is_set_back_holds_up_no_reading(store: Store) -> None:
    """Neither the next look nor the wait after a failure is measured by the wall."""
    account = Account(store, ScriptedMailbox())
    account.runs_for(MINUTE)
    account.time.wall -= timedelta(days=2)
    account.box.deliver(b"Subject: x\r\n\r\nx\r\n", received_at=account.time.wall)
    account.runs_for(2 * MINUTE)

    assert store.counts()["reports"] == 1


def test_one_folder_that_is_gone_slows_no_other(store: Store) -> None:
    """INBOX is looked at each minute as ever, and the trouble stays told."""
    account = Account(store, ScriptedMailbox("INBOX"), "INBOX", "Gone")
    account.runs_for(timedelta(minutes=30))

    looks = [c for c in account.box.calls if c == ("examine", "INBOX")]
    assert len(looks) >= 29
    assert "Gone" in account.reader.standing.trouble


def test_an_idle_that_is_evicted_again_and_again_is_opened_less_and_less(store: Store) -> None:
    """No storm of logins at a server that wants fewer connections; polling goes on beside it."""
    account = Account(store, ScriptedMailbox())
    account.runs_for(MINUTE)
    waits: list[float] = []

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            if len(waits) == 8:
                self.set()
            return self.is_set()

    account.reader._stopped = Waits()
    always(account.box, lambda: MailboxError("evicted"))
    account.reader.watch(lambda: None)

    assert waits == sorted(waits[:-1]) + waits[-1:]
    assert waits[0] >= 2
    assert max(waits) >= 200


def test_told_to_stop_it_leaves_a_long_reading_after_the_batch(store: Store) -> None:
    """And goes on from there at the next start: nothing twice, nothing lost."""
    box = ScriptedMailbox(batch=10)
    for n in range(95):
        box.deliver(b"Subject: %d\r\n\r\nx\r\n" % n, received_at=datetime(2026, 3, 1, tzinfo=UTC))
    account = Account(store, box)
    keep = store.keep

    def stopping(*arguments: object) -> tuple[int, ...]:
        threading.Thread(target=account.reader.stop).start()
        account.reader._stopped.wait()
        return keep(*arguments)  # type: ignore[arg-type]

    store.keep = stopping  # type: ignore[method-assign]
    account.reader.poll()
    store.keep = keep  # type: ignore[method-assign]
    assert store.counts()["reports"] == 10

    again = Account(store, box)
    again.runs_for(MINUTE)
    assert store.counts()["reports"] == 95


def test_a_wall_clock_that_was_set_back_is_noticed_once() -> None:
    """Not where it was set forward, nor where it drifts."""
    time = Time()
    clock = WallClock(lambda: time.wall, lambda: time.steady)
    seen = []
    for step in (0.0, 0.5, -0.5, 3600.0, 0.0, -3600.0, 0.0):
        time.goes_on(timedelta(seconds=1))
        time.wall += timedelta(seconds=step)
        seen.append(clock.was_set_back())

    assert seen == [False, False, False, False, False, True, False]
