"""`triage demo`: the real daemon between an embedded IMAP server and a stand-in for Slack, all on loopback."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.answer import for_people
from bot.assembly import daemon, open_store
from bot.local.imap import EmbeddedImap
from bot.local.samples import OWN_SERVER, sample_mails
from bot.local.slack import LocalSlack
from bot.ports import Letterhead
from bot.settings import Settings

CHANNEL = "C0TRIAGE"
PATIENCE = 60.0  # seconds until we say that something is wrong; it takes about three


def run_demo(*, keep: bool, say: Callable[[str], None]) -> None:
    """Delivers the samples, lets the daemon work until every one is told, prints the verdicts; ends, or keeps the page up."""
    mails = sample_mails()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="triage-demo-") as folder,
        EmbeddedImap() as imap,
        LocalSlack(channels=(CHANNEL,)) as slack,
    ):
        settings = _settings(Path(folder), imap, slack)
        with daemon(settings, pace=timedelta()) as it:
            worker = threading.Thread(target=it.run, name="daemon")
            worker.start()
            try:
                _wait_until_watched(settings, PATIENCE)
                for raw in mails:
                    imap.deliver(raw)
                done = _wait_until_told(settings, len(mails), PATIENCE)
                it.parts.delivery.say_digest()
                _print(settings, say)
                say(f"{done} of {len(mails)} mails judged and told in {time.monotonic() - started:.1f} s.")
                if keep:
                    say(f"The cards, to be pressed: {slack.page_url}   (Ctrl-C ends)")
                    say("You are ana or ben there, who may decide, or eve, who may not.")
                    _until_interrupted()
            finally:
                it.stop()
                worker.join(20)


def _settings(folder: Path, imap: EmbeddedImap, slack: LocalSlack) -> Settings:
    (folder / "password").write_text(imap.password, encoding="utf-8")
    (folder / "token").write_text(slack.token, encoding="utf-8")
    (folder / "app").write_text(slack.app_token, encoding="utf-8")
    return Settings.model_validate(
        {
            "accounts": [
                {
                    "name": "demo", "host": "127.0.0.1", "port": imap.port, "tls": "none", "user": imap.user,
                    "password": {"file": str(folder / "password")}, "poll_every": "1s", "trusted_authserv": [OWN_SERVER],
                }
            ],
            "slack": {
                "channel": CHANNEL, "bot_token": {"file": str(folder / "token")}, "base_url": slack.base_url, "digest_at": "",
                "app_token": {"file": str(folder / "app")}, "allowed_users": ["U0ANA", "U0BEN"],
            },
            "audit": {"share": 0.0},  # every card of the demo shows what the bot thinks
            "state": {"folder": str(folder / "state")},
        }
    )  # fmt: skip


def _wait_until_watched(settings: Settings, seconds: float) -> None:
    """Until the daemon looked once: what is delivered from then on is new to it."""
    until = time.monotonic() + seconds
    with open_store(settings) as store:
        while store.cursor("demo", "INBOX") is None and time.monotonic() < until:
            time.sleep(0.05)


def _wait_until_told(settings: Settings, wanted: int, seconds: float) -> int:
    until = time.monotonic() + seconds
    done = 0
    with open_store(settings) as store:
        while time.monotonic() < until:
            done = sum(recorded is not None for _, recorded, _ in store.listing())
            if done >= wanted and not store.counts()["notices_due"]:
                break
            time.sleep(0.1)
    return done


def _print(settings: Settings, say: Callable[[str], None]) -> None:
    with open_store(settings) as store:
        for report, recorded, head in store.listing():
            if recorded is not None:
                say(for_people(report.short, recorded.verdict, head or Letterhead()) + "\n")


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
