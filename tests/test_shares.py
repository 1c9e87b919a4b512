"""Several copies of the bot on one database: each mailbox is read by one, each notice is said by one, a dead one's work is taken over."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from postgres import Postgres
from running import Running, account, configuration, until
from stores import NOW, decide, kept, notice, opened
from test_crash_sweep import CHANNEL
from test_journey_thread import GENUINE, mail
from test_triage import Instant, connected, reading, triage

from bot.local.slack import LocalSlack
from bot.ports import NoticeKind, NoticeState
from bot.shares import All, Share
from bot.store import Store
from bot.triage import Reading
from classifiers.terms import Disposition

LEASE = timedelta(seconds=30)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with opened(database) as it:
        yield it


class Time:
    """That of several copies."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def share(self, store: Store, name: str, *accounts: str) -> Share:
        return Share(store, accounts, lasting=LEASE, now=self.now, monotonic=self.monotonic, name=name)


def held(share: Share, *accounts: str) -> list[str]:
    return [a for a in accounts if share.reads(a)]


# ------------------------------------------------------------------------------------------------ leases


def test_a_lease_is_one_holders_until_it_is_over(store: Store) -> None:
    """Renewed by its holder, taken by another only after its end, given back by its holder alone."""
    end = NOW + LEASE

    assert store.take("x", "one", NOW, end)
    assert not store.take("x", "two", NOW, end)
    assert store.take("x", "one", NOW, end)
    store.give_back("x", "two")
    assert store.leased("", NOW) == {"x": "one"}
    assert store.leased("", end) == {}
    assert store.take("x", "two", end, end + LEASE)
    store.give_back("x", "two")
    assert store.take("x", "one", NOW, end)
    assert store.take("x_", "one", NOW, end)
    assert store.leased("x_", NOW) == {"x_": "one"}


def test_copies_share_the_mailboxes_and_one_keeps_house(store: Store) -> None:
    """The first takes all; a second gets its half; what one that ends gives back the other takes."""
    time, accounts = Time(), ("a", "b", "c")
    one, two = time.share(store, "one", *accounts), time.share(store, "two", *accounts)
    one.renew()
    assert (held(one, *accounts), one.keeps_house) == (["a", "b", "c"], True)

    for share in (two, one, two):
        share.renew()
    assert sorted(held(one, *accounts) + held(two, *accounts)) == ["a", "b", "c"]
    assert len(held(two, *accounts)) == 1
    assert not two.keeps_house

    one.end()
    two.renew()
    assert (held(one, *accounts), held(two, *accounts), two.keeps_house) == ([], ["a", "b", "c"], True)


def test_a_copy_that_is_stopped_knows_at_once_that_it_holds_nothing(store: Store) -> None:
    """By its own clock, without asking; the other takes over when the lease is over, and not before."""
    time = Time()
    one, two = time.share(store, "one", "a"), time.share(store, "two", "a")
    one.renew()
    time.seconds += LEASE.total_seconds() - 1
    two.renew()
    assert (held(one, "a"), held(two, "a")) == (["a"], [])

    time.seconds += 1
    assert held(one, "a") == []
    two.renew()
    assert held(two, "a") == ["a"]
    one.renew()
    assert held(one, "a") == []


def test_a_copy_that_is_alone_does_everything() -> None:
    """And has nothing to renew."""
    work = All()
    work.renew()
    work.end()

    assert work.reads("any")
    assert work.keeps_house


# ------------------------------------------------------------------------------------------------ claims and verdicts


def test_a_notice_is_in_one_hand(store: Store) -> None:
    """Claimed by one, passed over by the other; free again when it is put off, or when the claim is over."""
    for n in (1, 2):
        decide(store, kept(store, n), notice(NoticeKind.CARD, f"c{n}"))
    end = NOW + LEASE
    first, second = store.claim(NOW, "one", end), store.claim(NOW, "two", end)
    assert first is not None
    assert second is not None
    assert (first.key, second.key) == ("c1", "c2")
    assert store.claim(NOW, "three", end) is None

    assert not store.mark_sending(first.id, NOW, "two")
    assert store.mark_sending(first.id, NOW, "one")
    assert not store.mark_sending(first.id, end, "one"), "its claim is over"
    store.put_off(second.id, NOW, "refused")
    again = store.claim(NOW, "three", end)
    assert again is not None
    assert again.key == "c2"
    taken_over = store.claim(end, "four", end + LEASE)
    assert taken_over is not None
    assert (taken_over.key, taken_over.state) == ("c1", NoticeState.SENDING)


def test_of_two_messages_the_first_that_was_marked_stands(store: Store) -> None:
    """The other is told that it is a repeat; marking again what was marked is none."""
    report_id = kept(store)
    decide(store, report_id, notice(NoticeKind.CARD, "c"))
    (card,) = store.due(NOW, 1)

    assert store.mark_said(card.id, NOW, "1.1")
    assert not store.mark_said(card.id, NOW, "2.2")
    assert store.mark_said(card.id, NOW, "1.1")
    assert store.cards_of(report_id)[0].ts == "1.1"


def test_a_report_is_judged_once_though_two_do(store: Store) -> None:
    """One was stopped in the middle, the other took over: its verdict stands, the late one leaves no trace."""
    box = connected("INBOX")
    box.deliver(b"Subject: 1\r\n\r\nx\r\n", received_at=NOW)
    slow, fast = triage(store, Instant(Disposition.OUT_OF_SCOPE)), triage(store, Instant(Disposition.IN_SCOPE))
    slow.read(box, reading(timedelta(days=400), "INBOX"))
    judge = slow.worker.judge
    slow.worker.judge = lambda tasks: (fast.judge_waiting(), judge(tasks))[1]  # type: ignore[method-assign, assignment]

    slow.judge_waiting()

    ((report, current, _),) = store.listing()
    assert current is not None
    assert current.verdict.disposition is Disposition.IN_SCOPE
    assert len(store.history(report.id)) == 1
    assert store.examine().problems == ()


def test_reports_of_other_copies_mailboxes_are_left_alone(store: Store) -> None:
    """Those of an account that is configured no more are not."""
    for name in ("mine", "theirs", "gone"):
        box = connected("INBOX")
        box.deliver(f"Subject: {name}\r\n\r\nx\r\n".encode(), received_at=NOW)
        mine = Reading(account=name, folders=("INBOX",), junk=frozenset(), start=timedelta(days=400))
        triage(store).read(box, mine)

    assert triage(store).judge_waiting(besides=["theirs"]) == 2
    assert [r.account for r in store.waiting(9)] == ["theirs"]


# ------------------------------------------------------------------------------------------------ the real program


def told(slack: LocalSlack) -> Counter[str]:
    return Counter(m["metadata"]["event_payload"]["key"] for m in slack.messages(CHANNEL))


@pytest.mark.dovecot
@pytest.mark.postgresql
@pytest.mark.timeout(400)
def test_one_card_a_report_while_copies_are_killed_and_stopped(
    dovecot: Dovecot, postgres: Postgres, tmp_path: Path
) -> None:
    """Three daemons on one PostgreSQL; one after the other is killed or stopped for longer than its lease, and Slack fails beside."""
    random_ = random.Random(20261129)
    url = postgres.database()
    with LocalSlack(channels=(CHANNEL,)) as slack, ExitStack() as copies:
        config = configuration(
            tmp_path,
            account(dovecot, poll_every="1s"),
            slack,
            url=url,
            grace="3s",
            timeout="2s",
            more="",
            audit_share=0.0,
        )
        text = config.read_text().replace(f'url = "{url}"', f'url = "{url}"\nlease = "3s"')
        config.write_text(text)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}

        def start() -> Running:
            return copies.enter_context(Running(config, secrets))

        running = [start() for _ in range(3)]
        running[0].looked(seconds=60)
        number = 0
        for round_ in range(6):
            for _ in range(4):
                number += 1
                dovecot.deliver(
                    mail(f"r{number}@hunter.example", number, f"Finding {number}", f"{GENUINE} Case {number}.")
                )
            slack.script(*random_.choices(["ok", "reset", "500", "429:1"], k=3))
            victim = running[round_ % 3]
            until(partial(_said, slack, "", 2 * number - 7), 60)
            if round_ % 2:
                victim.process.send_signal(signal.SIGKILL)
                running[round_ % 3] = start()
            else:
                victim.process.send_signal(signal.SIGSTOP)
                until(partial(_said, slack, "card:", number), 90)
                victim.process.send_signal(signal.SIGCONT)
        until(lambda: sum(told(slack).values()) >= 2 * number and not _due(url), 120)
        assert [bot.terminate(30) for bot in running] == [0, 0, 0]

    keys = told(slack)
    assert set(keys.values()) == {1}, keys
    assert Counter(k.partition(":")[0] for k in keys) == {"card": number, "details": number}
    with Store.open(url, now=lambda: datetime.now(UTC)) as store:
        assert [len(store.history(r.id)) for r, _, _ in store.listing()] == [1] * number
        assert store.examine().problems == ()


def _said(slack: LocalSlack, kind: str, most: int) -> bool:
    """Whether so many messages of a kind were said."""
    return len([k for k in told(slack) if k.startswith(kind)]) >= most


def _due(url: str) -> Any:
    with Store.open(url, now=lambda: datetime.now(UTC)) as store:
        counts = store.counts()
    return counts["waiting"] + counts["notices_due"]
