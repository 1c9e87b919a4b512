"""The door to Slack, against a server that fails on cue: what was surely not said, what nobody knows, what is found again."""

from __future__ import annotations

import logging
import socket
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from bot.local.slack import LocalSlack
from bot.ports import Message
from bot.slack.client import SlackNotifier
from bot.slack.manifest import MANIFEST, SCOPES
from classifiers.errors import MaybeSaid, NotSaid, UserError

CHANNEL = "C0TRIAGE"
SECRET_WORDS = "the words of a report"


def notifier(slack: LocalSlack, timeout: float = 5, token: str | None = None) -> SlackNotifier:
    return SlackNotifier(token=lambda: token or slack.token, base_url=slack.base_url, timeout=timeout)


def message(key: str = "card:1", text: str = SECRET_WORDS, thread: str | None = None) -> Message:
    block = {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": text}}
    return Message(channel=CHANNEL, key=key, text=text, blocks=(block,), thread=thread, facts={"report": "9f2c51ab"})


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


# ------------------------------------------------------------------------------------------------ saying


def test_a_post_carries_its_key_and_its_answer_names_it(slack: LocalSlack) -> None:
    """The ts that is returned is that of the message, and the key travels in its metadata."""
    ts = notifier(slack).post(message())

    (said,) = slack.messages(CHANNEL)
    assert said["ts"] == ts
    assert said["text"] == SECRET_WORDS
    assert said["metadata"] == {
        "event_type": "triage_notice",
        "event_payload": {"key": "card:1", "report": "9f2c51ab"},
    }


def test_an_update_changes_the_message_and_repeats_without_harm(slack: LocalSlack) -> None:
    """chat.update twice leaves one message, with the new words."""
    it = notifier(slack)
    ts = it.post(message())

    it.update(message(text="changed"), ts)
    it.update(message(text="changed"), ts)

    assert [m["text"] for m in slack.messages(CHANNEL)] == ["changed"]


def test_a_reply_stands_in_its_thread(slack: LocalSlack) -> None:
    """`thread` puts a message under its card."""
    it = notifier(slack)
    ts = it.post(message())

    it.post(message("details:1", thread=ts))

    assert [m.get("thread_ts") for m in slack.messages(CHANNEL)] == [None, ts]


@pytest.mark.parametrize("fault", ["timeout", "reset", "500", "garbage", "refuse"])
def test_a_lost_answer_is_never_taken_for_a_refusal(slack: LocalSlack, fault: str) -> None:
    """Timeout, reset, server error, no JSON: nobody knows whether it was said, and the client asks once only."""
    slack.script(fault)

    with pytest.raises(MaybeSaid) as told:
        notifier(slack, timeout=1).post(message())

    assert SECRET_WORDS not in str(told.value)
    assert told.value.__cause__ is None
    assert slack.calls.count("chat.postMessage") == (0 if fault == "refuse" else 1)


def test_a_message_whose_answer_was_lost_is_found_by_its_key(slack: LocalSlack) -> None:
    """find names the message that was taken without an answer."""
    slack.script("reset")
    with pytest.raises(MaybeSaid):
        notifier(slack).post(message())

    found = notifier(slack).find(CHANNEL, "card:1", an_hour_ago())

    assert found == slack.messages(CHANNEL)[0]["ts"]


def test_the_sdk_says_nothing_of_an_answer_it_cannot_read(slack: LocalSlack, caplog: pytest.LogCaptureFixture) -> None:
    """Such an answer may hold the message itself; it reaches no log."""
    caplog.set_level(logging.DEBUG)
    slack.script("garbage")
    with pytest.raises(MaybeSaid):
        notifier(slack).post(message())

    assert caplog.text == ""


def test_slow_down_is_obeyed_and_nothing_was_said(slack: LocalSlack) -> None:
    """429: surely not said, with the seconds Slack named."""
    slack.script("429:7")

    with pytest.raises(NotSaid) as told:
        notifier(slack).post(message())

    assert told.value.retry_after == 7
    assert not told.value.final
    assert slack.messages(CHANNEL) == []


@pytest.mark.parametrize(
    ("named", "seconds"),
    [
        ("soon", 30.0),  # no number
        ("86400", 3600.0),  # longer than we believe
        ("0", 1.0),  # at once would be a loop
        ("1.5", 1.5),  # a fraction
        ("nan", 30.0),  # a number that is none
    ],
)
def test_a_strange_retry_after_is_bounded(slack: LocalSlack, named: str, seconds: float) -> None:
    """Between a second and an hour, whatever the header says."""
    slack.script(f"429:{named}")

    with pytest.raises(NotSaid) as told:
        notifier(slack).post(message())

    assert told.value.retry_after == seconds


@pytest.mark.parametrize(
    ("code", "help_"),
    [
        ("not_in_channel", "/invite"),  # the commonest one
        ("channel_not_found", "channel's id"),  # a name instead of an id
        ("missing_scope", "slack manifest"),  # the app was made by hand
        ("token_revoked", "install the app again"),
        ("is_archived", "is_archived"),  # one we have no help for is named at least
    ],
)
def test_a_refusal_says_what_to_do(slack: LocalSlack, code: str, help_: str) -> None:
    """ok: false is final: surely not said, and a person has to mend something."""
    slack.script(f"error:{code}")

    with pytest.raises(NotSaid, match=help_) as told:
        notifier(slack).post(message())

    assert told.value.final
    assert told.value.code == code


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "request_timeout", "service_unavailable"])
def test_an_inner_error_of_slack_is_no_refusal(slack: LocalSlack, code: str) -> None:
    """Slack's own documentation says that some of the operation may have succeeded."""
    slack.script(f"error:{code}")

    with pytest.raises(MaybeSaid):
        notifier(slack).post(message())


def test_an_update_of_a_removed_message_says_so(slack: LocalSlack) -> None:
    """NotSaid, final, with Slack's code: the outbox then tells it anew."""
    with pytest.raises(NotSaid) as told:
        notifier(slack).update(message(), "1700000000.000001")

    assert (told.value.final, told.value.code) == (True, "message_not_found")


@pytest.mark.usefixtures("no_proxy")
def test_a_closed_port_is_surely_not_said() -> None:
    """Connection refused: no request can have left."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api/"

    with pytest.raises(NotSaid, match="cannot be reached") as told:
        SlackNotifier(token=lambda: "t", base_url=url, timeout=1).post(message())

    assert not told.value.final


def test_a_replaced_token_is_taken_up(slack: LocalSlack) -> None:
    """A refused token is asked for again at the next call: replacing a secret needs no restart."""
    tokens = iter(["xoxb-old", slack.token])
    it = SlackNotifier(token=lambda: next(tokens), base_url=slack.base_url, timeout=5)
    with pytest.raises(NotSaid, match="token is wrong"):
        it.post(message())

    assert it.post(message())


def test_a_token_that_cannot_be_read_is_not_said() -> None:
    """The secret's own sentence, as the port's error: delivery puts the notice off."""

    def token() -> str:
        raise UserError("slack.bot_token: environment variable SLACK_BOT_TOKEN is not set")

    with pytest.raises(NotSaid, match="SLACK_BOT_TOKEN is not set"):
        SlackNotifier(token=token, base_url="http://127.0.0.1:9/api/", timeout=1).post(message())


# ------------------------------------------------------------------------------------------------ looking up


def test_find_reads_all_pages_and_takes_no_other_key(slack: LocalSlack) -> None:
    """A key behind 450 others is found; one that nobody said is not."""
    it = notifier(slack)
    first = it.post(message("card:first"))
    for n in range(450):
        slack.answer("chat.postMessage", {"channel": CHANNEL, "text": str(n)}, slack.token)

    assert it.find(CHANNEL, "card:first", an_hour_ago()) == first
    assert it.find(CHANNEL, "card:never", an_hour_ago()) is None


def test_find_looks_into_the_thread_of_a_reply(slack: LocalSlack) -> None:
    """Replies are not in a channel's history; they are found under their card."""
    it = notifier(slack)
    card = it.post(message())
    reply = it.post(message("details:1", thread=card))

    assert it.find(CHANNEL, "details:1", an_hour_ago(), thread=card) == reply
    assert it.find(CHANNEL, "details:1", an_hour_ago()) is None


def test_find_without_the_scope_is_final(slack: LocalSlack) -> None:
    """Looking is not permitted: the outbox must know that waiting does not help."""
    slack.scopes = frozenset({"chat:write"})

    with pytest.raises(NotSaid) as told:
        notifier(slack).find(CHANNEL, "card:1", an_hour_ago())

    assert told.value.final
    assert "channels:history" in str(told.value)


# ------------------------------------------------------------------------------------------------ who, and with what


def test_whoami_and_scopes_are_told(slack: LocalSlack) -> None:
    """What doctor shows, from the answer and its header."""
    it = notifier(slack)

    assert it.whoami() == "triage in Local"
    assert it.scopes() == frozenset(SCOPES)


def test_a_wrong_token_is_named(slack: LocalSlack) -> None:
    """doctor's commonest finding."""
    with pytest.raises(NotSaid, match="xoxb-"):
        notifier(slack, token="xoxb-wrong").whoami()


def test_the_manifest_asks_for_every_scope_with_its_reason() -> None:
    """Nothing more, and nothing unexplained."""
    scopes = MANIFEST.partition("scopes:")[2].partition("settings:")[0]
    listed = [line.strip().removeprefix("- ") for line in scopes.splitlines() if line.strip().startswith("- ")]

    assert listed == [f"{scope}  # {why}" for scope, why in SCOPES.items()]


# ------------------------------------------------------------------------------------------------ the stand-in


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}] * 51, "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 5, "msg_blocks_too_long"),
    ],
)
def test_the_stand_in_refuses_what_slack_refuses(slack: LocalSlack, blocks: list[object], problem: str) -> None:
    """A stand-in that takes everything would prove nothing of the cards."""
    asked = {"channel": CHANNEL, "text": "x", "blocks": blocks}

    answer = slack.answer("chat.postMessage", asked, slack.token)[1]

    assert (answer["ok"], answer["error"]) == (False, problem)


def test_the_page_draws_cards_and_runs_nothing(slack: LocalSlack) -> None:
    """What a stranger wrote is text on the page, and the page may load and run nothing."""
    notifier(slack).post(message(text="*Out of scope* &lt;script&gt;alert(1)&lt;/script&gt; <img src=x>"))

    with urllib.request.urlopen(slack.page_url) as answer:
        page = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]

    assert "<b>Out of scope</b>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script") == 1  # its own, from its own server
    assert "<img" not in page
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_slacks_own_refusals_are_the_notifiers(slack: LocalSlack) -> None:
    """whisper, open_modal and members speak the port's errors."""
    line = SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
    for call in (
        lambda: line.whisper("C0NOWHERE", "U0ANA", "x"),
        lambda: line.open_modal("gone", {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}),
        lambda: line.members("S0NOBODY"),
    ):
        with pytest.raises(NotSaid):
            call()
