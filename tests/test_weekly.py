"""The weekly digest: when it is said, and what stands in it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from mailroom import MAIN, MONDAY, Mailroom

from bot.hours import last_at
from bot.muting import mute
from bot.overview import overview
from bot.weekly import Weekly
from classifiers.terms import Disposition

BERLIN = ZoneInfo("Europe/Berlin")


def weekly(room: Mailroom) -> Weekly:
    """On Mondays at nine in Berlin, which is eight or seven here."""
    return Weekly(
        store=room.store, wording=room.wording, channel=MAIN, day="mon", clock=time(9), zone=BERLIN, now=lambda: room.at,
        stands=lambda: overview(
            room.store, room.triage.worker, room.wording, routes=room.triage.routes, accounts=("a",), at=room.at
        ),
    )  # fmt: skip


def test_the_week_is_told_in_one_message(room: Mailroom) -> None:
    """Counts, categories, what people decided, what waits, who is muted; of no mail a word."""
    assert weekly(room).tick() is False  # the first look: no week has passed
    passes = "Authentication-Results: mx.us.example; dmarc=pass\r\n"
    noise = room.receives("out_of_scope spf cookies", number=1, head=passes)
    live = room.receives("in_scope", number=2)
    room.receives("out_of_scope cookies", number=3)
    room.at += timedelta(hours=2)
    room.decides(noise, Disposition.INCOMPLETE)
    mute(room.store, noise, by="person:ana", now=room.at)
    room.at = MONDAY + timedelta(days=6, hours=22)
    before = len(room.posts())

    assert weekly(room).tick()
    room.tells()

    (said,) = room.titles()[before:]
    assert said.split("\n") == [
        "*The week*",
        "3 reports came in: 1 in scope, 1 out of scope, 1 incomplete",
        "People decided 1, 0 of them as recommended",
        "Half of those were decided within 2 h",
        "Excluded most: Cookies (1)",
        f"1 report waits for a person, the longest for 6 d: `{live.short}`",
        "1 sender is muted: `/triage mutes`",
    ]


def test_it_is_said_once_a_week_also_across_restarts(room: Mailroom) -> None:
    """Whoever was down at its time says it later; who looks again says nothing."""
    weekly(room).tick()
    told = []
    for hours in range(0, 24 * 22, 3):
        room.at = MONDAY + timedelta(hours=hours)
        told += [hours] if weekly(room).tick() else []
    room.tells()

    assert told == [168, 336, 504]  # the Mondays that followed, at the first look after eight
    assert len(room.posts()) == 3


def test_an_empty_week_is_told_too(room: Mailroom) -> None:
    """That nothing came is news: perhaps nothing arrives."""
    weekly(room).tick()
    room.at += timedelta(days=7)
    weekly(room).tick()
    room.tells()

    assert room.titles() == ["*The week*\nNo reports came in\nNothing waits for a person."]


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-11-02 09:00", "2026-11-02 09:00"),
        ("2026-11-02 08:59", "2026-10-26 09:00"),
        ("2026-11-01 23:00", "2026-10-26 09:00"),
        ("2026-10-25 12:00", "2026-10-19 09:00"),  # the day on which the clocks change
    ],
)
def test_the_last_time_that_it_was_so(now: str, last: str) -> None:
    asked, wanted = (datetime.fromisoformat(t).replace(tzinfo=BERLIN) for t in (now, last))

    assert last_at(asked, "mon", time(9), BERLIN) == wanted
