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
