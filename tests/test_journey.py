"""The whole way of a mail: Dovecot, the real `triage run`, the card at the local Slack, a correction by command, SIGTERM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from running import Running, account, configuration, until

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"


def text_of(message: dict[str, Any]) -> str:
    return json.dumps([message["text"], message.get("blocks", [])], ensure_ascii=False)


def cards(slack: LocalSlack) -> list[dict[str, Any]]:
    return [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]


@pytest.mark.dovecot
def test_a_mail_becomes_a_card_and_a_correction_changes_it(dovecot: Dovecot, tmp_path: Path) -> None:
    """APPEND to card, reclassify to changed card, SIGTERM to exit 0; the mailbox untouched, nothing said twice."""
    with LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, account(dovecot, folders=["INBOX", "Junk"]), slack)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets) as bot:
            bot.wait_for("account.connected")
            bot.looked()
            told = bot.command("health", "--json")
            assert (told.returncode, json.loads(told.stdout)["alive"]) == (0, True)

            dovecot.deliver(sample_mails()[0])

            (card,) = until(lambda: cards(slack))
            assert "Out of scope" in text_of(card)
            assert "mochi: found, body" in text_of(card)
            assert "Sender Policy Framework (SPF) configuration suggestions" in text_of(card)
            assert "ravi@hunter.example" not in text_of(card)
            (row,) = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]

            done = bot.command(
                "reclassify",
                row["report"],
                "--as",
                "in_scope",
                "--reason",
                "a mail was spoofed and a reset link stolen",
                "--by",
                "ana",
            )

            assert done.returncode == 0, done.stderr
            slack.wait_for(lambda: "In scope" in text_of(cards(slack)[0]), 10)
            assert "ana" in text_of(cards(slack)[0])
            assert len(cards(slack)) == 1
            shown = json.loads(bot.command("show", row["report"], "--json").stdout)
            assert [h["decided_by"] for h in shown["history"]] == ["bot", "person:ana"]
            again = bot.command("reclassify", "--since", "1d", "--apply")
            assert "1 decided by a person" in again.stderr
            assert json.loads(bot.command("show", row["report"], "--json").stdout)["disposition"] == "in_scope"
            assert dovecot.flags() == [] or all("\\Seen" not in f for f in dovecot.flags())
            assert bot.terminate() == 0
        assert not [e for e in bot.events if "hunter.example" in json.dumps(e) or "SPF record" in json.dumps(e)]


@pytest.mark.dovecot
def test_an_audited_mail_is_asked_blind_and_answered_by_command(dovecot: Dovecot, tmp_path: Path) -> None:
    """The first start makes the seed; the card has no opinion until reclassify; then it has, and the thread its details."""
    with LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, account(dovecot), slack, audit_share=1.0)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets) as bot:
            bot.wait_for("account.connected")
            bot.looked()
            dovecot.deliver(sample_mails()[0])

            (card,) = until(lambda: cards(slack))
            assert card["text"].startswith("Audit · ")
            assert "Sender Policy Framework (SPF) configuration suggestions" not in text_of(card)
            (row,) = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
            assert (row["audit"], row["disposition"], row["categories"]) == ("open", None, [])

            done = bot.command("reclassify", row["report"], "--as", "out_of_scope", "--by", "ana")

            assert done.returncode == 0, done.stderr
            slack.wait_for(lambda: "The bot's opinion: *Out of scope*" in text_of(cards(slack)[0]), 10)
            slack.wait_for(lambda: len(slack.messages(CHANNEL)) == 2, 10)
            counted = json.loads(bot.command("list", "--audit", "--json").stdout)
            assert (counted["answered"], counted["open"], counted["false_dismissals"]) == (1, 0, 0)
            assert bot.terminate() == 0
        seed = tmp_path / "state" / "audit.seed"
        assert seed.stat().st_mode & 0o777 == 0o600
        assert seed.read_bytes().hex() not in json.dumps(bot.events)
