"""Slack's pace: buckets, order, restarts; and a burst of 500 reports, with Slack failing now and then."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import pytest
from burst import CHANNEL, burst, in_their_order

from bot.jobs import Jobs, Parts
from bot.local.slack import LocalSlack
from bot.pacing import PACE, Bucket, Pacer
from bot.ports import NewNotice, NoticeKind
from bot.store import Store

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
MANY = 500


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(channels=(CHANNEL, "C0OTHER")) as it:
        yield it


# ------------------------------------------------------------------------------------------------ the burst


@pytest.mark.timeout(900)
def test_five_hundred_reports_at_once(tmp_path: Path, slack: LocalSlack) -> None:
    """None lost, none twice, each card in its turn and before what stands under it; never faster than Slack takes.

    On the way Slack asks to slow down, answers 500 to what it took, hangs up before and after it took it; the bot is
    started anew twice, once right after Slack asked for half a minute.
    """
    with burst(tmp_path, slack, MANY) as it:
        it.says(120)
        slack.script("429:30")
        it.at += PACE
        assert it.delivery.deliver() == 0
        it.starts_anew()
        asked_at = it.at
        it.says(200)
        assert it.told[120][0] >= asked_at + timedelta(seconds=30)
        slack.script("ok", "500", "ok", "ok", "reset", "ok", "refuse", "ok", "429:2")
        it.says(300)
        it.starts_anew()
        it.says()

        cards = [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]
        under = Counter(m["thread_ts"] for m in slack.messages(CHANNEL) if m.get("thread_ts"))
        assert len(cards) == MANY
        assert under == Counter(m["ts"] for m in cards)  # each card's details, once
        assert in_their_order(it, [m["metadata"]["event_payload"]["report"] for m in cards])
        assert it.store.counts()["notices_due"] == 0
        assert min(b - a for (a, _), (b, _) in itertools.pairwise(it.told)) >= PACE


def test_what_waits_for_the_pace_alone_is_said_when_that_is_over(tmp_path: Path, slack: LocalSlack) -> None:
    """Not at the tick after: it would miss every second moment. What waits for something else is left to the ticks."""
    with burst(tmp_path, slack, 2) as it:
        assert it.delivery.deliver() == 1
        assert it.delivery.pause() == PACE
        it.at += PACE
        assert it.delivery.pause() is None  # nothing to wait for
        slack.script("429:30")
        assert it.delivery.deliver() == 0
        assert it.delivery.pause() is None
        it.at += timedelta(seconds=31)
        it.says()
        assert it.delivery.pause() is None


def test_the_daemon_waits_out_the_pace_and_goes_on() -> None:
    """Until nothing waits for it, or it is told to stop."""
    stopping, watch = threading.Event(), Mock()
    delivery = Mock(pause=Mock(side_effect=[timedelta(milliseconds=1), timedelta(milliseconds=1), None]))
    parts = cast("Parts", Mock(delivery=delivery, watch=watch, readers=()))
    deliver = {name: job for _, name, job in Jobs(parts, stopping, Mock()).all()}["deliver"]

    deliver()
    assert delivery.deliver.call_count == 3
    stopping.set()
    deliver()
    assert delivery.deliver.call_count == 3


def test_a_decision_is_shown_at_once_though_hundreds_wait(tmp_path: Path, slack: LocalSlack) -> None:
    """Edits have a bucket of their own, and go before what nobody pressed for."""
    with burst(tmp_path, slack, 40) as it:
        it.says(3)
        before = it.at
        it.decides(0)
        it.says(1)

        assert it.at - before < timedelta(seconds=1)
        assert it.told[-1][1] == "update"
        assert "decided by ana" in str(slack.messages(CHANNEL)[0])


def test_cards_go_before_what_stands_under_them(tmp_path: Path, slack: LocalSlack) -> None:
    """In a burst people see what there is before they see every reason."""
    with burst(tmp_path, slack, 10) as it:
        it.says()

    assert [bool(m.get("thread_ts")) for m in slack.messages(CHANNEL)] == [False] * 10 + [True] * 10


def test_what_stands_in_one_thread_keeps_its_order(tmp_path: Path, slack: LocalSlack) -> None:
    """A later message waits for an earlier one that Slack refused for now; other threads do not."""
    with burst(tmp_path, slack, 2) as it:
        it.says(2)
        for number in (0, 1):
            report = it.store.listing()[number][0]
            further = NewNotice(kind=NoticeKind.FOLLOW_UP, destination=CHANNEL, key=f"f{number}", due_at=it.at)
            it.store.add(report.id, further, it.at)
        slack.script("error:fatal_error")
        it.says()

        threads = [m for m in slack.messages(CHANNEL) if m.get("thread_ts")]
        for card in [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]:
            kinds = [m["metadata"]["event_payload"]["kind"] for m in threads if m["thread_ts"] == card["ts"]]
            assert kinds == ["details", "follow_up"]


# ------------------------------------------------------------------------------------------------ buckets


def test_a_bucket_holds_some_and_fills_at_its_pace() -> None:
    """Five at once, then one a second; after a rest five again, and no more than that."""
    bucket, full_at = Bucket(timedelta(seconds=1), 5), NOW - timedelta(hours=1)
    taken = []
    for second in (0, 1, 2, 3, 60, 61):
        at, count = NOW + timedelta(seconds=second), 0
        while bucket.free_at(full_at) <= at:
            full_at, count = bucket.taken(full_at, at), count + 1
        taken.append(count)

    assert taken == [5, 1, 1, 1, 5, 1]


def pacer(store: Store, at: list[datetime]) -> Pacer:
    return Pacer(store, lambda: at[0])


def spend(store: Store, it: Pacer, channel: str, *, edit: bool = False) -> None:
    """One message is said, and written down as delivery does."""
    for name, moment in it.take(channel, edit=edit).items():
        store.beat(name, moment)


def test_channels_edits_and_the_workspace_have_buckets_of_their_own(tmp_path: Path) -> None:
    at = [NOW]
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: NOW) as store:
        it = pacer(store, at)
        spend(store, it, "C1")
        assert (it.room().busy, it.room().edits, it.room().posts) == ({"C1"}, True, True)

        for n in range(19):
            spend(store, it, f"D{n}")
        assert not it.room().posts  # twenty at once, of all channels together
        for _ in range(5):
            assert it.room().edits
            spend(store, it, "C1", edit=True)
        assert not it.room().edits
        at[0] += timedelta(seconds=1.3)
        assert (it.room().busy, it.room().edits, it.room().posts) == (frozenset(), True, True)


def test_copies_of_the_bot_share_the_buckets(tmp_path: Path) -> None:
    """What one says, the other need not ask of Slack as well."""
    at = [NOW]
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: NOW) as store:
        one, other = pacer(store, at), pacer(store, at)
        assert other.room().busy == frozenset()
        spend(store, one, "C1")

        assert other.room().busy == {"C1"}


def test_a_restart_forgets_neither_pace_nor_what_slack_asked_for(tmp_path: Path) -> None:
    at = [NOW]
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: NOW) as store:
        it = pacer(store, at)
        store.mark_said(_trouble(store), NOW, "1.1", it.take("C1", edit=False))
        it.hold("C2", timedelta(minutes=2))

        anew = pacer(store, at)
        assert (anew.room().busy, anew.room().held) == ({"C1"}, {"C2"})
        assert anew.free_at("C2") == NOW + timedelta(minutes=2)
        at[0] += timedelta(minutes=2)
        assert (anew.room().busy, anew.room().held) == (frozenset(), frozenset())


def test_a_clock_that_was_set_back_holds_nothing_up(tmp_path: Path) -> None:
    """What lies hours ahead was written by another clock; and once it is noticed, all is free."""
    at = [NOW]
    with Store.open(f"sqlite:///{tmp_path}/t.db", now=lambda: NOW) as store:
        it = pacer(store, at)
        store.mark_said(_trouble(store), NOW, "1.1", it.take("C1", edit=False))
        at[0] -= timedelta(hours=5)
        assert pacer(store, at).room().busy == frozenset()

        at[0] += timedelta(hours=5)
        assert it.room().busy == {"C1"}
        it.forget()
        assert (it.room().busy, pacer(store, at).room().busy) == (frozenset(), frozenset())


def _trouble(store: Store) -> int:
    store.trouble("x", "C1", "k", NOW)
    return store.due(NOW, 1)[0].id
