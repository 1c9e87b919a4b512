"""The stand-in for Slack: its Socket Mode against the SDK's own client, what it refuses, who it lets in, its page by clicking."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any, Self

import pytest
from chromium import Chromium
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.local.slack import LocalSlack
from bot.local.slack.drawn import mrkdwn
from bot.local.slack.hands import UNANSWERED, UNCONNECTED
from bot.local.slack.limits import block_problem, view_problem
from bot.slack.socket import hang_up

CHANNEL = "C0TRIAGE"
WORDS = {"type": "mrkdwn", "text": "*Out of scope* &amp; `code` _soft_"}
BUTTON = {
    "type": "button",
    "action_id": "take",
    "style": "primary",
    "value": "r1",
    "text": {"type": "plain_text", "text": "Take it"},
}
OPTION = {"text": {"type": "plain_text", "text": "Run again"}, "value": "again"}
MENU = {"type": "overflow", "action_id": "more", "options": [OPTION]}
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "A head"}},
    {"type": "section", "text": WORDS, "accessory": MENU},
    {"type": "divider"},
    {"type": "actions", "elements": [BUTTON]},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "ids"}]},
]
KINDS = [{"text": {"type": "plain_text", "text": t}, "value": t.lower()} for t in ("Cookies", "SPF")]
MODAL: dict[str, Any] = {
    "type": "modal", "callback_id": "change", "private_metadata": "r1", "notify_on_close": True,
    "title": {"type": "plain_text", "text": "Change"}, "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {"type": "input", "block_id": "what", "label": {"type": "plain_text", "text": "It is"},
         "element": {"type": "static_select", "action_id": "what", "options": KINDS, "initial_option": KINDS[0]}},
        {"type": "input", "block_id": "many", "optional": True, "label": {"type": "plain_text", "text": "Kinds"},
         "element": {"type": "multi_static_select", "action_id": "many", "options": KINDS}},
        {"type": "input", "block_id": "word", "optional": True, "label": {"type": "plain_text", "text": "The word"},
         "element": {"type": "checkboxes", "action_id": "word", "options": [OPTION]}},
        {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Why"},
         "element": {"type": "plain_text_input", "action_id": "why", "multiline": True, "max_length": 500}},
    ],
}  # fmt: skip


class Listener:
    """The SDK's client with one answer for every envelope."""

    def __init__(
        self, slack: LocalSlack, answer: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _: {}
    ) -> None:
        self.web = WebClient(token=slack.token, base_url=slack.base_url)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.hellos: list[int] = []
        self.answer = answer
        self._new = threading.Condition()
        self.client = SocketModeClient(app_token=slack.app_token, web_client=self.web, ping_interval=0.3)
        self.client.socket_mode_request_listeners.append(self._heard)
        self.client.on_message_listeners.append(self._raw)

    def __enter__(self) -> Self:
        self.client.connect()
        return self

    def __exit__(self, *_: object) -> None:
        hang_up(self.client)
        self.client.close()

    def _raw(self, text: str) -> None:
        if text.startswith("{") and (told := json.loads(text)).get("type") == "hello":
            self.hellos.append(told["num_connections"])

    def _heard(self, _client: object, request: SocketModeRequest) -> None:
        self.got.append((request.type, request.payload))
        answer = self.answer(request.payload)
        if answer is not None:
            response = SocketModeResponse(envelope_id=request.envelope_id, payload=answer or None)
            self.client.send_socket_mode_response(response)


def posted(slack: LocalSlack, blocks: list[dict[str, Any]] = BLOCKS) -> str:
    answer = slack.answer("chat.postMessage", {"channel": CHANNEL, "text": "a card", "blocks": blocks}, slack.token)[1]
    assert answer["ok"], answer
    return str(answer["ts"])


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


def text(words: str, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": words}


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


# ------------------------------------------------------------------------------------------------ how it draws


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("*a* _b_ ~c~ `d *e*`", "<b>a</b> <i>b</i> <s>c</s> <code>d *e*</code>"),
        ("*a*\n```one\n  *two* &lt;b&gt;```\nafter", "<b>a</b><pre>one\n  *two* &lt;b&gt;</pre>after"),
        ("a ``` never closed", "a ``` never closed"),
        ("&gt; quoted\nnot", "<q>quoted</q>not"),
    ],
)
def test_marks_are_drawn_as_slack_draws_them(text: str, drawn: str) -> None:
    assert mrkdwn(text) == drawn


# ------------------------------------------------------------------------------------------------ who is let in


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),  # without the printed token
        ("/?token=guessed", {}, 403),
        ("/?token={token}", {}, 200),
        ("/?token={token}", {"Host": "evil.example"}, 403),  # a name that was made to point here
        ("/state?user=U0ANA", {"X-Page-Token": "{token}", "Origin": "http://evil.example"}, 403),
        ("/state?user=U0ANA", {"X-Page-Token": "{token}"}, 200),
        ("/state?user=U0ANA", {}, 403),
        ("/page.js", {}, 200),  # no secret is in it
        ("/../__init__.py", {}, 404),
    ],
)
def test_the_page_is_for_who_has_its_address(
    slack: LocalSlack, path: str, headers: dict[str, str], status: int
) -> None:
    line = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)
    filled = {k: v.format(token=slack.page_token) for k, v in headers.items()}
    line.request("GET", path.format(token=slack.page_token), headers=filled)

    assert line.getresponse().status == status
    line.close()


def test_a_click_from_elsewhere_is_none(slack: LocalSlack) -> None:
    """A form that some page sends here carries no token, and its origin names it."""
    ts = posted(slack)
    body = json.dumps({"user": "U0ANA", "channel": CHANNEL, "ts": ts, "action": "take"})
    line = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)
    line.request("POST", "/press", body, {"Content-Type": "text/plain"})

    assert line.getresponse().status == 403
    assert slack.sockets.envelopes == []
    line.close()


# ------------------------------------------------------------------------------------------------ by clicking


@pytest.mark.chromium
def test_the_page_takes_clicks_and_modals(slack: LocalSlack, browser: Chromium) -> None:
    """A person opens the menu, presses, fills in the form, and sees what the app answers; in a real browser."""
    acks: list[dict[str, Any]] = [{}, {}, {"response_action": "errors", "errors": {"why": "say more"}}, {}]
    with Listener(slack, lambda _: acks.pop(0)) as app:
        slack.wait_for(lambda: app.hellos, 5)
        posted(slack)
        browser.goto(slack.page_url)

        browser.click("summary", "⋯")
        browser.click("[role=menuitem]", "Run again")
        slack.wait_for(lambda: len(app.got) == 1, 5)
        browser.click("button", "Take it")
        slack.wait_for(lambda: len(app.got) == 2, 5)
        app.web.views_open(trigger_id=app.got[1][1]["trigger_id"], view=MODAL)
        browser.choose("[data-block=what] select", "spf")
        browser.click("label", "Cookies", within="[data-block=many]")
        browser.type("[data-block=why] textarea", "because")
        browser.click("button", "Save")
        browser.wait("document.querySelector('[data-block=why] .wrong').innerText === 'say more'")
        browser.click("button", "Save")
        browser.wait("document.getElementById('veil').hidden")

        values = app.got[-1][1]["view"]["state"]["values"]
        assert values["what"]["what"]["selected_option"]["value"] == "spf"
        assert [o["value"] for o in values["many"]["many"]["selected_options"]] == ["cookies"]
        assert values["why"]["why"]["value"] == "because"
        app.web.chat_postEphemeral(channel=CHANNEL, user="U0ANA", text="for ana alone")
        browser.wait("document.body.innerText.includes('for ana alone')")
        browser.choose("#who", "U0BEN")
        browser.wait("!document.body.innerText.includes('for ana alone')")


@pytest.mark.chromium
def test_a_strangers_words_stay_words_in_a_browser(slack: LocalSlack, browser: Chromium) -> None:
    """Nothing in a message becomes an element of the page, in no place where a message may stand."""
    evil = "<img src=x onerror=alert(1)> &lt;script&gt;alert(1)&lt;/script&gt; '\"><b>"
    posted(slack, [{"type": "section", "text": text(evil)}, {"type": "header", "text": text(evil, "plain_text")}])
    browser.goto(slack.page_url)

    browser.wait("document.body.innerText.includes('<script>alert(1)</script>')")
    assert browser.value("document.querySelectorAll('#place img, #place script').length") == 0


@pytest.mark.chromium
def test_what_is_not_acked_is_said(slack: LocalSlack, browser: Chromium) -> None:
    posted(slack)
    browser.goto(slack.page_url)
    browser.click("button", "Take it")

    browser.wait("document.getElementById('notice').innerText.includes('not connected')")
