"""PostgreSQL's own faults: told clearly, nothing lost, and it goes on by itself."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import Postgres
from running import until
from stores import NOW, differences, kept, mail, opened
from test_storage_faults import VERSIONS, fill, rows

from bot.ports import Cursor
from bot.store import Store
from bot.store import database as module
from classifiers.errors import StoreError

pytestmark = pytest.mark.postgresql


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


def program(url: str, body: str) -> list[str]:
    """A process of its own that has the database open as `store`."""
    return [
        sys.executable, "-c",
        f"import sys, time; sys.path[:0] = {sys.path!r}\nfrom stores import *\nwith opened({url!r}) as store:\n  {body}",
    ]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_keeps_every_row(url: str, version: str) -> None:
    """From each schema that was ever released, the first too."""
    from alembic import command
    from alembic.config import Config

    engine = sa.create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(module.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    fill(engine)
    like = sa.MetaData()
    like.reflect(engine)
    before = rows(engine, like)
    engine.dispose()

    with opened(url) as store:
        assert rows(store._engine, like) == before
        assert differences(store) == []


def test_many_that_start_at_once_make_one_schema(url: str) -> None:
    """Several copies of the bot on a new database."""
    several = [subprocess.Popen(program(url, "pass")) for _ in range(4)]

    assert [p.wait(60) for p in several] == [0, 0, 0, 0]


def test_a_server_that_goes_and_comes_back_is_found_again(postgres: Postgres, url: str) -> None:
    """In the middle, and while nobody asks; what was committed is there."""
    with opened(url) as store:
        first = kept(store)
        postgres.stop("immediate")
        with pytest.raises(StoreError, match="cannot be reached"):
            kept(store, 2)
        postgres.start()
        assert [r.id for r in store.waiting(9)] == [first]
        assert store.cursor("a", "INBOX") == Cursor(7, 1)

        postgres.stop()
        postgres.start()
        assert kept(store, 2)


def test_a_connection_that_the_server_ends_costs_one_try(postgres: Postgres, url: str) -> None:
    """In the middle of a write: nothing is half written."""
    with opened(url) as store:
        name = url.rpartition("/")[2]

        writes = iter(range(9))

        def end(*_: object) -> None:
            if next(writes):
                return
            ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            postgres.query("postgres", ended)

        sa.event.listen(store._engine, "commit", end)
        with pytest.raises(StoreError, match="cannot be reached"):
            kept(store)
        assert store.counts()["reports"] == 0
        assert kept(store)


def test_a_full_disk_is_told(url: str) -> None:
    """A temporary limit stands in for it, with PostgreSQL's own words."""
    with opened(url) as store:

        def full(*_: object) -> None:
            raise sa.exc.OperationalError("", {}, Exception('could not extend file "base/1": No space left on device'))

        sa.event.listen(store._engine, "before_cursor_execute", full)
        with pytest.raises(StoreError, match="no room"):
            kept(store)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.rpartition("/")[0] + "/nowhere", "is not there"),
        (lambda url: url.replace("triage@", "stranger@"), "is not there, or its user"),
        (lambda url: re.sub(r":\d+/", ":9/", url), "cannot be reached"),
    ],
    ids=["database", "user", "port"],
)
def test_what_is_wrong_with_the_url_is_told(url: str, change: Callable[[str], str], words: str) -> None:
    """With what to look at."""
    with pytest.raises(StoreError, match=words):
        opened(change(url))


def test_a_password_is_used_and_never_told(postgres: Postgres, url: str) -> None:
    """A wrong one is refused without being named."""
    data = postgres.base / "data" / "pg_hba.conf"
    before = data.read_text()
    name = url.rpartition("/")[2]
    postgres.query("postgres", f"CREATE ROLE {name} LOGIN PASSWORD 'the-right-one'")
    postgres.query("postgres", f"ALTER DATABASE {name} OWNER TO {name}")
    data.write_text(f"host {name} {name} 127.0.0.1/32 scram-sha-256\n{before}")
    postgres.query("postgres", "SELECT pg_reload_conf()")
    where = url.replace("triage@", f"{name}@")
    try:
        for wrong, words in (("not-the-one", "refuses the login"), ("", "wants a password")):
            with pytest.raises(StoreError, match=words) as error:
                Store.open(where, now=lambda: NOW, password=wrong)
            assert "not-the-one" not in str(error.value)
        with Store.open(where, now=lambda: datetime.now(UTC), password="the-right-one") as store:
            assert kept(store)
            assert "the-right-one" not in repr(store._engine)
    finally:
        data.write_text(before)
        postgres.query("postgres", "SELECT pg_reload_conf()")


def test_a_copy_that_is_stopped_in_a_write_holds_up_the_others_for_seconds(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends its transaction; woken, it finds that out, and nothing of it is there."""
    monkeypatch.setattr(module, "IDLE", 0.3)
    stopped = tmp_path / "stopped"
    with opened(url) as slow, opened(url) as other:

        def wait(*_: object) -> None:
            stopped.touch()
            until(lambda: other.counts()["reports"] == 1)

        def write() -> None:
            sa.event.listen(slow._engine, "commit", wait)
            with pytest.raises(StoreError, match="cannot be reached"):
                kept(slow, 1)

        thread = threading.Thread(target=write)
        thread.start()
        until(stopped.exists)
        other.keep("b", "INBOX", [mail(2)], Cursor(7, 2))
        thread.join(30)
        assert other.counts()["reports"] == 1
        assert other.cursor("a", "INBOX") is None


def test_copies_that_write_at_once_keep_each_mail_once(url: str) -> None:
    """Two that read the same mailbox at the same time: one report a mail, one card, one beat."""
    body = """for n in range(1, 31):
    for i in store.keep("a", "INBOX", [mail(n)], Cursor(7, n)):
      decide(store, i, notice(NoticeKind.CARD, f"c{n}"))
    store.trouble("x", CHANNEL, f"t{n}", NOW)
    store.beat(f"b{n}", NOW)"""
    several = [subprocess.Popen(program(url, body)) for _ in range(3)]

    assert [p.wait(90) for p in several] == [0, 0, 0]
    with opened(url) as store:
        assert store.counts() | {"reports": 30, "waiting": 0, "notices_due": 60} == store.counts()
        assert store.examine().problems == ()
