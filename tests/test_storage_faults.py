"""What the disk and the database do wrong: said clearly, nothing lost, and it goes on by itself where it can."""

from __future__ import annotations

import json
import os
import re
import resource
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dovecot import Dovecot
from running import Running, account, configuration, until
from stores import NOW, decide, kept, notice
from test_faults import cards, secrets, triage
from test_journey_thread import GENUINE
from test_journey_thread import mail as a_mail

from bot.local.slack import LocalSlack
from bot.ports import Cursor, NoticeKind
from bot.store import Store, database, examine_file, restore
from classifiers.errors import StoreDamaged, StoreError, UserError

CHANNEL = "C0TRIAGE"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "triage.db"


def opened(path: Path) -> Store:
    return Store.open(f"sqlite:///{path}", now=lambda: NOW)


def spoil(path: Path, table: str) -> None:
    """Makes the pages of a table unreadable."""
    with sqlite3.connect(path) as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = c.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = c.execute("PRAGMA page_size").fetchone()
    c.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


# ------------------------------------------------------------------------------------------------ full, locked, read-only


@pytest.mark.dovecot
def test_a_disk_that_fills_stops_reading_and_goes_on_with_room_again(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path
) -> None:
    """While the daemon runs: told once, no mail lost, no card twice; with room it goes on by itself."""
    config = configuration(tmp_path, account(dovecot), slack, grace="1s")
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        none, unlimited = (0, resource.RLIM_INFINITY), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (none[0], unlimited[1]))
        dovecot.deliver(a_mail("ravi@hunter.example", 1, "SPF", GENUINE))
        told = bot.wait_for("account.trouble")
        assert "disk" in told["what"]
        bot.wait_for("job.failed")
        resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, unlimited)

        until(lambda: cards(slack), 60)
        bot.wait_for("job.well")
        assert bot.terminate() == 0
    failed = Counter((e["job"], e["what"]) for e in bot.events if e["event"] == "job.failed")
    assert set(failed.values()) == {1}, "each trouble of a job is told once"
    assert len(cards(slack)) == 1


def test_a_database_that_another_holds_is_told_and_written_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait, a sentence; what was read is not lost, as the cursor did not move."""
    monkeypatch.setattr(database, "BUSY", 0.05)
    with opened(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another program"):
            kept(store)
        assert store.cursor("a", "INBOX") is None

        other.execute("ROLLBACK")
        other.close()
        assert kept(store)


def test_a_database_that_became_read_only_is_told(path: Path) -> None:
    """As after a remount: what is there can be read, nothing is half written."""
    with opened(path) as store:
        first = kept(store)
        sa.event.listen(store._engine, "checkout", lambda c, *_: c.execute(f"PRAGMA query_only = {only}").close())
        only = 1
        with pytest.raises(StoreError, match="cannot be written"):
            kept(store, 2)
        assert [r.id for r in store.waiting(9)] == [first]
        assert store.cursor("a", "INBOX") == Cursor(7, 1)
        only = 0
        assert kept(store, 2)


def test_a_folder_that_takes_no_files_is_told() -> None:
    """A file system that is read-only, even for root."""
    with pytest.raises(StoreError, match=r"cannot be written.*state\.folder"):
        opened(Path("/proc/triage/triage.db"))


# ------------------------------------------------------------------------------------------------ damaged


@pytest.mark.parametrize("table", ["reports", "verdicts", "ix_notices_card_id"])
def test_damage_is_found_out(path: Path, table: str) -> None:
    """By the look through at each start; and `verify` names it without an end in a traceback."""
    with opened(path) as store:
        for n in range(1, 30):
            decide(store, kept(store, n), notice(NoticeKind.CARD, f"c{n}"))
    spoil(path, table)

    with opened(path) as store, pytest.raises(StoreDamaged, match=r"damaged.*restore"):
        store.sound()
    assert any("damaged" in problem for problem in examine_file(path).problems)


def test_opening_it_again_takes_no_lock_from_who_has_it_open(path: Path) -> None:
    """As a reload does. Else whoever leaves next, a command say, takes the log away under the daemon, with what stands in it."""
    look = f"import sqlite3; print(sqlite3.connect({str(path)!r}).execute('SELECT name FROM beats').fetchall())"
    command = [sys.executable, "-c", look]

    def seen() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with opened(path) as store:
        store.beat("one", NOW)
        opened(path).close()
        assert "one" in seen()
        store.beat("two", NOW)

        assert "two" in seen()


def test_what_no_page_tells_is_found_out_too(path: Path) -> None:
    """A kept mail that is not the one that came, a verdict that holds and is not there, a report nobody was told of."""
    with opened(path) as store:
        first, second, third = (kept(store, n) for n in (1, 2, 3))
        for report_id in (first, second):
            decide(store, report_id, notice(NoticeKind.CARD, f"c{report_id}"))
        decide(store, third)
        assert store.examine().problems == (f"report {store.report(third).short}: nobody was told of it",)
        with store._engine.begin() as c:
            c.execute(sa.text(f"UPDATE raw_mails SET raw = x'00' WHERE report_id = {first}"))
            c.execute(sa.text(f"UPDATE reports SET current_verdict_id = 99 WHERE id = {second}"))
        problems = store.examine().problems

    assert [p.partition(": ")[2] for p in problems] == [
        "the kept mail is not the one that came",
        "the verdict that holds is not there",
        "nobody was told of it",
    ]


@pytest.mark.dovecot
@pytest.mark.timeout(240)
def test_a_damaged_database_stops_reading_and_a_copy_brings_all_back(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path
) -> None:
    """Backed up beside the daemon; damaged: it says so and reads nothing. Restored: mail since then is read again, cards are known again."""
    config = configuration(tmp_path, account(dovecot), slack, grace="1s")
    copy = tmp_path / "copy.db"

    def told(bot: Running, reports: int) -> None:
        wanted = {"reports": reports, "waiting": 0, "notices_due": 0}
        bot.until_health(lambda told: wanted.items() <= told["counts"].items())

    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        dovecot.deliver(a_mail("ravi@hunter.example", 1, "One", GENUINE))
        told(bot, 1)
        assert bot.command("db", "backup", str(copy)).returncode == 0
        dovecot.deliver(a_mail("ravi@other.example", 2, "Two", GENUINE))
        told(bot, 2)
        (row, _) = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
        bot.command("reclassify", row["report"], "--as", "in_scope", "--reason", "x", "--by", "ana")
        slack.wait_for(lambda: any(m.get("edited") for m in slack.messages(CHANNEL)), 10)
        refused = bot.command("db", "restore", str(copy))
        assert (refused.returncode, "in use" in refused.stderr) == (75, True)
        assert bot.terminate() == 0
    before = [m["ts"] for m in slack.messages(CHANNEL)]
    spoil(tmp_path / "state" / "triage.db", "reports")
    dovecot.deliver(a_mail("ravi@third.example", 3, "Three", GENUINE))

    with Running(config, secrets(dovecot, slack)) as bot:
        assert "restore" in bot.wait_for("store.damaged")["what"]
        slack.wait_for(lambda: any("stopped reading" in m["text"] for m in slack.messages(CHANNEL)), 30)
        assert bot.terminate() == 0
    assert triage(config, secrets(dovecot, slack), "db", "verify").returncode == 1
    assert not [e for e in bot.events if e["event"] == "report.judged"]

    done = triage(config, secrets(dovecot, slack), "db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    with Running(config, secrets(dovecot, slack)) as bot:
        told(bot, 3)
        rows = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
        assert bot.command("db", "verify").returncode == 0
        assert bot.terminate() == 0
    after = slack.messages(CHANNEL)
    assert [m["ts"] for m in after[: len(before)]] == before
    assert [m["text"].partition(" · ")[0].partition(":")[0] for m in after[len(before) :]] == [
        "triage has stopped reading",
        "In scope",
        f"Details of {rows[2]['report']}",
    ]


# ------------------------------------------------------------------------------------------------ copies


def test_a_copy_is_whole_and_private(path: Path, tmp_path: Path) -> None:
    """Made while somebody writes; only its owner may read it; it takes the place of an older one."""
    copy = tmp_path / "copy.db"
    copy.write_text("older")
    with opened(path) as store:
        decide(store, kept(store), notice(NoticeKind.CARD, "c"))
        store.copy_to(copy)
        kept(store, 2)

    found = examine_file(copy)
    assert (found.problems, found.reports, found.verdicts) == ((), 1, 1)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "state"]


def test_a_copy_without_room_leaves_the_older_one(path: Path, tmp_path: Path) -> None:
    """Told, and nothing half written stays."""
    copy = tmp_path / "copy.db"
    copy.write_text("older")
    with opened(path) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(StoreError, match="disk"):
                store.copy_to(copy)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert copy.read_text() == "older"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "state"]


def test_a_restore_keeps_what_was_there_aside(path: Path, tmp_path: Path) -> None:
    """With its log; a damaged copy, or one that is none, changes nothing."""
    copy = tmp_path / "copy.db"
    with opened(path) as store:
        kept(store)
        store.copy_to(copy)
        kept(store, 2)
    (tmp_path / "none.db").write_bytes(b"no database" * 999)
    spoiled = tmp_path / "spoiled.db"
    spoiled.write_bytes(copy.read_bytes())
    spoil(spoiled, "reports")

    sqlite3.connect(tmp_path / "empty.db").close()
    sqlite3.connect(tmp_path / "foreign.db").executescript("CREATE TABLE a (b)").close()
    for bad in (tmp_path / "none.db", tmp_path / "empty.db", tmp_path / "foreign.db", spoiled, tmp_path / "gone"):
        with pytest.raises(UserError, match=f"^{re.escape(str(bad))}( is|: damaged)"):
            restore(bad, f"sqlite:///{path}", path.parent, now=lambda: NOW)
    with opened(path) as store:
        assert store.counts()["reports"] == 2

    aside = restore(copy, f"sqlite:///{path}", path.parent, now=lambda: NOW)

    assert aside is not None
    with opened(path) as store, opened(aside) as old:
        assert (store.counts()["reports"], old.counts()["reports"]) == (1, 2)
        assert store.last_beat("restored") == NOW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# ------------------------------------------------------------------------------------------------ schemas

VERSIONS = sorted(p.name[:4] for p in (database.MIGRATIONS / "versions").glob("0*.py"))


def made(path: Path, version: str) -> sa.Engine:
    """A database as that version's migrations left it, with a row in every table."""
    from alembic import command
    from alembic.config import Config

    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    fill(engine)
    return engine


def fill(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.begin() as c:
        for table in metadata.sorted_tables:
            if table.name != "alembic_version":
                c.execute(table.insert().values({column.name: value(column) for column in table.columns}))


def value(column: sa.Column[Any]) -> Any:
    """Something for this column; every reference is to row 1."""
    kinds: list[tuple[type[Any], Any]] = [
        (sa.Boolean, True), (sa.Integer, 1), (sa.DateTime, datetime(2026, 11, 1, 8, tzinfo=UTC)), (sa.LargeBinary, b"\x00\xff"),
        (sa.String, f"{column.name} ü"),
    ]  # fmt: skip
    return next(it for kind, it in kinds if isinstance(column.type, kind))


def rows(engine: sa.Engine, like: sa.MetaData) -> dict[str, list[Any]]:
    """What the columns of `like` hold."""
    with engine.connect() as c:
        return {
            t.name: [tuple(r) for r in c.execute(sa.select(*(sa.column(n.name) for n in t.columns)).select_from(sa.table(t.name)))]
            for t in like.sorted_tables if t.name != "alembic_version"
        }  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_keeps_every_row(path: Path, version: str) -> None:
    """From each schema that was ever released, the first too: what the old columns held they hold."""
    with_rows = made(path, version)
    like = sa.MetaData()
    like.reflect(with_rows)
    before = rows(with_rows, like)
    with_rows.dispose()

    with opened(path) as store:
        assert rows(store._engine, like) == before
        assert all(len(found) == 1 for found in before.values())


KILLED = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
import sqlalchemy as sa
from test_storage_faults import opened
opened(Path(sys.argv[1]).with_name("other.db")).close()  # what a start imports is imported once, before the forks
seen = 0
def count(*_):
    global seen
    if seen == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    seen += 1
sa.event.listen(sa.Engine, "before_cursor_execute", count)
sa.event.listen(sa.Engine, "commit", count)
for at in range(int(sys.argv[2]), 10**6):
    child = os.fork()
    if child == 0:
        sys.argv[2] = str(at)
        opened(Path(sys.argv[1]))
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        print(at)
        break
"""


def test_a_migration_killed_at_any_statement_is_done_at_the_next_start(path: Path) -> None:
    """Each start dies one statement later than the last, until one gets through; all rows are there."""
    with_rows = made(path, VERSIONS[0])
    like = sa.MetaData()
    like.reflect(with_rows)
    before = rows(with_rows, like)
    with_rows.dispose()

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), "0"], capture_output=True, text=True, timeout=100, check=False
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20, "so many starts were killed"
    with opened(path) as store:
        assert rows(store._engine, like) == before
        assert store.examine().schema == database.HEAD


def test_three_that_start_at_once_upgrade_once(path: Path) -> None:
    """A command and the daemon after an update: both find today's schema."""
    made(path, VERSIONS[0]).dispose()
    program = f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path; from test_storage_faults import opened; opened(Path(sys.argv[1])).close()"
    all_three = [subprocess.Popen([sys.executable, "-c", program, str(path)], env=dict(os.environ)) for _ in range(3)]

    assert [p.wait(60) for p in all_three] == [0, 0, 0]
