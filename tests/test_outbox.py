"""Nothing is said twice, and nothing is forgotten: what is to be said, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from stores import CHANNEL, NOW, decide, kept, notice, opened

from bot.ports import NoticeKind, NoticeState, Room
from bot.store import Store


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Of each kind: the whole file is the store's contract."""
    with opened(database) as it:
        yield it


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
