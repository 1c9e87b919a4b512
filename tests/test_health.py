"""What `triage health` tells of the daemon: whether it runs, reads its mailboxes, and has its line to itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running import configuration

from bot.configfile import load
from bot.health import Health, health
from bot.jobs import HEARTBEAT, OTHERS, SOCKET
from bot.local.slack import LocalSlack
from bot.settings import Settings
from bot.store import Store

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ACCOUNTS = "".join(
    f'[[accounts]]\nname = "{name}"\nhost = "{name}.example"\nuser = "u"\npassword = {{ env = "P" }}\npoll_every = "30s"\n'
    for name in ("one", "two")
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/state/triage.db", now=lambda: NOW) as it:
        yield it


@pytest.fixture
def settings(tmp_path: Path, slack: LocalSlack) -> Settings:
    path = configuration(tmp_path, ACCOUNTS, slack, allowed_users=["U0ANA"])
    path.write_text(path.read_text().replace("[slack]\n", '[slack]\napp_token = { env = "A" }\n'))
    return load(path)


def at_work(store: Store) -> None:
    for name in (HEARTBEAT, "poll:one", "poll:two", SOCKET):
        store.beat(name, NOW)


def seen(store: Store, settings: Settings, **later: float) -> Health:
    return health(store, settings, NOW + timedelta(**later))


def test_a_daemon_that_works_is_well(store: Store, settings: Settings) -> None:
    """It runs, and each mailbox was read a while ago."""
    at_work(store)

    it = seen(store, settings, seconds=20)

    assert (it.alive, it.well) == (True, True)
    assert it.as_text().splitlines()[:4] == [
        "daemon    runs; last heartbeat 20 s ago",
        "one       last read 20 s ago",
        "two       last read 20 s ago",
        "socket    last up 20 s ago; without it nobody's press arrives",
    ]
    told = it.as_data()
    assert (told["alive"], told["not_read"], told["socket_alone"]) == (True, [], True)
    assert told["polls"] == {"one": NOW.isoformat(), "two": NOW.isoformat()}


def test_one_that_never_ran_or_stopped_is_not_well(store: Store, settings: Settings) -> None:
    """Its heartbeat is older than it may be, or there is none."""
    never = seen(store, settings)
    at_work(store)
    stopped = seen(store, settings, minutes=10)

    assert [(it.alive, it.well) for it in (never, stopped)] == [(False, False)] * 2
    assert never.as_text().startswith("daemon    does not run; last heartbeat never")
    assert (never.as_data()["heartbeat"], never.as_data()["socket_alone"]) == (None, None)


def test_a_mailbox_that_is_not_read_is_named(store: Store, settings: Settings) -> None:
    """Though the daemon runs: then not all is well."""
    at_work(store)
    for name in (HEARTBEAT, "poll:one"):
        store.beat(name, NOW + timedelta(minutes=10))

    it = seen(store, settings, minutes=10)

    assert (it.alive, it.well, it.as_data()["not_read"]) == (True, False, ["two"])


def test_another_copys_line_is_told(store: Store, settings: Settings) -> None:
    """Until the line was up without others again."""
    at_work(store)
    store.beat(OTHERS, NOW)
    beside = seen(store, settings)
    store.beat(SOCKET, NOW + timedelta(minutes=1))
    alone = seen(store, settings, minutes=1)

    assert [it.as_data()["socket_alone"] for it in (beside, alone)] == [False, True]
    assert ["another copy" in it.as_text() for it in (beside, alone)] == [True, False]
