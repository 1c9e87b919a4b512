"""Where and when verdicts are told: routes and quiet hours, from a mail to the channels of the stand-in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from mailroom import LOUD_ONES, MAIL_TEAM, MAIN, MONDAY, Mailroom, words

from bot.correction import apply, judge_again, take_back
from bot.hours import Quiet
from bot.ports import KeptReport, NoticeKind
from bot.routing import DIGEST, LOUD, Routes, first_notices
from classifiers.terms import Disposition, Finding, Verdict

OUT, IN, LOOK = Disposition.OUT_OF_SCOPE, Disposition.IN_SCOPE, Disposition.NEEDS_REVIEW
NIGHTS = Quiet(
    hours=(time(19), time(8)), days=frozenset({"sat", "sun"}), zone=ZoneInfo("Europe/Berlin")
)  # in March an hour ahead of UTC


def verdict(disposition: Disposition, *categories: str) -> Verdict:
    findings = tuple(Finding(category=c, probability=0.9, clause="c", clause_kind="named") for c in categories)
    return Verdict(report="0" * 64, disposition=disposition, confidence=0.9, why="w", categories=findings)


# ------------------------------------------------------------------------------------------------ where


ROUTES = Routes(
    channel=MAIN,
    dispositions={IN: LOUD_ONES, LOOK: DIGEST, Disposition.INCOMPLETE: DIGEST, Disposition.NOT_A_REPORT: DIGEST},
    categories={"spf": MAIL_TEAM, "cookies": DIGEST},
)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (verdict(IN), LOUD_ONES),
        (verdict(IN, "spf"), LOUD_ONES),  # live: its excluded parts route nothing
        (verdict(LOOK, "cookies"), MAIN),  # live: never the digest, whatever is configured
        (verdict(OUT), MAIN),
        (verdict(OUT, "spf"), MAIL_TEAM),
        (verdict(OUT, "cookies"), DIGEST),
        (verdict(OUT, "cookies", "spf"), MAIL_TEAM),  # a channel goes before the digest
        (verdict(OUT, "cookies", "tls"), MAIN),
        (verdict(Disposition.INCOMPLETE, "spf"), DIGEST),
        (verdict(Disposition.NOT_A_REPORT), DIGEST),
    ],
)
def test_each_verdict_has_its_place(said: Verdict, place: str) -> None:
    assert ROUTES.place(said) == place


def test_nothing_is_told_nowhere() -> None:
    """Whatever the mail is, wherever it lay, however it is routed: a card or a line; of what is live a card, but of a backlog."""
    for disposition, backlog, junk, place, kind in itertools.product(
        Disposition, (True, False), (True, False), (DIGEST, MAIN, MAIL_TEAM), ("spf", "cookies", "tls")
    ):
        routes = Routes(channel=MAIN, dispositions=dict.fromkeys(Disposition, place), categories={"spf": DIGEST})
        report = KeptReport(
            id=1, account="a", folder="f", key="0" * 64, size=1, received_at=MONDAY, kept_at=MONDAY, truncated=False,
            attempts=1, from_junk=junk, backlog=backlog, purged=False,
        )  # fmt: skip
        notices = first_notices(report, verdict(disposition, kind), routes, MONDAY)
        assert notices[0].kind in {NoticeKind.CARD, NoticeKind.DIGEST}
        assert notices[0].destination in {MAIN, MAIL_TEAM}
        if disposition in LOUD and not backlog:
            assert notices[0].kind is NoticeKind.CARD


def test_cards_go_where_they_are_routed(room: Mailroom) -> None:
    """And what is routed to the digest stands there."""
    room.routed(ROUTES)
    room.receives("in_scope", number=1)
    room.receives("out_of_scope spf", number=2)
    room.receives("out_of_scope cookies", number=3)
    room.delivery.say_digest()

    assert [len(room.posts(c)) for c in (MAIN, LOUD_ONES, MAIL_TEAM)] == [1, 1, 1]
    assert "mail 3" in words(room.posts(MAIN)[0])


def test_what_was_excluded_and_turns_out_live_gets_a_card_where_such_stand(room: Mailroom) -> None:
    """The card of before only changes: nobody there is alerted again."""
    room.routed(ROUTES)
    report = room.receives("out_of_scope spf")
    room.decides(report, IN)

    (before,), (live,) = room.posts(MAIL_TEAM), room.posts(LOUD_ONES)
    assert "decided by ana" in before["text"] + words(before)
    assert "decided by ana" in live["text"] + words(live)
    assert room.posts(MAIN) == []


def test_where_its_card_stands_there_already_a_sentence_tells_once(room: Mailroom) -> None:
    """By a person, by judging again, or by taking a dismissal back; a change that lets nothing live up is quiet."""
    report = room.receives("out_of_scope")
    room.decides(report, IN)
    assert room.titles()[1:] == [f"`{report.short}` was out of scope; ana says it is in scope. See its card."]
    room.decides(report, OUT)
    room.decides(report, Disposition.INCOMPLETE)
    assert len(room.titles()) == 2

    take_back(room.store, report.key, by="person:ben", reason="", routes=room.triage.routes, now=room.at)
    take_back(room.store, report.key, by="person:ben", reason="", routes=room.triage.routes, now=room.at)
    room.tells()
    assert room.titles()[2:] == [f"`{report.short}` was out of scope and turns out in scope: see its card."]


def test_judged_again_and_live_the_channel_is_told(room: Mailroom) -> None:
    report = room.receives("out_of_scope")
    (change,) = judge_again(room.store, room.triage.worker, [report])
    again = replace(change, after=replace(change.after, verdict=replace(verdict(LOOK), report=report.key)))
    apply(room.store, again, routes=room.triage.routes, now=lambda: room.at)
    room.tells()

    assert room.titles()[1:] == [f"`{report.short}` was out of scope and turns out needs review: see its card."]


def test_a_live_follow_up_to_what_a_person_dismissed_is_told_where_live_reports_are(room: Mailroom) -> None:
    """The card stands in a channel that few watch; the sentence comes to both."""
    room.routed(ROUTES)
    first = room.receives("out_of_scope spf", number=1)
    room.decides(first, OUT)
    room.receives("in_scope", number=2, answers=1)

    assert len(room.titles(MAIL_TEAM)) == 2
    (told,) = room.titles(LOUD_ONES)
    assert told.startswith(f"A follow-up to `{first.short}` is recommended as in scope.")


# ------------------------------------------------------------------------------------------------ when


def test_quiet_hours_hold_what_can_wait(room: Mailroom) -> None:
    """Monday 20:00 in Berlin: what is in scope is told at once, the rest in the morning, in its order."""
    room.routed(Routes(channel=MAIN, quiet=NIGHTS))
    room.at = MONDAY.replace(hour=19)
    room.receives("out_of_scope", number=1)
    room.receives("needs_review", number=2)
    room.receives("in_scope", number=3)
    assert ["mail 3" in t for t in room.titles()] == [True]

    room.at = datetime(2026, 3, 3, 6, 59, tzinfo=UTC)
    room.tells()
    assert len(room.posts()) == 1
    room.at = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    room.tells()

    assert ["mail 3" in t or "mail 1" in t for t in room.titles()] == [True, True, False]


def test_a_held_card_that_turns_out_live_is_told_at_once(room: Mailroom) -> None:
    """Once, as it stands now."""
    room.routed(Routes(channel=MAIN, quiet=NIGHTS))
    room.at = MONDAY.replace(hour=22)
    report = room.receives("out_of_scope", number=1)
    assert room.posts() == []

    room.receives("in_scope", number=2, answers=1)
    assert "In scope" in room.titles()[0]
    room.at += timedelta(days=1)
    room.tells()

    assert len([t for t in room.titles() if report.short in t and "In scope" in t]) == 1


def test_a_decision_on_a_held_report_is_not_held_up(room: Mailroom) -> None:
    """It is decided before its card was ever said: the card comes in the morning, decided."""
    room.routed(Routes(channel=MAIN, quiet=NIGHTS))
    room.at = MONDAY.replace(hour=22)
    report = room.receives("needs_review")
    room.decides(report, OUT)
    assert room.posts() == []
    room.at += timedelta(hours=12)
    room.tells()

    (card,) = room.posts()
    assert "decided by ana" in words(card)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-10-23 18:59", "2026-10-23 18:59"),  # a Friday; not quiet yet
        ("2026-10-23 19:00", "2026-10-26 08:00"),  # over the weekend, in which the clocks change
        ("2026-10-24 12:00", "2026-10-26 08:00"),
        ("2026-10-26 07:59", "2026-10-26 08:00"),
        ("2026-10-26 08:00", "2026-10-26 08:00"),
        ("2026-10-27 00:30", "2026-10-27 08:00"),  # over midnight
    ],
)
def test_quiet_ends(at: str, ends: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    asked, wanted = (datetime.fromisoformat(t).replace(tzinfo=zone) for t in (at, ends))

    assert NIGHTS.ends(asked) == wanted
    assert NIGHTS.holds(asked) is (asked != wanted)


@pytest.mark.parametrize(
    ("quiet", "at", "hours", "wanted"),
    [
        (Quiet(), "2026-10-23 18:00", 6, "2026-10-24 00:00"),  # no quiet hours: the clock runs on
        (NIGHTS, "2026-10-23 18:00", 4, "2026-10-26 11:00"),
        (NIGHTS, "2026-10-24 18:00", 4, "2026-10-26 12:00"),
        (NIGHTS, "2026-10-20 09:00", 10, "2026-10-20 19:00"),  # the last minute counts
        (NIGHTS, "2026-10-20 09:00", 25, "2026-10-22 12:00"),
        (Quiet(hours=(time(12), time(13))), "2026-10-20 11:00", 2, "2026-10-20 14:00"),
    ],
)
def test_time_passes_only_where_it_is_not_quiet(quiet: Quiet, at: str, hours: int, wanted: str) -> None:
    asked, due = (datetime.fromisoformat(t).replace(tzinfo=quiet.zone) for t in (at, wanted))

    assert quiet.after(asked, timedelta(hours=hours)) == due


def test_quiet_hours_are_told_in_words() -> None:
    assert str(NIGHTS) == "19:00 to 08:00, sat, sun (Europe/Berlin)"
    assert str(Quiet()) == "none"
