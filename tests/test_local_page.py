"""The stand-in's page: how it draws what Slack draws, who it lets in, and what a person sees and clicks."""

from __future__ import annotations

import http.client
import json
import re
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from listener import CHANNEL, MODAL, Listener, posted, text

from bot.local.slack import LocalSlack
from bot.local.slack.mrkdwn import mrkdwn, told
from bot.slack.controls import SHORTCUT, SHORTCUTS

ROOT = Path(__file__).parent.parent


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


def test_every_emoji_of_ours_is_a_picture() -> None:
    """So that the page shows them where no font has them; the character stays, for who copies or listens."""
    sources = [*(ROOT / "bot/slack").glob("*.py"), *(ROOT / "bot").glob("*.py")]
    ours = {
        c
        for s in sources
        for c in s.read_text(encoding="utf-8")
        if unicodedata.category(c) == "So" and not "\u2500" <= c < "\u2580"
    }  # no lines of a box
    assert len(ours) > 5

    for emoji in ours:
        assert re.fullmatch(rf"<span class=emoji><svg [^>]*>.+</svg>{emoji}</span>", mrkdwn(emoji)), emoji


NOON = int(datetime(2026, 11, 29, 12, 30).timestamp())  # noqa: DTZ001 - by the clock of who looks


@pytest.mark.parametrize(
    ("at", "form", "drawn"),
    [
        (NOON, "{date_short_pretty} {time}", "Today 12:30"),
        (NOON, "it is {date_short_pretty}", "it is today"),
        (NOON - 86_400, "{date_short_pretty}", "Yesterday"),
        (NOON + 86_400, "{date_short_pretty}", "Tomorrow"),
        (NOON - 21 * 86_400, "{date_short_pretty}", "Nov 8, 2026"),
        (NOON - 61, "{ago}", "1 minute ago"),
        (NOON - 7500, "{ago}", "2 hours ago"),
        (NOON - 4 * 86_400, "{ago}", "4 days ago"),
        (NOON, "{unheard_of}", ""),
    ],
)
def test_dates_are_told_as_slack_tells_them(at: int, form: str, drawn: str) -> None:
    assert told(f"!date^{at}^{form}", NOON) == drawn


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
    acks: list[dict[str, Any]] = [{}, {}, {"response_action": "errors", "errors": {"why": "say more"}}, {}, {}]
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
        browser.click("button", "Take it")
        slack.wait_for(lambda: len(app.got) == 5, 5)
        app.web.views_open(trigger_id=app.got[-1][1]["trigger_id"], view=MODAL)
        browser.wait("!document.getElementById('veil').hidden")
        browser.choose("#who", "U0BEN")
        browser.wait("!document.body.innerText.includes('for ana alone')")
        browser.wait("document.getElementById('veil').hidden")


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
    """In sight, however far down the page was pressed."""
    for _ in range(12):
        posted(slack)
    browser.goto(slack.page_url)
    browser.click(".thread:last-of-type button", "Take it")

    browser.wait("document.getElementById('notice').innerText.includes('not connected')")
    assert browser.value(IN_SIGHT.format("#notice"))


IN_SIGHT = "(() => {{ const r = document.querySelector('{}').getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; }})()"


@pytest.mark.chromium
def test_what_one_person_is_told_comes_into_sight(slack: LocalSlack, browser: Chromium) -> None:
    """Wherever they pressed: at the top of the page, and in a thread that is folded away; for somebody else nothing moves."""
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        first = posted(slack)
        for _ in range(12):
            posted(slack)
        browser.look(width=1000, height=600)
        browser.goto(slack.page_url)
        for user in ("U0BEN", "U0ANA"):  # who see the same so far
            browser.choose("#who", user)
            browser.value("new Promise((r) => setTimeout(r, 300))")
        browser.value("window.scrollTo(0, document.body.scrollHeight)")

        app.web.chat_postEphemeral(channel=CHANNEL, user="U0BEN", text="for ben alone")
        app.web.chat_postEphemeral(channel=CHANNEL, user="U0ANA", text="for ana alone")
        browser.wait("document.body.innerText.includes('for ana alone')")
        assert browser.wait(IN_SIGHT.format("article.private"))
        browser.value("window.scrollTo(0, 0)")
        app.web.chat_postEphemeral(channel=CHANNEL, user="U0ANA", text="in its thread", thread_ts=first)
        browser.wait("document.body.innerText.includes('in its thread')")
        assert browser.wait(IN_SIGHT.format(".replies article.private"))


@pytest.mark.chromium
def test_a_messages_shortcut_is_clicked(slack: LocalSlack, browser: Chromium) -> None:
    """By its title, as the manifest has it; the app hears of which message."""
    with Listener(slack) as app:
        slack.wait_for(lambda: app.hellos, 5)
        ts = posted(slack)
        browser.goto(slack.page_url)
        browser.click("summary", "⋮")
        browser.click("[role=menuitem]", SHORTCUTS[SHORTCUT])
        slack.wait_for(lambda: app.got, 5)

        (payload,) = [p for _, p in app.got]
        assert (payload["type"], payload["callback_id"]) == ("message_action", SHORTCUT)
        assert payload["message"]["ts"] == ts
