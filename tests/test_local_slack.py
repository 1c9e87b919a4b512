"""The stand-in for Slack: its Socket Mode against the SDK's own client, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from listener import BLOCKS, BUTTON, CHANNEL, MENU, MODAL, OPTION, Listener, posted, text
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.local.slack import LocalSlack
from bot.local.slack.hands import UNANSWERED, UNCONNECTED
from bot.local.slack.limits import block_problem, view_problem

# ------------------------------------------------------------------------------------------------ Socket Mode


def test_a_press_reaches_the_app_and_its_ack_comes_back(slack: LocalSlack) -> None:
    """hello, an envelope with the message and a trigger, an ack: as the SDK's client understands them."""
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos == [1], 5)
        ts = posted(slack)

        done = slack.hands.press("U0ANA", CHANNEL, ts, "take")

        assert done.trouble == ""
        ((kind, payload),) = app.got
        assert (kind, payload["type"], payload["user"]["username"]) == ("interactive", "block_actions", "ana")
        assert payload["actions"][0]["value"] == "r1"
        assert payload["message"]["ts"] == payload["container"]["message_ts"] == ts
        assert slack.sockets.envelopes[0].acked_at is not None


def test_an_entry_of_the_menu_names_its_option(slack: LocalSlack) -> None:
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        slack.hands.press("U0ANA", CHANNEL, posted(slack), "more", "again")

        assert app.got[0][1]["actions"][0]["selected_option"]["value"] == "again"


def test_an_entry_that_is_there_no_more_is_told_and_not_sent(slack: LocalSlack) -> None:
    """The message was edited between the look and the click."""
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        ts = posted(slack)

        assert slack.hands.press("U0ANA", CHANNEL, ts, "more", "an entry of before").trouble == "this button is gone"
        assert app.got == []


def test_an_app_that_says_nothing_or_is_not_there_is_told_to_the_person(slack: LocalSlack) -> None:
    """As Slack does after three seconds; here sooner."""
    slack.hands.patience = 0.2
    ts = posted(slack)
    assert slack.hands.press("U0ANA", CHANNEL, ts, "take").trouble == UNCONNECTED

    with Listener(slack, lambda _: None) as app:
        slack.wait_for(lambda: app.hellos, 5)
        assert slack.hands.press("U0ANA", CHANNEL, ts, "take").trouble == UNANSWERED


def test_a_refreshed_or_broken_line_comes_back(slack: LocalSlack) -> None:
    """disconnect and a cut line: the client asks for a new address, and the next press arrives."""
    with Listener(slack) as app:
        slack.wait_for(lambda: len(app.hellos) == 1, 5)
        slack.sockets.refresh()
        slack.wait_for(lambda: len(app.hellos) == 2, 10)
        slack.sockets.cut()
        slack.wait_for(lambda: len(app.hellos) == 3, 20)

        slack.wait_for(lambda: slack.hands.press("U0ANA", CHANNEL, posted(slack), "take").trouble == "", 10)


def test_ghost_connections_swallow_presses(slack: LocalSlack) -> None:
    """Every other envelope goes to a connection that nobody reads; hello counts it."""
    slack.sockets.ghosts = 1
    slack.hands.patience = 0.3
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos == [2], 5)
        ts = posted(slack)

        assert [slack.hands.press("U0ANA", CHANNEL, ts, "take").trouble for _ in "12"] == [UNANSWERED, ""]


def test_a_ticket_opens_once_and_never_for_a_browser(slack: LocalSlack) -> None:
    """A page that somebody visits cannot listen in."""
    url = slack.sockets.url()
    connect(url, proxy=None).close()
    with pytest.raises(InvalidStatus):
        connect(url, proxy=None)
    with pytest.raises(InvalidStatus):
        connect(slack.sockets.url(), origin="http://evil.example", proxy=None)  # type: ignore[arg-type]


def test_only_the_app_token_opens_a_connection(slack: LocalSlack) -> None:
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        WebClient(base_url=slack.base_url).apps_connections_open(app_token=slack.token)


# ------------------------------------------------------------------------------------------------ modals, answers, events


def test_a_modal_is_opened_submitted_and_answered(slack: LocalSlack) -> None:
    """views.open with the trigger of a press; the state of every field; errors keep it open, an empty ack closes it."""
    acks: list[dict[str, Any]] = [{}, {"response_action": "errors", "errors": {"why": "say more"}}, {}]
    with Listener(slack, lambda _: acks.pop(0)) as app:
        slack.wait_for(lambda: app.hellos, 5)
        slack.hands.press("U0ANA", CHANNEL, posted(slack), "take")
        app.web.views_open(trigger_id=app.got[0][1]["trigger_id"], view=MODAL)
        assert slack.hands.modal("U0BEN") is None
        assert slack.hands.submit("U0ANA", {}).errors == {
            "why": "This is needed."
        }  # Slack's own word; the app hears nothing

        refused = slack.hands.submit("U0ANA", {"why": "short"})
        assert refused.errors == {"why": "say more"}
        assert slack.hands.submit("U0ANA", {"many": ["spf"], "word": ["again"], "why": "long enough"}).errors is None

        values = app.got[-1][1]["view"]["state"]["values"]
        assert values["what"]["what"]["selected_option"]["value"] == "cookies"
        assert [o["value"] for o in values["many"]["many"]["selected_options"]] == ["spf"]
        assert values["why"]["why"]["value"] == "long enough"
        assert app.got[-1][1]["view"]["private_metadata"] == "r1"
        assert slack.hands.modal("U0ANA") is None


def test_a_trigger_opens_one_modal(slack: LocalSlack) -> None:
    web = WebClient(token=slack.token, base_url=slack.base_url)
    trigger = slack.workspace.trigger("U0ANA")
    opened = web.views_open(trigger_id=trigger, view=MODAL)

    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        web.views_open(trigger_id=trigger, view=MODAL)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        web.views_update(view_id=opened["view"]["id"], hash="0", view=MODAL)
    assert web.views_update(view_id=opened["view"]["id"], hash=opened["view"]["hash"], view=MODAL)["ok"]


def test_closing_commands_shortcuts_and_the_home_tab_reach_the_app(slack: LocalSlack) -> None:
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        app.web.views_open(trigger_id=slack.workspace.trigger("U0ANA"), view=MODAL)
        slack.hands.close("U0ANA")
        slack.hands.shortcut("U0ANA", "change", CHANNEL, posted(slack))
        slack.hands.shortcut("U0ANA", "anything")
        slack.hands.slash("U0ANA", "/triage", "status", CHANNEL)
        slack.hands.open_home("U0ANA")
        app.web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": BLOCKS})

        kinds = [(kind, payload.get("type")) for kind, payload in app.got]
        assert kinds == [
            ("interactive", "view_closed"), ("interactive", "message_action"), ("interactive", "shortcut"),
            ("slash_commands", None), ("events_api", "event_callback"),
        ]  # fmt: skip
        assert app.got[3][1]["text"] == "status"
        assert "A head" in slack.state("U0ANA", -1, home=True)["place"]


def test_private_words_are_for_one_person_and_an_answer_url_takes_five(slack: LocalSlack) -> None:
    web = WebClient(token=slack.token, base_url=slack.base_url)
    web.chat_postEphemeral(channel=CHANNEL, user="U0ANA", text="for ana alone")
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        slack.hands.press("U0BEN", CHANNEL, posted(slack), "take")
        url = app.got[0][1]["response_url"]
        taken = [slack.hands.answer(url.rsplit("/", 1)[1], {"text": "for ben"}) for _ in range(6)]

    assert slack.told("U0ANA") == ["for ana alone"]
    assert (taken, slack.told("U0BEN")) == ([True] * 5 + [False], ["for ben"] * 5)
    assert "for ana alone" not in slack.state("U0BEN", -1, home=False)["place"]


# ------------------------------------------------------------------------------------------------ what it refuses


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"type": "section", "text": text("x" * 3001)}, "less than 3001"),
        ({"type": "section"}, "text or fields"),
        ({"type": "section", "text": text("x"), "fields": [text("x")] * 11}, "no more than 10"),
        ({"type": "section", "text": text("x"), "colour": "red"}, "unknown field: colour"),
        ({"type": "header", "text": text("x")}, "must be plain_text"),
        ({"type": "header", "text": text("x" * 151, "plain_text")}, "less than 151"),
        ({"type": "context", "elements": []}, "no fewer than 1"),
        ({"type": "actions", "elements": [BUTTON, BUTTON]}, "action_id take already exists"),
        ({"type": "actions", "elements": [BUTTON | {"style": "green"}]}, "primary, danger"),
        ({"type": "actions", "elements": [BUTTON | {"text": text("x" * 76, "plain_text")}]}, "less than 76"),
        ({"type": "actions", "elements": [BUTTON | {"value": "x" * 2001}]}, "less than 2001"),
        ({"type": "actions", "elements": [MENU | {"options": [OPTION] * 6}]}, "no more than 5"),
        ({"type": "actions", "elements": [MENU | {"options": [OPTION | {"value": "x" * 151}]}]}, "less than 151"),
        ({"type": "actions", "elements": [{"type": "plain_text_input", "action_id": "a"}]}, "unsupported type"),
        ({"type": "actions", "elements": [{k: v for k, v in BUTTON.items() if k != "action_id"}]}, "missing required field: action_id"),
        ({"type": "carousel"}, "unsupported type"),
    ],
)  # fmt: skip
def test_a_block_that_slack_would_refuse_is_refused_with_the_reason(block: dict[str, Any], reason: str) -> None:
    error, problems = block_problem([block], "x")

    assert error == "invalid_blocks"
    assert any(reason in p for p in problems), problems


def test_whole_messages_have_limits_too() -> None:
    section = {"type": "section", "text": text("x")}
    twice = [section | {"block_id": "a"}] * 2

    assert block_problem([section] * 51, "x")[0] == "invalid_blocks"
    assert "block_id a already exists" in block_problem(twice, "x")[1][0]
    assert block_problem([{"type": "section", "text": text("x" * 2900)}] * 5, "x")[0] == "msg_blocks_too_long"
    assert block_problem([], "x" * 40_001)[0] == "msg_too_long"
    assert block_problem([], "")[0] == "no_text"
    assert block_problem(BLOCKS, "x") == ("", [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": text("x" * 25, "plain_text")}, "less than 25"),
        ({"submit": None}, "needs submit"),
        ({"private_metadata": "x" * 3001}, "less than 3001"),
        ({"blocks": [{"type": "divider"}] * 101}, "no more than 100"),
        ({"colour": "red"}, "unknown field"),
        ({"type": "popup"}, "unknown view type"),
        ({"blocks": []}, "between 1 and 100 blocks"),  # as the SDK's own model of a view has it
    ],
)
def test_a_view_that_slack_would_refuse_is_refused(change: dict[str, Any], reason: str) -> None:
    view = {k: v for k, v in (MODAL | change).items() if v is not None}
    error, problems = view_problem(view)

    assert error == "invalid_arguments"
    assert any(reason in p for p in problems), problems
    assert view_problem(MODAL) == ("", [])
