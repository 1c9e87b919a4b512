"""What was returned from is on the disk, nothing is said twice, and text can be forgotten."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from make import judge, make_report

from bot.ports import Cursor, Letterhead, NewNotice, NewReport, NoticeKind, NoticeState, RawMessage, Room, VerdictKind
from bot.store import Changed, Store, lock_state_folder
from classifiers.errors import StoreError, UserError
from classifiers.terms import Disposition, Verdict, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "triage.db"


def opened(url: str) -> Store:
    return Store.open(url, now=lambda: NOW)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Of each kind: the whole file is the store's contract."""
    with opened(database) as it:
        yield it


@pytest.fixture
def sqlite(path: Path) -> Iterator[Store]:
    """Where the file is what matters."""
    with opened(f"sqlite:///{path}") as it:
        yield it


def mail(n: int = 1, uid: int | None = None) -> NewReport:
    raw = b"Subject: %d\r\n\r\nthe words of mail %d\r\n" % (n, n)
    message = RawMessage(folder="INBOX", uidvalidity=7, uid=uid or n, size=len(raw), received_at=NOW, raw=raw)
    return NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)


def verdict(key: str = "0" * 64, disposition: Disposition = Disposition.OUT_OF_SCOPE) -> Verdict:
    made = judge(make_report("SPF", "There is no SPF record. mochi"), with_model=False)
    return replace(made, report=key, disposition=disposition)


def kept(store: Store, n: int = 1) -> int:
    (report_id,) = store.keep("a", "INBOX", [mail(n)], Cursor(7, n))
    return report_id


def notice(kind: NoticeKind, key: str, due_at: datetime = NOW) -> NewNotice:
    return NewNotice(kind=kind, destination=CHANNEL, key=key, due_at=due_at)


def decide(
    store: Store, report_id: int, *notices: NewNotice, kind: VerdictKind = VerdictKind.BOT, **more: object
) -> int:
    by = "bot" if kind is VerdictKind.BOT else "person:ana"
    key = store.report(report_id).key
    values = {"decided_by": by, "decided_at": NOW, "notices": notices, "letterhead": Letterhead(subject="SPF")} | more
    disposition = values.pop("disposition", Disposition.OUT_OF_SCOPE)
    return store.record(report_id, verdict(key, disposition), kind=kind, **values).id  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ keeping


def test_what_was_kept_is_there_after_reopening(database: str) -> None:
    """Bytes and cursor, together."""
    with opened(database) as store:
        report_id = kept(store)
    with opened(database) as store:
        raw = store.raw(report_id)
        assert raw is not None
        assert raw.raw == mail().message.raw
        assert store.cursor("a", "INBOX") == Cursor(7, 1)
        assert [r.id for r in store.waiting(10)] == [report_id]
        assert store.report(report_id).kept_at == NOW


def test_a_mail_is_kept_once_per_account(store: Store) -> None:
    """Read again under another UID, twice in one batch, or from another folder: the same report; in another account its own."""
    store.keep("a", "INBOX", [mail(1), mail(1, uid=2)], Cursor(7, 2))

    assert store.keep("a", "INBOX", [mail(1, uid=9)], Cursor(8, 9)) == ()
    assert store.keep("a", "Junk", [mail(1)], Cursor(1, 1)) == ()
    assert len(store.keep("b", "INBOX", [mail(1)], Cursor(1, 1))) == 1
    assert store.counts()["reports"] == 2
    assert store.cursor("a", "INBOX") == Cursor(8, 9)


def test_a_process_killed_in_mid_keep_loses_nothing(database: str) -> None:
    """SIGKILL before the commit: neither bytes nor cursor; so the mail is read again."""
    opened(database).close()
    program = f"""
import os, signal, sys
sys.path[:0] = {sys.path!r}
from test_store import mail, opened
from bot.ports import Cursor
from bot.store import keeping as module
store = opened({database!r})
store.keep("a", "INBOX", [mail(1)], Cursor(7, 1))
module._move = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
store.keep("a", "INBOX", [mail(2)], Cursor(7, 2))
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    with opened(database) as store:
        assert store.counts()["reports"] == 1
        assert store.cursor("a", "INBOX") == Cursor(7, 1)


# ------------------------------------------------------------------------------------------------ attempts and verdicts


def test_attempts_are_counted(store: Store) -> None:
    """Each before the work it counts."""
    report_id = kept(store)

    assert [store.attempt(report_id), store.attempt(report_id)] == [1, 2]
    assert store.report(report_id).attempts == 2


def test_a_verdict_comes_back_whole(store: Store) -> None:
    """Evidence, quotes and all; the report waits no more."""
    report_id = kept(store)
    decide(store, report_id)
    current = store.current(report_id)

    assert current is not None
    assert current.verdict == verdict(store.report(report_id).key)
    assert current.decided_at == NOW
    assert store.waiting(10) == ()
    assert store.letterhead(report_id) == Letterhead(subject="SPF")


def test_a_persons_word_sticks(store: Store) -> None:
    """Judged again by the bot, the report keeps what a person said; the history holds all."""
    report_id = kept(store)
    decide(store, report_id)
    person = decide(store, report_id, kind=VerdictKind.PERSON, disposition=Disposition.IN_SCOPE)
    decide(store, report_id)
    decide(store, report_id, kind=VerdictKind.AUDIT)
    current = store.current(report_id)

    assert current is not None
    assert (current.id, current.verdict.disposition) == (person, Disposition.IN_SCOPE)
    assert [h.kind.value for h in store.history(report_id)] == ["bot", "person", "bot", "audit"]


def test_two_people_do_not_overwrite_each_other_unseen(store: Store) -> None:
    """The second, who saw the older verdict, is told."""
    report_id = kept(store)
    first = decide(store, report_id)
    decide(store, report_id, kind=VerdictKind.PERSON, expected_current=first)

    with pytest.raises(Changed, match="in the meantime"):
        decide(store, report_id, kind=VerdictKind.PERSON, expected_current=first)
    assert len(store.history(report_id)) == 2


# ------------------------------------------------------------------------------------------------ the outbox


def test_a_card_goes_before_what_belongs_to_it(store: Store) -> None:
    """Details wait for the card's ts, and hold up nobody else."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"), notice(NoticeKind.DETAILS, "d"))
    (card,) = store.due(NOW, 10)
    store.mark_sending(card.id, NOW)
    store.mark_said(card.id, NOW, "1.5")

    (details,) = store.due(NOW, 10)

    assert (card.kind, details.kind) == (NoticeKind.CARD, NoticeKind.DETAILS)
    assert store.cards_of(report_id)[0].ts == "1.5"
    assert details.card_id == card.card_id


def test_a_notice_is_said_once_ever(store: Store) -> None:
    """The same key again adds nothing, said or not."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    (only,) = store.due(NOW, 10)
    store.mark_said(only.id, NOW, "1")
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    store.trouble("x", CHANNEL, "t", NOW)
    store.trouble("x", CHANNEL, "t", NOW)

    assert [n.kind for n in store.due(NOW, 10)] == [NoticeKind.TROUBLE]


def test_only_the_last_of_several_changes_is_said(store: Store) -> None:
    """A pending update is replaced; one on its way is not."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    store.mark_said(store.due(NOW, 1)[0].id, NOW, "1")
    decide(store, report_id, notice(NoticeKind.UPDATE, "u1"))
    decide(store, report_id, notice(NoticeKind.UPDATE, "u2"))
    assert [n.key for n in store.due(NOW, 10)] == ["u2"]

    store.mark_sending(store.due(NOW, 1)[0].id, NOW)
    decide(store, report_id, notice(NoticeKind.UPDATE, "u3"))
    assert [n.key for n in store.due(NOW, 10)] == ["u2", "u3"]


def test_an_unknown_outcome_stays_sending(store: Store) -> None:
    """Until it is looked up; a sure refusal is pending again."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    (card,) = store.due(NOW, 1)
    later = NOW + timedelta(minutes=1)
    store.mark_sending(card.id, NOW)

    store.put_off(card.id, later, "timeout", unknown=True)
    assert store.due(NOW, 1) == ()
    assert store.due(later, 1)[0].state is NoticeState.SENDING

    store.put_off(card.id, later, "refused")
    assert store.due(later, 1)[0].state is NoticeState.PENDING
    store.mark_possible_repeat(card.id)
    assert store.due(later, 1)[0].possible_repeat
    assert store.counts()["possible_repeats"] == 1


def test_what_waits_for_a_clock_that_was_set_back_is_due_now(store: Store) -> None:
    """Nothing is due in hours for it, and what was begun was begun no later than now."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    (card,) = store.due(NOW, 1)
    store.mark_sending(card.id, NOW)
    store.put_off(card.id, NOW + timedelta(minutes=1), "timeout", unknown=True)
    earlier = NOW - timedelta(hours=3)

    store.hasten(earlier)

    (found,) = store.due(earlier, 1)
    assert (found.state, found.touched_at) == (NoticeState.SENDING, earlier)


def test_a_busy_channel_holds_up_no_other(store: Store) -> None:
    """Excluded destinations are passed over."""
    store.trouble("x", "C1", "t1", NOW)
    store.trouble("y", "C2", "t2", NOW)

    assert [n.key for n in store.due(NOW, 10, Room(busy=frozenset({"C1"})))] == ["t2"]


def test_a_digest_of_unknown_outcome_keeps_its_lines(store: Store) -> None:
    """Asked again, the same set comes back, though others have joined; so its key can be looked up."""
    for n in (1, 2, 3):
        decide(store, kept(store, n), notice(NoticeKind.DIGEST, f"d{n}"))
    batch = store.digest_waiting(2)
    store.mark_digest_sending([n.id for n in batch], NOW)
    decide(store, kept(store, 4), notice(NoticeKind.DIGEST, "d4"))

    assert [n.id for n in store.digest_waiting(40)] == [n.id for n in batch]
    store.say_digest([n.id for n in batch], NOW, {})
    assert [n.key for n in store.digest_waiting(40)] == ["d3", "d4"]
    assert store.due(NOW, 10) == ()


# ------------------------------------------------------------------------------------------------ looking, forgetting


def test_a_report_is_found_by_any_unique_prefix(store: Store) -> None:
    """Four digits or more; several that fit are named; none is said."""
    report = store.report(kept(store))

    assert store.find(report.key[:4].upper()) == report
    assert store.find(report.key) == report
    for bad, words in ((report.key[:3], "four or more"), ("zzzz", "four or more"), ("0000", "no report")):
        with pytest.raises(UserError, match=words):
            store.find(bad)
    store.keep("b", "INBOX", [mail(1)], Cursor(1, 1))
    with pytest.raises(UserError, match="several"):
        store.find(report.key[:8])


def test_listing_filters(store: Store) -> None:
    """By disposition, by what is open."""
    first, second, third = kept(store, 1), kept(store, 2), kept(store, 3)
    decide(store, first)
    decide(store, second, disposition=Disposition.IN_SCOPE)

    assert [r.id for r, _, _ in store.listing()] == [first, second, third]
    assert [r.id for r, _, _ in store.listing(open_only=True)] == [second]
    assert [r.id for r, _, _ in store.listing(dispositions=[Disposition.OUT_OF_SCOPE])] == [first]
    assert [v.verdict.disposition.value if v else None for _, v, _ in store.listing()] == [
        "out_of_scope",
        "in_scope",
        None,
    ]


def test_a_purge_takes_the_text_and_leaves_the_facts(store: Store, database: str, path: Path) -> None:
    """No word of the mail is left in the file; key and verdict are; the same mail is not new again."""
    first, corrected, unsaid = kept(store, 1), kept(store, 2), kept(store, 3)
    decide(store, first)
    decide(store, corrected, kind=VerdictKind.PERSON)
    decide(store, unsaid, notice(NoticeKind.CARD, "c"))

    assert store.purge(NOW + timedelta(days=1), keep_corrections=True) == 1

    assert store.raw(first) is None
    assert store.letterhead(first) is None
    current = store.current(first)
    assert current is not None
    assert current.verdict.categories
    assert all(not e.quote for f in current.verdict.categories for e in f.evidence)
    assert store.report(first).purged
    assert store.keep("a", "INBOX", [mail(1)], Cursor(8, 1)) == ()
    assert [c[0].id for c in store.corrections()] == [corrected]
    assert store.purge(NOW + timedelta(days=1), keep_corrections=False) == 1
    store.close()
    for file in path.parent.iterdir() if database.startswith("sqlite") else ():
        assert b"the words of mail 1" not in file.read_bytes(), file


def test_odd_words_of_people_are_kept(store: Store) -> None:
    """NUL, half a surrogate pair, a name without an end: what a database would refuse is replaced or cut."""
    report_id = kept(store)
    store.trouble("a\0b\ud800c", CHANNEL, "t", NOW)
    decide(store, report_id, kind=VerdictKind.PERSON, reason="x\0\udfffy", decided_by="person:" + "n" * 999)

    assert store.due(NOW, 1)[0].text == "a\ufffdb?c"
    (said,) = store.history(report_id)
    assert said.reason == "x\ufffd?y"
    assert said.decided_by.startswith("person:nnn")
    assert len(said.decided_by) == 200


def test_beats_and_counts(store: Store) -> None:
    """The last one counts."""
    store.beat("daemon", NOW)
    store.beat("daemon", NOW + timedelta(seconds=9))
    kept(store)

    assert store.last_beat("daemon") == NOW + timedelta(seconds=9)
    assert store.last_beat("x") is None
    assert store.counts() == {
        "reports": 1, "waiting": 1, "purged": 0, "notices_due": 0, "notices_stuck": 0, "for_the_digest": 0, "possible_repeats": 0,
        "drafts_due": 0,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ the file


def test_the_state_is_private(sqlite: Store, path: Path) -> None:
    """Folder 0700, files 0600, the log beside the database too."""
    kept(sqlite)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}


def test_the_migrations_make_the_schema(store: Store) -> None:
    """What the frozen migrations build is what the code's tables say."""
    assert differences(store) == []


def differences(store: Store) -> list[object]:
    """Between the database and the code's tables."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bot.store.tables import metadata

    with store._engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


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
from test_store import mail, opened
from bot.ports import Cursor
with opened({database!r}) as store:
    for n in range(40):
        store.keep(sys.argv[1], "INBOX", [mail(n + 1)], Cursor(7, n + 1))
"""
    running = [subprocess.Popen([sys.executable, "-c", program, account]) for account in ("x", "y")]

    assert [p.wait(60) for p in running] == [0, 0]
    with opened(database) as store:
        assert store.counts()["reports"] == 80
