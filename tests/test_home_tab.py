"""App Home: what it shows to whom, pressed in the stand-in; the figures that it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from office import Office, office, words

from bot.figures import Course, Figures, counted
from bot.local.slack import LocalSlack
from bot.local.slack.limits import view_problem
from bot.ports import ActKind, Outcome
from bot.reception import NOT_ALLOWED, NOT_HERE
from bot.slack.controls import CHANGE
from bot.slack.home import LISTED, REFRESH, home, in_figures
from bot.slack.overview import Overview, Waiting
from bot.slack.view import Tier
from classifiers.terms import Disposition, Versions

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NONE = counted(())


def test_home_shows_what_is_open_and_how_triage_stands(desk: Office) -> None:
    report = desk.report(Disposition.NEEDS_REVIEW)
    desk.press("U0ANA", desk.report(), "triage_agree")

    tab = words(desk.home("U0ANA"))

    assert "1 report waits for a person" in tab
    assert f"`{desk.store.report(report).short}` 🔵 Needs review" in tab
    assert "2 reports came in: 1 out of scope, 1 needs review" in tab
    assert "People decided 1, 1 of them as recommended" in tab
    assert "Mailbox security: not read yet" in tab
    assert "rules r1 · model m1" in tab
    assert "Quiet hours: none" in tab


def test_a_report_is_decided_from_home_which_then_shows_it(desk: Office) -> None:
    """Change… opens the same modal; once it is saved the tab no longer lists the report."""
    report = desk.report(Disposition.NEEDS_REVIEW)
    desk.home("U0ANA")
    assert desk.press_home("U0ANA", CHANGE) == ""
    desk.submit("U0ANA", what="in_scope", kinds=[], why="real")

    desk.slack.wait_for(lambda: "Nothing waits for a person" in words(desk.slack.workspace.homes["U0ANA"]), 10)
    assert "*In scope*, decided by ana" in words(desk.card(report))


def test_who_pressed_an_old_home_is_told_in_the_channel(desk: Office) -> None:
    """Home is no channel: that somebody was first is told where the cards are."""
    report = desk.report(Disposition.NEEDS_REVIEW)
    desk.home("U0BEN")
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", what="in_scope", kinds=[])

    desk.press_home("U0BEN", CHANGE)

    assert desk.slack.told("U0BEN")[0].startswith("ana decided `")


def test_refresh_shows_what_came_since(desk: Office) -> None:
    assert "Nothing waits for a person" in words(desk.home("U0ANA"))
    desk.report(Disposition.IN_SCOPE)
    desk.press_home("U0ANA", REFRESH)

    assert "1 report waits for a person" in words(desk.slack.workspace.homes["U0ANA"])


def test_who_is_not_named_sees_why_and_nothing_else(tmp_path: Path, slack: LocalSlack) -> None:
    """Where everybody who sees the channel may, Home shows nothing: nobody knows whether they see it."""
    for users, why in ((("U0ANA",), NOT_ALLOWED), (("*",), NOT_HERE)):
        (tmp_path / why[:3]).mkdir()
        with office(tmp_path / why[:3], slack, users=users) as desk:
            desk.report(Disposition.IN_SCOPE)
            tab = desk.home("U0EVE")

            assert [b["text"]["text"] for b in tab["blocks"]] == [why]
            assert [(a.kind, a.by, a.outcome) for a in desk.store.acts()] == [
                (ActKind.LOOK, "person:U0EVE (U0EVE)", Outcome.REFUSED)
            ]


@pytest.mark.parametrize("tier", list(Tier))
def test_however_much_waits_slack_takes_the_tab(tier: Tier) -> None:
    """Long lists, long and hostile subjects; of the mail nothing beyond the tier."""
    line = Waiting(
        report="9f2c51ab", handle="1:security:9f2c51ab", disposition=Disposition.IN_SCOPE, audit=False,
        categories=("<!channel>" * 30,), subject="<!channel> `" + "🔥" * 5000 + " ravi@hunter.example",
        sender="ravi@hunter.example", received_at=AT - timedelta(days=3),
    )  # fmt: skip
    stands = Overview(
        at=AT, polls={"security": None}, quiet="none", policy="p", versions=Versions(rules="r", model="", policy="p"), counts={}, muted=("the sender of `9f2c51ab`",) * 90,
        waiting=(line,) * 40, waits=5000, week=NONE,
    )  # fmt: skip

    tab = home(stands, tier, ())

    assert view_problem(tab) == ("", [])
    assert sum("accessory" in b and b["accessory"]["action_id"] == CHANGE for b in tab["blocks"]) == LISTED
    assert "and 4980 more" in words(tab)
    assert "<!channel>" not in words(tab)
    assert ("ravi" in words(tab)) is False
    assert ("🔥" in words(tab)) is (tier is not Tier.IDS)


# ------------------------------------------------------------------------------------------------ the figures


def test_figures_are_counted_by_what_holds() -> None:
    """Nobody's opinion on what nobody judged; agreement against the bot's last opinion; the median wait."""
    out, live = Disposition.OUT_OF_SCOPE, Disposition.IN_SCOPE
    courses = [
        Course(received_at=AT, disposition=None),
        Course(received_at=AT, disposition=out),
        Course(received_at=AT, disposition=out, recommended=out, decided_at=AT + timedelta(hours=1)),
        Course(received_at=AT, disposition=live, recommended=out, decided_at=AT + timedelta(hours=5)),
    ]

    assert counted(courses) == Figures(
        reports=4, held={out: 2, live: 1}, excluded={}, decided=2, agreed=1, wait=timedelta(hours=3)
    )
    assert list(in_figures(counted(courses))) == [
        "4 reports came in: 1 in scope, 2 out of scope",
        "People decided 2, 1 of them as recommended",
        "Half of those were decided within 3 h",
    ]
    assert list(in_figures(NONE)) == ["No reports came in"]


def test_the_store_tells_what_became_of_each(desk: Office) -> None:
    """An audit's held-back opinion is the bot's, once it is answered; what came earlier is not counted."""
    audit = desk.report(audited=True)
    desk.report(Disposition.IN_SCOPE)
    desk.press("U0ANA", audit, "triage_answer_in_scope")

    first, second = desk.store.courses(AT - timedelta(days=7))

    assert (first.disposition, first.recommended) == (Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE)
    assert first.decided_at is not None
    assert (second.disposition, second.recommended, second.decided_at) == (Disposition.IN_SCOPE, None, None)
    assert desk.store.courses(AT + timedelta(days=1)) == ()
