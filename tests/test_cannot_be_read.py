"""A mail that ends the bot: three attempts, then a card with the safe facts; and a mail that injects, through the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hostile
import pytest
from dovecot import Dovecot
from running import TRIAGE, account, configuration
from surfaces import invisible

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"
DEADLY = b"From: a@sender.example\r\nSubject: the last one\r\n\r\nThis mail is deadly.\r\n"

# The bot itself, but that whatever holds this word ends it: as a flaw of the interpreter would, or a full memory.
FRAGILE = """
import os, sys
from bot.worker import Worker
judge = Worker.judge
def fragile(self, tasks):
    tasks = list(tasks)
    if any(b"deadly" in t.raw for t in tasks):
        os._exit(9)
    return judge(self, tasks)
Worker.judge = fragile
from bot.__main__ import main
main()
"""


@pytest.mark.dovecot
def test_three_attempts_then_a_card_of_safe_facts(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """It ends the bot three times; then a person gets it, and the mail beside it is judged as ever."""
    config = configuration(tmp_path, account(dovecot), slack)
    env = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token, "PATH": "/usr/bin:/bin"}

    def once(*program: str) -> subprocess.CompletedProcess[str]:
        command = [*program, "once", "--config", str(config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)

    assert once(TRIAGE).returncode == 0
    dovecot.deliver(DEADLY)
    dovecot.deliver(sample_mails()[0])
    ended = [once(sys.executable, "-c", FRAGILE).returncode for _ in range(3)]
    after = once(sys.executable, "-c", FRAGILE)

    assert ended == [9, 9, 9]
    assert after.returncode == 0, after.stderr
    told = [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]
    assert len(told) == 2
    (unread,) = [json.dumps(m, ensure_ascii=False) for m in told if "Cannot be read" in m["text"]]
    assert "folder INBOX" in unread
    assert f"{len(DEADLY)} bytes" in unread
    assert "the last one" not in unread


@pytest.mark.dovecot
@pytest.mark.timeout(300)
def test_nothing_of_a_mail_acts_in_the_commands(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """`once`, `list`, `show`, `export`, of every kind of injection: its words stand there as they are, or not at all."""
    config = configuration(tmp_path, account(dovecot, start="30d"), slack)
    env = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token, "PATH": "/usr/bin:/bin"}
    kinds = [case for case in hostile.files() if case.startswith("inject-")]
    for kind in kinds:
        dovecot.deliver(hostile.mail(kind))

    def triage(*arguments: str) -> str:
        command = [TRIAGE, *arguments, "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
        assert done.returncode == 0, done.stderr
        assert "SPF" not in done.stderr, "no word of a mail is logged"
        assert not invisible(done.stdout.replace("\n", ""))
        return done.stdout

    triage("once")
    rows = {row["report"]: row for row in map(json.loads, triage("list", "--json").splitlines())}
    listed, exported = triage("list"), triage("export", "verdicts")

    assert len(rows) == len(kinds) > 8
    assert len(listed.splitlines()) == len(kinds)
    assert [json.loads(line)["schema"] for line in exported.splitlines()] == [1] * len(kinds)
    for report, row in rows.items():
        triage("show", report)
        assert json.loads(triage("show", report, "--json"))["subject"] == row["subject"]
