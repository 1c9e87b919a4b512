"""The waiting clock: live reports that nobody took are brought back once, in their thread, in working hours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from mailroom import LOUD_ONES, MAIL_TEAM, MAIN, MONDAY, Mailroom
from test_likeness import ACME
from test_routing import NIGHTS

from bot.correction import take_back
from bot.history import waiting_since
from bot.hours import Quiet
from bot.ports import Act, ActKind, KeptReport, Outcome
from bot.reminding import Reminders
from bot.routing import Routes
from classifiers.terms import Disposition

AFTER = timedelta(hours=4)


def later(room: Mailroom, hours: float, *, quiet: Quiet | None = None, group: str = "") -> int:
    """The clock goes on, and looks: how many reminders."""
    room.at += timedelta(hours=hours)
    clock = Reminders(store=room.store, quiet=quiet or Quiet(), after=AFTER, group=group, now=lambda: room.at)
    found = clock.tick()
    room.tells()
    return found


def take(room: Mailroom, report: KeptReport, kind: ActKind = ActKind.TAKE) -> None:
    room.store.hold(Act(report_id=report.id, kind=kind, by="person:ana (U0ANA)", at=room.at, outcome=Outcome.DONE), ())


@pytest.mark.parametrize("said", ["in_scope", "needs_review"])
def test_a_live_report_that_nobody_took_is_brought_back_once(room: Mailroom, said: str) -> None:
    """In its thread, with its id and whoever is to be called; never again after that."""
    report = room.receives(said)
    room.receives("out_of_scope", number=2)
    room.receives("not_a_report", number=3)
    assert later(room, 3.9) == 0

    assert later(room, 0.2, group="S0SECURITY") == 1
    assert later(room, 100) == 0

    (reminder,) = room.replies(room.posts()[0])
    assert f"⏰ <!subteam^S0SECURITY> `{report.short}` waits for a person since" in reminder
    assert "|2026-03-02 10:00 UTC>" in reminder
    assert len(room.posts()) == 2  # the channel itself hears nothing


def test_the_clock_stands_still_in_quiet_hours(room: Mailroom) -> None:
    """From Friday 18:00 in Berlin four hours end on Monday at 11:00."""
    room.at = MONDAY + timedelta(days=4, hours=7)
    room.receives("in_scope")

    assert later(room, 5, quiet=NIGHTS) == 0
    assert later(room, 59.9, quiet=NIGHTS) == 0  # Monday 10:54
    assert later(room, 0.2, quiet=NIGHTS) == 1


def test_a_reminder_that_is_due_at_night_waits_for_the_morning(room: Mailroom) -> None:
    room.at = MONDAY + timedelta(hours=4)  # 15:00 in Berlin: due at 19:00, when the quiet hours begin
    room.receives("in_scope")

    assert later(room, 4.5, quiet=NIGHTS) == 0
    assert later(room, 12.6, quiet=NIGHTS) == 1


def test_who_takes_it_stops_the_clock_and_who_gives_it_back_starts_it(room: Mailroom) -> None:
    report = room.receives("in_scope")
    take(room, report)
    assert later(room, 50) == 0
    take(room, report, ActKind.GIVE_BACK)

    assert later(room, 0) == 1


def test_a_decision_stops_the_clock(room: Mailroom) -> None:
    """Also that it is live: somebody looks after it. Taken back, it waits anew."""
    report = room.receives("in_scope")
    room.decides(report, Disposition.IN_SCOPE)
    assert later(room, 50) == 0
    take_back(room.store, report.key, by="person:ben", reason="", routes=room.triage.routes, now=room.at)
    assert later(room, 3.9) == 0

    assert later(room, 0.2) == 1


def test_taken_between_the_reminder_and_its_saying_nothing_is_said(room: Mailroom) -> None:
    """Slack was out of reach in the meantime; given back, it is said after all."""
    report = room.receives("in_scope")
    room.at += timedelta(hours=5)
    clock = Reminders(store=room.store, quiet=Quiet(), after=AFTER, group="", now=lambda: room.at)
    assert clock.tick() == 1
    take(room, report)
    room.tells()
    assert room.replies(room.posts()[0]) == []
    assert room.store.counts()["notices_due"] == 0

    take(room, report, ActKind.GIVE_BACK)
    assert later(room, 0) == 1
    assert len(room.replies(room.posts()[0])) == 1


def test_the_clock_runs_from_when_it_became_live(room: Mailroom) -> None:
    """A report raised by a follow-up waits since then; what was dismissed waits not at all."""
    first = room.receives("out_of_scope", number=1)
    assert later(room, 50) == 0
    room.receives("in_scope", number=2, answers=1)

    assert waiting_since(room.store.history(first.id)) == room.at
    assert later(room, 3.9) == 0
    assert later(room, 0.2) == 2  # the first and its follow-up, both in the first one's thread
    assert len([r for r in room.replies(room.posts()[0]) if "⏰" in r]) == 2


def test_copies_on_one_card_are_brought_back_together(room: Mailroom) -> None:
    """In one sentence that says how many; also a copy that comes later is no reason for another."""
    first, *_ = [twice(room, n) for n in range(3)]
    assert len(room.posts()) == 1
    assert later(room, 4.1) == 1
    twice(room, 3)
    assert later(room, 50) == 0

    (reminder,) = room.replies(room.posts()[0])
    assert f"`{first.short}` with 2 more alike wait for a person since" in reminder
    assert "nobody has taken them" in reminder


def test_a_card_that_somebody_took_brings_no_copy_back(room: Mailroom) -> None:
    first = twice(room, 1)
    take(room, first)
    twice(room, 2)

    assert later(room, 50) == 0


def twice(room: Mailroom, number: int) -> KeptReport:
    """The same finding to the letter, sent again by somebody else."""
    body = "Read other tenants' backups at https://a.example/api with these steps: " + ACME
    head = f"X-Sent: {number}\r\n"
    return room.receives("in_scope", body, number=7, head=head, sender=f"hunter{number}@x{number}.example")


def test_a_card_that_was_never_said_reminds_nobody(room: Mailroom) -> None:
    room.slack.revoke()
    room.receives("in_scope")

    assert later(room, 50) == 0


def test_each_channel_where_the_card_stands_is_reminded_in_its_thread(room: Mailroom) -> None:
    room.routed(Routes(channel=MAIN, dispositions={Disposition.IN_SCOPE: LOUD_ONES}, categories={"spf": MAIL_TEAM}))
    room.receives("in_scope spf")
    later(room, 5)

    assert len(room.replies(room.posts(LOUD_ONES)[0], LOUD_ONES)) == 1
