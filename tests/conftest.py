"""Servers and programs that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import chromium
import pytest
from chromium import Chromium
from dovecot import BINARY, Dovecot
from hypothesis import settings
from postgres import BINARIES, Postgres
from proxy import Proxy

from bot.clock import now

if TYPE_CHECKING:
    from mailroom import Mailroom
    from office import Office

    from bot.local.slack import LocalSlack
    from bot.store import Store

settings.register_profile("long", max_examples=50_000, deadline=None)  # make fuzz
settings.register_profile("minute", max_examples=1_000, deadline=None)  # make fuzz FUZZ=minute, in CI
settings.register_profile("walks", max_examples=2_000, deadline=None)  # make walks


def _not_here(name: str, why: str) -> None:
    """Skips; where TRIAGE_REQUIRE names it, its absence is a failure."""
    if name in os.environ.get("TRIAGE_REQUIRE", "").split(","):
        pytest.fail(f"TRIAGE_REQUIRE names {name}, but {why}")
    pytest.skip(why)


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """A fresh Dovecot with one empty mailbox."""
    if not BINARY.exists():
        _not_here("dovecot", "dovecot-imapd is not installed (apt install dovecot-imapd)")
    with Dovecot() as server:
        yield server


@pytest.fixture
def line(dovecot: Dovecot) -> Iterator[Proxy]:
    """A line to Dovecot's plain port that a test may cut, hold up and listen to."""
    with Proxy(dovecot.port) as it:
        yield it


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store by the clock on the wall."""
    from bot.store import Store

    with Store.open(f"sqlite:///{tmp_path}/t.db", now=now) as it:
        yield it


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that the tests of this process share, each with a database of its own."""
    if not BINARIES:
        _not_here("postgresql", "PostgreSQL is not installed (apt install postgresql)")
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind that the store knows."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/triage.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def browser() -> Iterator[Chromium]:
    """A fresh Chromium with one empty page, in which nothing went wrong."""
    if chromium.BINARY is None:
        _not_here("chromium", "Chromium is not installed (apt install chromium)")
    with Chromium() as it:
        yield it
        assert it.errors == []


def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are here: nothing goes through a proxy."""
    _no_proxy(monkeypatch)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSlack]:
    """Slack's stand-in with one channel."""
    from bot.local.slack import LocalSlack

    _no_proxy(monkeypatch)
    with LocalSlack(channels=("C0TRIAGE",)) as it:
        yield it


@pytest.fixture
def desk(tmp_path: Path, slack: LocalSlack) -> Iterator[Office]:
    """A bot that ana and ben may press in."""
    from office import office

    with office(tmp_path, slack) as it:
        yield it


@pytest.fixture
def room(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailroom]:
    """Everything between a mailbox and Slack, a step at a time."""
    from mailroom import mailroom

    _no_proxy(monkeypatch)
    with mailroom(database) as it:
        yield it
