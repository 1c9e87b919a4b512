"""Read, keep, judge, record: with a mailbox that fails on cue and a real store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import FIRST_MAIL, ScriptedMailbox

from bot.ports import Context, Letterhead
from bot.routing import Routes
from bot.store import Store
from bot.tasks import Judged, Task, unreadable
from bot.triage import ATTEMPTS, Reading, Triage
from bot.worker import Worker
from classifiers.errors import FolderRefused, MailboxError, StoreError
from classifiers.terms import Disposition, Verdict, Versions, report_key

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class Instant(Worker):
    """Judges without a process: what a test wants."""

    def __init__(self, disposition: Disposition = Disposition.IN_SCOPE) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))
        self.disposition = disposition
        self.asked: list[bytes] = []

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            self.asked.append(task.raw)
            verdict = Verdict(report=report_key(task.raw), disposition=self.disposition, confidence=0.9, why="w")
            yield Judged(verdict=verdict, letterhead=Letterhead(subject="s"))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with Store.open(database, now=lambda: NOW) as it:
        yield it


def triage(store: Store, worker: Worker | None = None) -> Triage:
    return Triage(store=store, worker=worker or Instant(), routes=Routes(channel="C1"), now=lambda: NOW)


def reading(start: timedelta | None = timedelta(days=30), *folders: str) -> Reading:
    return Reading(account="a", folders=folders or ("INBOX", "Junk"), junk=frozenset({"Junk"}), start=start)


def mail(n: int) -> bytes:
    return b"Subject: %d\r\n\r\nmail %d\r\n" % (n, n)


def connected(*folders: str, **more: int) -> ScriptedMailbox:
    box = ScriptedMailbox(*folders, **more)  # type: ignore[arg-type]
    box.connect()
    return box


def test_from_now_on_means_from_now_on(store: Store) -> None:
    """What lay there is left alone; what comes later is kept, with its folder."""
    box = connected()
    box.deliver(mail(1))
    it = triage(store)

    assert it.read(box, reading(None)) == 0
    box.deliver(mail(2), received_at=NOW + timedelta(minutes=1))
    box.deliver(mail(3), "Junk", received_at=NOW + timedelta(minutes=2))
    assert it.read(box, reading(None)) == 2
    assert it.read(box, reading(None)) == 0
    assert [(r.folder, r.from_junk) for r, _, _ in store.listing()] == [("INBOX", False), ("Junk", True)]


def test_a_start_reaches_back_and_no_further(store: Store) -> None:
    """By the time of arrival, whatever the server's days are; and it is a backlog."""
    box = connected()
    box.deliver(mail(1), received_at=NOW - timedelta(days=40))
    box.deliver(mail(2), received_at=NOW - timedelta(days=29))

    assert triage(store).read(box, reading()) == 1
    assert [r.backlog for r, _, _ in store.listing()] == [True]


def test_a_backlog_posts_no_flood(store: Store) -> None:
    """Old mail goes to the digest; new mail gets a card."""
    box = connected()
    for n in range(30):
        box.deliver(mail(n), received_at=NOW - timedelta(days=2))
    it = triage(store)
    it.read(box, reading())
    it.judge_waiting()
    assert store.due(NOW, 100) == ()
    assert store.counts()["for_the_digest"] == 30

    box.deliver(mail(99), received_at=NOW + timedelta(minutes=1))
    it.read(box, reading())
    it.judge_waiting()
    assert [n.kind.value for n in store.due(NOW, 100)] == ["card"]


def test_what_comes_within_the_second_of_the_first_look_is_no_backlog(store: Store) -> None:
    """Servers keep the time of arrival in whole seconds; ours has a fraction."""
    box = connected()
    it = Triage(store=store, worker=Instant(), routes=Routes(channel="C1"), now=lambda: NOW + timedelta(seconds=0.7))
    it.read(box, reading())
    box.deliver(mail(1), received_at=NOW)
    it.read(box, reading())
    it.judge_waiting()

    assert [n.kind.value for n in store.due(NOW + timedelta(seconds=1), 100)] == ["card"]


def test_a_changed_uidvalidity_posts_nothing_twice(store: Store) -> None:
    """All is read anew, known again by its key; only what is new is kept."""
    box = connected()
    for n in range(3):
        box.deliver(mail(n), received_at=NOW + timedelta(minutes=n))
    it = triage(store)
    it.read(box, reading())
    it.judge_waiting()
    said = len(store.due(NOW, 100))
    box.set_uidvalidity(77)
    box.deliver(mail(9), received_at=NOW + timedelta(minutes=9))

    assert it.read(box, reading()) == 1
    it.judge_waiting()
    assert len(store.due(NOW, 100)) == said + 1
    cursor = store.cursor("a", "INBOX")
    assert cursor is not None
    assert (cursor.uidvalidity, cursor.uid) == (77, 4)


def test_a_break_in_mid_fetch_loses_and_repeats_nothing(store: Store) -> None:
    """What was read is kept, the rest comes next time."""
    box = connected(batch=2)
    for n in range(5):
        box.deliver(mail(n), received_at=NOW + timedelta(minutes=n))
    it = triage(store)
    box.fail("fetch", after=1)

    with pytest.raises(MailboxError):
        it.read(box, reading())
    assert store.counts()["reports"] == 2

    box.connect()
    assert it.read(box, reading()) == 3
    assert ("fetch", (3, 4, 5)) in box.calls


def test_a_full_disk_moves_no_cursor(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was kept, so the same mail is read again."""
    box = connected()
    box.deliver(mail(1), received_at=NOW)
    it = triage(store)

    def full(*_: object) -> None:
        raise StoreError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(store, "keep", full)
        with pytest.raises(StoreError):
            it.read(box, reading())
    assert it.read(box, reading()) == 1


def test_a_folder_that_is_gone_keeps_no_other_from_being_read(store: Store) -> None:
    """The second is read; the first is told."""
    box = connected("INBOX")
    box.deliver(mail(1), received_at=NOW)

    with pytest.raises(FolderRefused):
        triage(store).read(box, reading(timedelta(days=1), "Gone", "INBOX"))
    assert store.counts()["reports"] == 1


def test_mails_that_vanish_are_not_asked_for_for_ever(store: Store) -> None:
    """Somebody deletes between SEARCH and FETCH."""
    box = connected("INBOX")
    box.deliver(mail(1), received_at=NOW)
    it = triage(store)
    it.read(box, reading(timedelta(days=1), "INBOX"))
    box.deliver(mail(2), received_at=NOW)
    uids = box.uids_after
    box.uids_after = lambda uid, since=None: (*uids(uid, since), 9)  # type: ignore[method-assign]

    assert it.read(box, reading(timedelta(days=1), "INBOX")) == 1
    cursor = store.cursor("a", "INBOX")
    assert cursor is not None
    assert cursor.uid == 9


def test_a_verdict_is_recorded_with_what_is_to_be_said(store: Store) -> None:
    """Card and details for what matters; the digest for the rest."""
    box = connected("INBOX", "Junk")
    worker = Instant(Disposition.OUT_OF_SCOPE)
    it = triage(store, worker)
    it.read(box, reading(None))
    box.deliver(mail(1), received_at=NOW + timedelta(minutes=1))
    box.deliver(mail(2), "Junk", received_at=NOW + timedelta(minutes=1))
    it.read(box, reading(None))

    assert it.judge_waiting() == 2
    assert [n.kind.value for n in store.due(NOW, 9)] == ["card"]
    assert store.counts()["for_the_digest"] == 1
    assert [v.verdict.disposition for _, v, _ in store.listing() if v] == [Disposition.OUT_OF_SCOPE] * 2


def test_a_mail_that_ends_the_bot_is_given_to_a_person(store: Store) -> None:
    """Attempts count before the work: after three, nobody tries again."""

    class Deadly(Instant):
        def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
            list(tasks)
            raise SystemExit

    box = connected("INBOX")
    box.deliver(mail(1), received_at=FIRST_MAIL)
    triage(store).read(box, reading(timedelta(days=3), "INBOX"))
    for _ in range(ATTEMPTS):
        with pytest.raises(SystemExit):
            triage(store, Deadly()).judge_waiting()

    deadly = Deadly()
    deadly.judge = lambda tasks: iter([Instant().judge([t]).__next__() for t in tasks])  # type: ignore[method-assign,assignment]
    triage(store, deadly).judge_waiting()

    ((_, recorded, _),) = store.listing()
    assert recorded is not None
    assert recorded.verdict.disposition is Disposition.NEEDS_REVIEW
    assert recorded.verdict.defects


def test_stopping_finishes_the_mail_in_hand(store: Store) -> None:
    """What is not done waits, and is done at the next start."""
    box = connected("INBOX")
    for n in range(5):
        box.deliver(mail(n), received_at=NOW)
    it = triage(store)
    it.read(box, reading(timedelta(days=1), "INBOX"))

    assert it.judge_waiting(stop=lambda: True) == 1
    assert len(store.waiting(9)) == 4
    assert it.judge_waiting() == 4


def test_safe_facts_need_no_parsing() -> None:
    """A verdict on bytes nobody could read goes to a person."""
    verdict = unreadable("0" * 64, "crash", "p", Versions(rules="r", model="m", policy="p"))

    assert verdict.disposition is Disposition.NEEDS_REVIEW
    assert verdict.versions.rules == "r"
