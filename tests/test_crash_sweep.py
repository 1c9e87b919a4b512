"""Killed at any step of the journey and started again: it ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from running import Running, account, configuration
from test_journey_thread import GENUINE, mail
from test_likeness import ACME

from bot.local.slack import LocalSlack
from bot.store import Store

CHANNEL = "C0TRIAGE"
MAILS = (
    mail("ravi@hunter.example", 1, "No DMARC record", ACME),
    mail("news@shop.example", 2, "Our sale", "Save 20 % on all shoes this week. To unsubscribe, follow this link."),
    mail("ravi@hunter.example", 3, "Re: No DMARC record", GENUINE, answers=1),
)


class Sweeper:
    """The program in crashing.py, with one mailbox and one Slack."""

    def __init__(self, folder: Path, server: Dovecot, slack: LocalSlack) -> None:
        self.folder, self.slack = folder, slack
        self.before = folder / "before"
        self.before.mkdir()
        configuration(self.before, account(server), slack, grace="0s")
        named = [folder / f"{n}.eml" for n in range(len(MAILS))]
        for path, raw in zip(named, MAILS, strict=True):
            path.write_bytes(raw)
        secrets = {"TEST_IMAP_PASSWORD": server.password, "TEST_SLACK_TOKEN": slack.token}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crashing.py")), str(self.before / "config.toml"), *named],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ) | secrets,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asks, self._answers = self._process.stdin, self._process.stdout
        assert self._answers.readline() == "ready\n"
        self.journey(self.before)  # the first look: what comes later is new
        for raw in MAILS:
            server.deliver(raw)

    def close(self) -> None:
        self._asks.close()
        self._answers.close()
        self._process.wait(10)

    def journey(self, folder: Path, last: int = -1) -> list[str]:
        """One journey; its steps, or [] where it was killed."""
        self._asks.write(f"{folder} {last}\n")
        self._asks.flush()
        told = json.loads(self._answers.readline())
        assert told["status"] == (0 if last < 0 else -9), told
        return told["steps"]  # type: ignore[no-any-return]

    def afresh(self) -> Path:
        """The state before these mails came, and an empty channel."""
        folder = self.folder / "again"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.before, folder)
        self.slack.workspace.channels[CHANNEL].clear()
        return folder


@pytest.fixture
def sweeper(dovecot: Dovecot, tmp_path: Path) -> Iterator[Sweeper]:
    with LocalSlack(channels=(CHANNEL,)) as slack:
        it = Sweeper(tmp_path, dovecot, slack)
        yield it
        it.close()


def outcome(folder: Path, slack: LocalSlack) -> dict[str, Any]:
    """What people see and what is kept, without times: the same for the same mails, whatever happened on the way."""
    messages = slack.messages(CHANNEL)
    by_ts = {m["ts"]: m["metadata"]["event_payload"]["key"] for m in messages}
    with Store.open(f"sqlite:///{folder}/state/triage.db", now=lambda: datetime.now(UTC)) as store:
        return {
            "said": Counter((by_ts[m["ts"]], by_ts.get(m.get("thread_ts")), m["text"]) for m in messages),
            "verdicts": {
                r.key: [(h.kind, h.decided_by, h.verdict.disposition) for h in store.history(r.id)]
                for r, _, _ in store.listing()
            },
            "cursor": store.cursor("security", "INBOX"),
            "counts": store.counts(),
        }


@pytest.mark.dovecot
@pytest.mark.timeout(600)
def test_killed_at_any_step_it_ends_as_if_nothing_had_happened(sweeper: Sweeper) -> None:
    """A report, a newsletter, a follow-up that raises the first: one verdict, one card, one line each; no repeat, no loss."""
    steps = sweeper.journey(sweeper.afresh())
    undisturbed = outcome(sweeper.folder / "again", sweeper.slack)
    assert (
        undisturbed["counts"] | {"reports": 3, "waiting": 0, "notices_due": 0, "for_the_digest": 0}
        == undisturbed["counts"]
    )
    assert len(undisturbed["said"]) > 4
    assert set(undisturbed["said"].values()) == {1}
    assert {"before connect", "before _bodies", "COMMIT", "before post", "after post", "after update"} <= set(steps)

    for number, name in enumerate(steps):
        folder = sweeper.afresh()
        sweeper.journey(folder, number)
        sweeper.journey(folder)
        assert outcome(folder, sweeper.slack) == undisturbed, f"killed at step {number}, {name}"


@pytest.mark.dovecot
@pytest.mark.timeout(300)
def test_the_daemon_killed_again_and_again_tells_each_mail_once(dovecot: Dovecot, tmp_path: Path) -> None:
    """SIGKILL while it reads, judges and speaks, and Slack failing beside: one card a mail, one details message under it."""
    with LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, account(dovecot), slack, grace="1s")
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets) as bot:
            bot.looked()
            bot.process.kill()
        moments = ("account.connected", "report.judged", "notice.said", "notice.unknown", "notice.said")
        for number, moment in enumerate(moments):
            for n in range(3):
                dovecot.deliver(
                    mail(
                        f"r{number}{n}@hunter.example",
                        10 * number + n,
                        f"SPF {number} {n}",
                        f"{GENUINE} Case {number}{n}.",
                    )
                )
            slack.script(*(["timeout", "500"] if moment == "notice.unknown" else []))
            with Running(config, secrets) as bot:
                bot.wait_for(moment)
                bot.process.kill()
        with Running(config, secrets) as bot:
            all_told = {"reports": 3 * len(moments), "waiting": 0, "notices_due": 0}
            bot.until_health(lambda told: all_told.items() <= told["counts"].items(), 120)
            rows = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
            assert bot.terminate() == 0

    said = slack.messages(CHANNEL)
    assert len(rows) == 3 * len(moments)
    keys = Counter(m["metadata"]["event_payload"]["key"] for m in said)
    assert set(keys.values()) == {1}
    assert Counter(k.partition(":")[0] for k in keys) == {"card": len(rows), "details": len(rows)}
