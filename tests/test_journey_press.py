"""The whole loop in a browser: a mail, its card, a person who presses, and what the bot makes of it; the real daemon."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from chromium import Chromium
from running import until

from bot.assembly import daemon, open_store
from bot.local.demo import CHANNEL, _settings, _wait_until_watched
from bot.local.imap import EmbeddedImap
from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack
from bot.ports import VerdictKind
from bot.settings import Settings

pytestmark = pytest.mark.chromium
PLAINTEXT = "Connection string accepts plaintext"


@contextmanager
def running(settings: Settings, slack: LocalSlack) -> Iterator[None]:
    """The daemon, from its first look to its end."""
    before = slack.sockets.connections
    with daemon(settings, pace=timedelta()) as it:
        worker = threading.Thread(target=it.run)
        worker.start()
        try:
            slack.wait_for(lambda: slack.sockets.connections > before, 30)
            _wait_until_watched(settings, 30)
            yield
        finally:
            it.stop()
            worker.join(30)
    assert not worker.is_alive()


def test_a_report_is_taken_and_decided_by_clicking(tmp_path: Path, browser: Chromium) -> None:
    """Take it, Change…, a reason, Save: the card says so within seconds; who is not named only hears why not."""
    (mail,) = [m for m in sample_mails() if PLAINTEXT.encode() in m]
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        settings = _settings(tmp_path, imap, slack)
        with running(settings, slack):
            browser.look(width=390, height=844, dark=True)
            browser.goto(slack.page_url)
            imap.deliver(mail)
            browser.wait(f"document.body.innerText.includes('{PLAINTEXT}')")

            browser.choose("#who", "U0EVE")
            browser.click("button", "Take it")
            browser.wait("document.body.innerText.includes('You may read this, but not decide here')")
            browser.choose("#who", "U0ANA")
            browser.wait("!document.body.innerText.includes('You may read this')")
            browser.click("button", "Take it")
            browser.wait("document.body.innerText.includes('Taken by ana')")
            browser.click("button", "Change…")
            browser.click("label", "Out of scope", within="[data-block=what]")
            browser.click("label", "TLS configuration", within="[data-block=kinds]")
            browser.type("[data-block=why] textarea", "it is our test database")
            browser.click("button", "Save")
            browser.wait("document.body.innerText.includes('decided by ana')")

            said = browser.text(".thread")
            assert "it is our test database" in said
            assert "The bot recommends: 🔴 In scope" in said
            assert "Take it" not in said
            assert slack.messages(CHANNEL)[0]["text"].startswith("Out of scope · ")
        with open_store(settings) as store:
            ((_, current, _),) = store.listing()
            assert current is not None
            assert (current.kind, current.decided_by) == (VerdictKind.PERSON, "person:ana (U0ANA)")
            assert [(a.by, a.outcome.value) for a in store.acts()] == [
                ("person:eve (U0EVE)", "refused"), ("person:ana (U0ANA)", "done"), ("person:ana (U0ANA)", "done"),
            ]  # fmt: skip


def test_a_card_of_before_a_restart_is_pressed_in_a_browser(tmp_path: Path, browser: Chromium) -> None:
    """While nobody is there Slack says so; then the new process answers the old card."""
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        settings = _settings(tmp_path, imap, slack)
        with running(settings, slack):
            imap.deliver(sample_mails()[0])
            slack.wait_for(lambda: slack.messages(CHANNEL), 30)
        until(lambda: not slack.sockets.connections)
        browser.goto(slack.page_url)
        browser.click("button", "Agree: out of scope")
        browser.wait("document.getElementById('notice').innerText.includes('not connected')")

        with running(settings, slack):
            browser.click("button", "Agree: out of scope")
            browser.wait("document.body.innerText.includes('decided by ana')")


def test_a_report_is_decided_from_home_by_clicking(tmp_path: Path, browser: Chromium) -> None:
    """App Home lists what waits; Change… there decides it, and the tab no longer lists it."""
    (mail,) = [m for m in sample_mails() if PLAINTEXT.encode() in m]
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        settings = _settings(tmp_path, imap, slack)
        with running(settings, slack):
            imap.deliver(mail)
            slack.wait_for(lambda: slack.messages(CHANNEL), 30)
            browser.goto(slack.page_url)
            browser.click("button", "Home")
            browser.wait("document.body.innerText.includes('1 report waits for a person')")
            browser.click("button", "Change…")
            browser.click("label", "Needs review", within="[data-block=what]")
            browser.type("[data-block=why] textarea", "two of us look")
            browser.click("button", "Save")
            browser.wait("document.body.innerText.includes('Nothing waits for a person')")


def test_copies_are_decided_and_their_sender_muted_by_clicking(tmp_path: Path, browser: Chromium) -> None:
    """Two copies of a template are one card, whose button says so; the menu asks what muting means before it is done."""
    copies = [m for m in sample_mails() if b"no valid SPF record" in m]
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        settings = _settings(tmp_path, imap, slack)
        with running(settings, slack):
            for mail in copies:
                imap.deliver(mail)
            browser.goto(slack.page_url)
            browser.wait("document.body.innerText.includes('1 more alike, judged the same')")
            browser.click("summary", "⋯")
            browser.click("[role=menuitem]", "Mute this sender…")
            browser.click("button", "Mute")
            browser.wait("document.body.innerText.includes('is muted until')")
            browser.click("button", "Agree: out of scope (2 reports)")
            browser.wait("document.body.innerText.includes('decided by ana')")
        with open_store(settings) as store:
            said = [current.decided_by for _, current, _ in store.listing() if current is not None]
            assert said == ["person:ana (U0ANA)"] * len(copies)


READABLE = """(() => {
  const channels = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.offsetParent || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(channels(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) poor.push(e.outerHTML.slice(0, 120));
  }
  return poor;
})()"""


def look_everywhere(browser: Chromium) -> None:
    """On a phone, narrower, and wide; by day and at night: nothing runs over the edge, every word can be read."""
    for dark in (False, True):
        for width in (320, 390, 1000):
            browser.look(width=width, height=844, dark=dark)
            assert browser.value("document.documentElement.scrollWidth <= innerWidth"), (width, dark)
            assert browser.value(READABLE) == [], (width, dark)


def test_every_place_is_readable_on_a_phone_and_at_night(tmp_path: Path, browser: Chromium) -> None:
    """The channel with its threads, a modal, Home and an answer to a command, each reached by clicking."""
    word = b"x" * 300
    mails = [m.replace(b"Subject: ", b"Subject: " + word + b" ") for m in sample_mails()[:2]]
    with EmbeddedImap() as imap, LocalSlack(channels=(CHANNEL,)) as slack:
        settings = _settings(tmp_path, imap, slack)
        with running(settings, slack):
            for mail in mails:
                imap.deliver(mail)
            slack.wait_for(lambda: len(slack.messages(CHANNEL)) == 4, 30)
            browser.look(width=390, height=844)
            browser.goto(slack.page_url)
            for n in range(2):
                browser.click(f".thread:nth-of-type({n + 1}) .replies > summary", "repl")
            look_everywhere(browser)

            browser.look(width=390, height=844)
            browser.click("summary", "⋯")
            browser.click("[role=menuitem]", "Suggested reply")
            browser.wait("document.querySelector('.modal pre')?.innerText.startsWith('Thank you')")
            look_everywhere(browser)
            browser.click("[data-close]", "Close")
            browser.wait("document.getElementById('veil').hidden")

            browser.type("#slash input", "/triage open")
            browser.click("button", "Send")
            browser.wait(
                "document.body.innerText.includes('wait for a person') || document.body.innerText.includes('waits for a person')"
            )
            look_everywhere(browser)
            browser.click("button", "Home")
            browser.wait("document.body.innerText.includes('How triage stands')")
            look_everywhere(browser)
