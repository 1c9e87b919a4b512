"""The database itself: private, of a known schema, one writer at a time, and told plainly where it cannot be used."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from stores import NOW, differences, kept, mail, opened

from bot.ports import Cursor
from bot.store import Store, lock_state_folder
from classifiers.errors import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "triage.db"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with opened(database) as it:
        yield it


@pytest.fixture
def sqlite(path: Path) -> Iterator[Store]:
    """Where the file is what matters."""
    with opened(f"sqlite:///{path}") as it:
        yield it


def test_the_state_is_private(sqlite: Store, path: Path) -> None:
    """Folder 0700, files 0600, the log beside the database too."""
    kept(sqlite)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


def test_the_migrations_make_the_schema(store: Store) -> None:
    """What the frozen migrations build is what the code's tables say."""
    assert differences(store) == []


def test_a_damaged_database_is_told(path: Path) -> None:
    """StoreError with what to do, and no statement in it."""
    opened(f"sqlite:///{path}").close()
    path.write_bytes(b"this is no database at all" * 100)

    with pytest.raises(StoreError, match="damaged") as error:
        opened(f"sqlite:///{path}")
    assert "SELECT" not in str(error.value)


def test_a_database_of_a_newer_triage_is_told(database: str) -> None:
    """It is not touched."""
    with opened(database) as store, store._engine.begin() as c:
        c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer"):
        opened(database)


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nodriver://x/y"])
def test_a_url_that_cannot_be_used_is_told(url: str) -> None:
    """A mistake in state.url is a sentence."""
    with pytest.raises(StoreError, match=r"state\.url"):
        Store.open(url, now=lambda: NOW)


def test_a_full_disk_is_told_and_loses_nothing(sqlite: Store) -> None:
    """SQLite's own limit stands in for the disk's: the write fails whole, and works once there is room."""
    with sqlite._engine.connect() as c:
        pages = c.exec_driver_sql("PRAGMA page_count").scalar()
    sa.event.listen(
        sqlite._engine, "begin", lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages if full else 10**9}")
    )
    full = True
    large = replace(mail(5).message, raw=b"x" * 500_000)

    with pytest.raises(StoreError, match="no room"):
        sqlite.keep("a", "INBOX", [replace(mail(5), message=large)], Cursor(7, 5))
    assert sqlite.cursor("a", "INBOX") is None

    full = False
    assert sqlite.keep("a", "INBOX", [replace(mail(5), message=large)], Cursor(7, 5))


def test_one_daemon_a_state_folder(tmp_path: Path) -> None:
    """The second is refused, and the lock goes with its holder."""
    with (
        lock_state_folder(tmp_path / "s"),
        pytest.raises(StoreError, match="in use"),
        lock_state_folder(tmp_path / "s"),
    ):
        pass
    with lock_state_folder(tmp_path / "s"):
        pass


def test_two_processes_write_at_once(database: str) -> None:
    """Commands beside the daemon: both get through."""
    opened(database).close()
    program = f"""
import sys
sys.path[:0] = {sys.path!r}
from stores import mail, opened
from bot.ports import Cursor
with opened({database!r}) as store:
    for n in range(40):
        store.keep(sys.argv[1], "INBOX", [mail(n + 1)], Cursor(7, n + 1))
"""
    running = [subprocess.Popen([sys.executable, "-c", program, account]) for account in ("x", "y")]

    assert [p.wait(60) for p in running] == [0, 0]
    with opened(database) as store:
        assert store.counts()["reports"] == 80
