"""What was returned from is on the disk, a person's word sticks, and text can be forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stores import CHANNEL, NOW, decide, kept, mail, notice, opened, verdict

from bot.ports import Cursor, Letterhead, NoticeKind, VerdictKind
from bot.store import Changed, Store
from classifiers.errors import UserError
from classifiers.terms import Disposition


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "triage.db"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Of each kind: the whole file is the store's contract."""
    with opened(database) as it:
        yield it


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
from stores import mail, opened
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
