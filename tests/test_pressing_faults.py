"""What goes wrong between a press and the card: unknown buttons, lines that break, what Slack refuses; nothing of it in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from office import CHANNEL, Office, connected, office, shown, words

from bot.desk import UNKNOWN
from bot.local.slack import LocalSlack
from bot.local.slack.hands import UNCONNECTED
from bot.ports import Outcome, VerdictKind
from bot.slack.controls import Handle
from classifiers.terms import Disposition

SECRET = "the reset link of another customer"


def test_an_unknown_button_is_acknowledged_and_answered(desk: Office, slack: LocalSlack) -> None:
    """A card of an older version, or a foreign value: acked, told to the one who pressed, and kept."""
    report = desk.report()
    message = slack.workspace.channels[CHANNEL][0]
    message["blocks"][-1]["elements"] = [
        {"type": "button", "action_id": "old_button", "value": "7K3Q", "text": {"type": "plain_text", "text": "Old"}},
        {
            "type": "button",
            "action_id": "triage_agree",
            "value": "1:security:0123abcd",
            "text": {"type": "plain_text", "text": "Else"},
        },
    ]

    assert desk.press("U0ANA", report, "old_button") == ""
    assert desk.press("U0ANA", report, "triage_agree") == ""

    assert slack.told("U0ANA") == [UNKNOWN] * 2
    assert [(a.report_id, a.outcome) for a in desk.store.acts()] == [(None, Outcome.FAILED)] * 2


def test_what_nobody_here_knows_is_acknowledged_and_answered(desk: Office, slack: LocalSlack) -> None:
    """A shortcut of another version is acked and told; a home tab that cannot be shown yet is acked."""
    assert slack.hands.shortcut("U0ANA", "anything", CHANNEL, desk.card(desk.report())["ts"]).trouble == ""
    slack.wait_for(lambda: slack.told("U0ANA") == [UNKNOWN], 10)
    assert slack.hands.shortcut("U0ANA", "anything").trouble == ""
    assert slack.hands.open_home("U0ANA").trouble == ""


def test_a_card_of_before_a_restart_still_works(tmp_path: Path, slack: LocalSlack) -> None:
    """Nothing that a press needs is only in memory."""
    with office(tmp_path, slack) as first:
        report = first.report()
    with office(tmp_path, slack) as second:
        second.press("U0ANA", report, "triage_agree")

        assert second.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
        assert shown(second.card(report)) == []


def test_a_card_that_somebody_deleted_is_said_anew_after_the_decision(desk: Office, slack: LocalSlack) -> None:
    """ana has the modal open while the message is removed: her word is kept, and told in a new card."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    slack.remove(CHANNEL, desk.card(report)["ts"])

    desk.submit("U0ANA", what="in_scope", why="it is real")

    assert desk.store.current(report).verdict.disposition is Disposition.IN_SCOPE  # type: ignore[union-attr]
    assert "decided by ana" in words(desk.card(report))


def test_a_line_that_breaks_in_the_middle_of_a_modal_loses_nothing(desk: Office, slack: LocalSlack) -> None:
    """Saving without a line is told by Slack, the modal stays; the line comes back by itself, and saving works."""
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    slack.sockets.cut()
    slack.wait_for(lambda: not slack.sockets.connections, 10)
    assert desk.submit("U0ANA", what="in_scope").trouble == UNCONNECTED
    assert slack.hands.modal("U0ANA") is not None

    connected(desk)
    desk.submit("U0ANA", what="in_scope", why="said twice, kept once")

    history = desk.store.history(report)
    assert [h.kind for h in history] == [VerdictKind.BOT, VerdictKind.PERSON]


def test_what_is_pressed_while_slack_asks_to_connect_anew_is_answered(
    desk: Office, slack: LocalSlack, caplog: pytest.LogCaptureFixture
) -> None:
    """As it does every few hours: the next line is read as soon as it stands, and no press goes astray.

    That Slack counts two lines for a moment is no sign of another copy.
    """
    caplog.set_level(logging.INFO, "triage")
    for report in [desk.report() for _ in range(3)]:
        slack.sockets.refresh()
        assert desk.press("U0ANA", report, "triage_agree") == ""
        assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
        slack.wait_for(lambda: [r for r in caplog.records if r.message == "socket.connected"], 10)
        caplog.clear()
    assert slack.calls.count("apps.connections.open") == 4
    assert desk.socket.connections == 1


def test_a_revoked_app_comes_back_when_it_is_installed_again(
    desk: Office, slack: LocalSlack, caplog: pytest.LogCaptureFixture
) -> None:
    """token_revoked: the rest goes on, the log says why, and the line is there again without a restart."""
    caplog.set_level(logging.INFO, "triage")
    report = desk.report()
    slack.revoke()
    slack.wait_for(lambda: not desk.socket.connected, 10)
    slack.wait_for(lambda: not desk.socket.keep() and "token_revoked" in str([r.__dict__ for r in caplog.records]), 10)

    slack.revoke(revoked=False)
    connected(desk)
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]


def test_blocks_that_slack_refuses_cost_the_buttons_and_not_the_card(desk: Office, slack: LocalSlack) -> None:
    """invalid_blocks at an update: the decision is kept, and the card says it in plain text."""
    report = desk.report()
    slack.script("error:invalid_blocks")
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
    assert desk.card(report)["text"].startswith("Out of scope · ")


def test_a_modal_that_slack_does_not_open_is_told(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()
    slack.script("error:expired_trigger_id")
    desk.press("U0ANA", report, "triage_change")

    (told,) = slack.told("U0ANA")
    assert told.startswith("That was not done: Slack refused: expired_trigger_id: ")
    assert told.endswith("press again")


def test_connections_that_nobody_reads_are_told_in_the_log(
    tmp_path: Path, slack: LocalSlack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "triage")
    slack.sockets.ghosts = 2
    with office(tmp_path, slack) as desk:
        slack.wait_for(lambda: desk.socket.connections == 3, 10)

    assert [r.__dict__["connections"] for r in caplog.records if r.message == "socket.others"] == [3]


def test_nothing_of_a_report_reaches_the_log(desk: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the SDK's words nor ours quote a payload, which holds the whole card."""
    caplog.set_level(logging.DEBUG)
    report = desk.report()
    desk.press("U0ANA", report, "triage_change")
    desk.submit("U0ANA", what="in_scope", why=SECRET)

    assert SECRET not in caplog.text
    assert "number 0" not in caplog.text


@pytest.mark.parametrize(
    "text", ["", "7K3Q", "1:a:XYZ", "x:security:0123abcd", "1:sec urity:0123abcd", "1:a:" + "0" * 65]
)
def test_a_strange_handle_is_none(text: str) -> None:
    assert Handle.read(text) is None


def test_a_handle_survives_its_way() -> None:
    handle = Handle(12, "security@company.example", "0123456789abcdef")

    assert Handle.read(str(handle)) == handle


def test_a_private_answer_that_cannot_be_given_ends_nothing(desk: Office, slack: LocalSlack) -> None:
    report = desk.report()
    slack.script("error:user_not_in_channel")
    desk.press("U0EVE", report, "triage_agree")
    desk.press("U0ANA", report, "triage_agree")

    assert desk.store.current(report).kind is VerdictKind.PERSON  # type: ignore[union-attr]
