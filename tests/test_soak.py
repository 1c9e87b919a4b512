"""What a soak counts: it can fail. The soak itself is `make soak`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mailroom import MAIN, Mailroom, mailroom
from soak import GROWTH, Growth, Outcome, outcome, troubles

from bot.slack.view import REPEAT
from classifiers.terms import Disposition

STEADY = Growth(warm=100.0, end=100.0 + GROWTH)
Words = Counter[tuple[str, str, str]]


@pytest.fixture
def soaked(tmp_path: Path, no_proxy: None) -> Iterator[Mailroom]:  # noqa: ARG001 - its work is done before
    """Three mails: a card, a copy of it that joins it, and a line of the digest."""
    with mailroom(f"sqlite:///{tmp_path}/t.db") as room:
        for number, verdict in enumerate(("out_of_scope spf", "out_of_scope spf", "not_a_report")):
            room.receives(verdict, "one template for everybody " * 9, number=number)
        room.delivery.say_digest()
        yield room


def counted(
    room: Mailroom, *more: bytes, words: Words | None = None, messages: list[dict[str, Any]] | None = None
) -> Outcome:
    mails = [raw for raw, _ in room.box.mails("INBOX").values()]
    return outcome(
        [*mails, *more], room.store, room.slack.messages(MAIN) if messages is None else messages, words or Counter()
    )


def test_all_is_well_where_each_mail_is_told_and_each_word_holds(soaked: Mailroom) -> None:
    report = soaked.store.listing()[0][0]
    soaked.decides(report, Disposition.IN_SCOPE)

    it = counted(soaked, words=Counter({(report.short, "person:ana", "in_scope"): 1}))

    assert troubles(it, STEADY, []) == []
    assert (it.mails, it.verdicts, it.said["card"], it.said["digest"]) == (3, 3, 1, 1)
    assert it.told == {"on a card": 2, "in the digest": 1}


def test_what_is_lost_is_told(soaked: Mailroom) -> None:
    """A mail that was never kept; a card and a digest that do not stand in Slack."""
    assert len(counted(soaked, b"Subject: another\r\n\r\nmail\r\n").lost) == 1
    assert len(counted(soaked, messages=[]).lost) == 3


def test_what_stands_twice_is_told_unless_it_says_so(soaked: Mailroom) -> None:
    messages = soaked.slack.messages(MAIN)
    silent, honest = messages[0], messages[0] | {"text": REPEAT}

    assert [r.partition(":")[0] for r in counted(soaked, messages=[*messages, silent]).repeats] == ["card"]
    assert counted(soaked, messages=[*messages, honest]).repeats == ()


def test_a_word_that_is_gone_is_told(soaked: Mailroom) -> None:
    report = soaked.store.listing()[0][0]

    it = counted(soaked, words=Counter({(report.short, "person:ana", "in_scope"): 1}))

    assert troubles(it, STEADY, []) == [f"forgotten: {report.short} person:ana in_scope"]


def test_growth_what_waits_and_an_end_are_told(soaked: Mailroom) -> None:
    grown = Growth(warm=100.0, end=101.0 + GROWTH)
    soaked.slack.script("error:fatal_error")
    soaked.receives("in_scope", "another finding", number=9)

    told = troubles(counted(soaked), grown, [1])

    assert [t.partition(":")[0].split(" by ")[0] for t in told] == [
        "lost",
        "still to be said",
        "the bot ended",
        "memory grew",
    ]
