"""A template twice and a follow-up, all the way: Dovecot, the real `triage run`, the cards at the local Slack, `triage show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from running import Running, account, configuration, until
from test_likeness import ACME, OTHER

from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"
GENUINE = (
    "A service token of organization A reads the backups of organization B. Steps to reproduce: create two organizations, "
    "take the token of the first, ask for the backups of the second: the answer is 200 and holds the other one's backup, "
    "which I restored into a branch of my own. This happens with every token."
)


def mail(sender: str, number: int, subject: str, body: str, answers: int | None = None) -> bytes:
    named = f"References: <{answers}@hunter.example>\r\n" if answers else ""
    return (
        f"From: {sender}\r\nTo: security@company.example\r\nMessage-ID: <{number}@hunter.example>\r\n{named}"
        f"Subject: {subject}\r\n\r\n{body}\r\n"
    ).encode()


def text_of(message: dict[str, Any]) -> str:
    return json.dumps([message["text"], message.get("blocks", [])], ensure_ascii=False)


@pytest.mark.dovecot
def test_the_like_is_known_again_and_a_follow_up_raises_its_thread(dovecot: Dovecot, tmp_path: Path) -> None:
    """The second on the first one's card; the third mail in that one's thread, its verdict raised and the channel told."""
    with LocalSlack(channels=(CHANNEL,)) as slack:

        def posts() -> list[dict[str, Any]]:
            return [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]

        config = configuration(tmp_path, account(dovecot), slack)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets) as bot:
            bot.wait_for("account.connected")
            bot.looked()

            dovecot.deliver(mail("ravi@hunter.example", 1, "No DMARC record", ACME))
            until(lambda: len(posts()) == 1)
            dovecot.deliver(mail("eve@other.example", 2, "No DMARC record", OTHER))
            until(lambda: "1 more alike, judged the same" in text_of(posts()[0]))
            first, second = [json.loads(line) for line in bot.command("list", "--json").stdout.splitlines()]
            assert first["disposition"] == "out_of_scope"
            assert f"`{second['report']}`" in text_of(posts()[0])

            dovecot.deliver(mail("ravi@hunter.example", 3, "Re: No DMARC record", GENUINE, answers=1))
            slack.wait_for(lambda: len(posts()) == 2 and "a follow-up raised it" in text_of(posts()[0]), 30)
            until(lambda: any("a follow-up to" in text_of(m) for m in slack.messages(CHANNEL)))

            assert f"`{first['report']}` was recommended as out of scope; a follow-up raised it" in text_of(posts()[1])
            replies = [m for m in slack.messages(CHANNEL) if m.get("thread_ts") == posts()[0]["ts"]]
            assert any("a follow-up to" in text_of(m) for m in replies)
            shown = json.loads(bot.command("show", first["report"], "--json").stdout)
            (follow_up,) = shown["thread"]["follow_ups"]
            assert shown["disposition"] in {"in_scope", "needs_review"}
            assert [h["decided_by"] for h in shown["history"]] == ["bot", "bot"]
            known = json.loads(bot.command("show", second["report"], "--json").stdout)
            assert [(s["report"], s["decided_by"]) for s in known["similar"]] == [(first["report"], "bot")]
            printed = bot.command("show", second["report"]).stdout
            assert "  Similar   1 similar, " in printed
            assert f"\n    {first['report']}  " in printed
            assert f"a follow-up to {first['report']}" in bot.command("show", follow_up).stdout
            assert bot.terminate() == 0
        assert not [e for e in bot.events if "hunter.example" in json.dumps(e) or "DMARC" in json.dumps(e)]
