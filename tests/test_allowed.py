"""Who may press: those who are named, the members of a group, or everybody of the workspace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from office import NOW, Office, office

from bot.allowed import REMEMBERED, Allowed
from bot.local.slack import LocalSlack
from bot.ports import Outcome, Press, VerdictKind
from bot.reception import NOT_ALLOWED, NOT_ASKED
from classifiers.errors import NotSaid


def test_who_is_not_named_is_told_so_alone_and_it_is_kept(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()

    assert desk.press("U0EVE", report, "triage_agree") == ""
    assert desk.press("U0EVE", report, "triage_change") == ""

    assert slack.told("U0EVE") == [NOT_ALLOWED] * 2
    assert slack.hands.modal("U0EVE") is None
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]
    assert [(a.by, a.outcome) for a in desk.store.acts(report)] == [("person:eve (U0EVE)", Outcome.REFUSED)] * 2


def test_a_modal_does_not_outlive_the_right_to_save_it(desk: Office, slack: LocalSlack) -> None:
    """What is asked when it opens is asked again when it is saved."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    modal = slack.workspace.modals["U0ANA"]
    slack.workspace.modals["U0EVE"] = modal

    desk.submit("U0EVE", what="not_a_report", kinds=[])

    assert slack.told("U0EVE") == [NOT_ALLOWED]
    assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_a_groups_members_may_and_are_remembered_for_a_while(tmp_path: Path, slack: LocalSlack) -> None:
    with office(tmp_path, slack, users=(), groups=("S0SECURITY",)) as desk:
        first, second = desk.report(), desk.report()
        desk.press("U0ANA", first, "triage_agree")
        desk.press("U0EVE", second, "triage_agree")

        assert desk.store.current(first).kind is VerdictKind.PERSON  # type: ignore[union-attr]
        assert slack.told("U0EVE") == [NOT_ALLOWED]
        assert slack.calls.count("usergroups.users.list") == 1


def test_a_group_that_cannot_be_looked_up_lets_nobody_in(tmp_path: Path, slack: LocalSlack) -> None:
    slack.scopes -= {"usergroups:read"}
    with office(tmp_path, slack, users=(), groups=("S0SECURITY",)) as desk:
        report = desk.report()
        desk.press("U0ANA", report, "triage_agree")

        assert slack.told("U0ANA") == [NOT_ASKED]
        assert desk.store.current(report).kind is VerdictKind.BOT  # type: ignore[union-attr]


def test_everybody_means_everybody_of_the_workspace() -> None:
    """A channel may be shared with another company, whose people decide nothing here."""
    now = [NOW]
    asked: list[str] = []

    def members(group: str) -> frozenset[str]:
        asked.append(group)
        return frozenset({"U9"})

    def press(user: str, *, own: bool) -> Press:
        return Press(action="a", value="", user=user, name="x", own_team=own)

    everybody = Allowed(("*",), (), members, now=lambda: now[0])
    assert everybody.may(press("U1", own=True))
    assert not everybody.may(press("U1", own=False))
    group = Allowed((), ("S1",), members, now=lambda: now[0])
    assert [group.may(press("U9", own=False)) for _ in "12"] == [True, True]
    now[0] += REMEMBERED + timedelta(seconds=1)
    assert group.may(press("U9", own=True))
    assert asked == ["S1", "S1"]


def test_of_several_groups_one_that_cannot_be_asked_keeps_nobody_of_another_out() -> None:
    def members(group: str) -> frozenset[str]:
        if group == "S0GONE":
            raise NotSaid("Slack refused: no_such_subteam", final=True)
        return frozenset({"U1"})

    allowed = Allowed((), ("S0GONE", "S0SECURITY"), members, now=lambda: NOW)

    assert allowed.may(Press(action="a", value="", user="U1", name="x", own_team=True))
    with pytest.raises(NotSaid):
        allowed.may(Press(action="a", value="", user="U2", name="x", own_team=True))
