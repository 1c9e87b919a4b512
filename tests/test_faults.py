"""The real program when the world fails: a clear line, the right exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dovecot import Dovecot
from proxy import Proxy
from running import TRIAGE, Running, account, configuration, until

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack

pytestmark = pytest.mark.dovecot
CHANNEL = "C0TRIAGE"


def secrets(server: Dovecot, slack: LocalSlack, **changes: str) -> dict[str, str]:
    return {"TEST_IMAP_PASSWORD": server.password, "TEST_SLACK_TOKEN": slack.token} | changes


def triage(config: Path, env: Mapping[str, str], *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TRIAGE, *arguments, "--config", str(config)], capture_output=True, text=True, timeout=60, check=False,
        env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()} | dict(env), **more,
    )  # fmt: skip


def last(done: subprocess.CompletedProcess[str]) -> str:
    """What a command says at its end, after its log."""
    return done.stderr.splitlines()[-1]


def cards(slack: LocalSlack) -> list[dict[str, Any]]:
    return [m for m in slack.messages(CHANNEL) if not m.get("thread_ts")]


# ------------------------------------------------------------------------------------------------ logins, servers


@pytest.mark.parametrize("command", ["run", "once", "doctor"])
def test_a_wrong_password_ends_with_77(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path, command: str) -> None:
    """One line that names the user and what to do; never the password."""
    config = configuration(tmp_path, account(dovecot), slack)
    done = triage(config, secrets(dovecot, slack, TEST_IMAP_PASSWORD="not-the-one"), command)

    assert done.returncode == 77, done.stderr
    assert "refused the login" in done.stdout + done.stderr
    assert "not-the-one" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_ends_once_with_69(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """And doctor too, which goes on to look at the rest."""
    config = configuration(tmp_path, account(dovecot), slack)
    dovecot.stop()

    assert triage(config, secrets(dovecot, slack), "once").returncode == 69
    looked = triage(config, secrets(dovecot, slack), "doctor")
    assert looked.returncode == 69
    assert "nothing listens there" in looked.stdout
    assert "slack        ok" in looked.stdout


def test_all_well_says_doctor(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Every part is ok, the mailbox is untouched."""
    config = configuration(tmp_path, account(dovecot, folders=["INBOX", "Junk"]), slack)
    dovecot.deliver(sample_mails()[0])
    looked = triage(config, secrets(dovecot, slack), "doctor", "--json")

    assert looked.returncode == 0, looked.stdout
    assert {json.loads(line)["state"] for line in looked.stdout.splitlines()} == {"ok"}
    assert all("\\Seen" not in f for f in dovecot.flags())


def test_one_refused_account_keeps_no_other_from_being_read(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path
) -> None:
    """The daemon goes on with the others, and says so once."""
    good = account(dovecot, name="good")
    bad = account(dovecot, name="bad").replace("TEST_IMAP_PASSWORD", "TEST_WRONG_PASSWORD")
    config = configuration(tmp_path, good + bad, slack)
    with Running(config, secrets(dovecot, slack, TEST_WRONG_PASSWORD="no")) as bot:
        bot.wait_for("account.trouble")
        bot.wait_for("account.connected")
        bot.looked("good")
        dovecot.deliver(sample_mails()[0])
        until(lambda: cards(slack))
        assert bot.terminate() == 0


def test_a_broken_line_is_mended_by_itself(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Cut while it idles, refused while it reconnects; then mail arrives as before."""
    with Proxy(dovecot.tls_port) as line:
        config = configuration(tmp_path, account(dovecot, host="localhost", port=line.port, poll_every="10s"), slack)
        with Running(config, secrets(dovecot, slack)) as bot:
            bot.looked()
            line.refuse = True
            line.cut(by_reset=True)
            dovecot.deliver(sample_mails()[0])
            bot.wait_for("idle.lost")
            line.refuse = False
            until(lambda: cards(slack), 60)
            assert len(cards(slack)) == 1
            assert bot.terminate() == 0


def test_a_new_uidvalidity_posts_nothing_twice(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """The folder is read anew, and what is known is known."""
    config = configuration(tmp_path, account(dovecot, start="30d"), slack)
    for raw in sample_mails()[:4]:
        dovecot.deliver(raw)
    assert triage(config, secrets(dovecot, slack), "once").returncode == 0
    before = len(slack.messages(CHANNEL))
    dovecot.set_uidvalidity(4_000_000)
    dovecot.deliver(sample_mails()[5])

    done = triage(config, secrets(dovecot, slack), "once")

    assert last(done).startswith("1 read, 1 judged"), done.stderr
    listed = triage(config, secrets(dovecot, slack), "list", "--json").stdout.splitlines()
    assert len(listed) == 5
    assert len(slack.messages(CHANNEL)) <= before + 2


# ------------------------------------------------------------------------------------------------ Slack


def test_what_slack_did_not_take_is_said_later_and_once(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Slow down, a reset before, a server error after it was taken: one card, one details message."""
    config = configuration(tmp_path, account(dovecot), slack, grace="2s")
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        slack.script("429:1", "reset", "ok", "500")
        dovecot.deliver(sample_mails()[0])
        bot.until_health(lambda told: not told["counts"]["notices_due"] and cards(slack), 60)
        assert bot.terminate() == 0

    assert len(cards(slack)) == 1
    assert len(slack.messages(CHANNEL)) == 2


def test_a_bad_token_loses_nothing(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Mail is read and judged; once the token is right, the card is said."""
    config = configuration(tmp_path, account(dovecot, start="1d"), slack)
    with Running(config, secrets(dovecot, slack, TEST_SLACK_TOKEN="xoxb-wrong")) as bot:
        bot.looked()
        dovecot.deliver(sample_mails()[0])
        bot.wait_for("notice.put_off")
        assert bot.terminate() == 0
    assert slack.messages(CHANNEL) == []

    listed = triage(config, secrets(dovecot, slack), "list", "--json").stdout
    assert json.loads(listed.splitlines()[0])["disposition"] == "out_of_scope"


# ------------------------------------------------------------------------------------------------ state and disk


def test_a_full_disk_loses_nothing(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """No file may grow: exit 75 and a sentence. With room again, everything is read."""
    config = configuration(tmp_path, account(dovecot, start="30d"), slack)
    assert triage(config, secrets(dovecot, slack), "once").returncode == 0
    for n in range(3):
        dovecot.deliver(sample_mails()[0] + b"more %d " % n * 30_000)

    size = (tmp_path / "state" / "triage.db").stat().st_size + 40_000
    full = triage(
        config, secrets(dovecot, slack), "once",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip
    assert full.returncode == 75, full.stderr
    assert "disk" in full.stderr
    assert "Traceback" not in full.stderr

    assert last(triage(config, secrets(dovecot, slack), "once")).startswith("3 read, 3 judged")


def test_a_damaged_database_is_told(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Exit 75 and what to do, for the daemon and for a command."""
    config = configuration(tmp_path, account(dovecot), slack)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "triage.db").write_bytes(b"not a database" * 1000)

    for command in ("run", "list"):
        done = triage(config, secrets(dovecot, slack), command)
        assert done.returncode == 75, done.stderr
        assert "damaged" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_second_daemon_is_refused(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """One state folder, one daemon; commands need no lock."""
    config = configuration(tmp_path, account(dovecot), slack)
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.wait_for("daemon.started")
        second = triage(config, secrets(dovecot, slack), "run")
        assert second.returncode == 75
        assert "in use by another triage" in second.stderr
        assert bot.command("list").returncode == 0
        assert bot.terminate() == 0


@pytest.mark.parametrize("name", ["empty", "nested", "large"])
def test_odd_mail_reaches_a_person(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path, name: str) -> None:
    """Zero bytes, 5,000 nested parts, 60 MB: kept, judged needs_review, told; and the mail after it too."""
    odd = {
        "empty": b"",
        "nested": b"Subject: n\r\n" + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5000)),
        "large": b"Subject: large\r\n\r\nThe domain has no SPF record.\r\n" + b"x" * 76 * 800_000,
    }[name]  # fmt: skip
    config = configuration(tmp_path, account(dovecot, start="30d"), slack)
    dovecot.deliver(odd)
    dovecot.deliver(sample_mails()[0])

    done = triage(config, secrets(dovecot, slack), "once")

    assert last(done).startswith("2 read, 2 judged"), done.stderr
    rows = [json.loads(line) for line in triage(config, secrets(dovecot, slack), "list", "--json").stdout.splitlines()]
    assert sorted(r["disposition"] for r in rows) == ["needs_review", "out_of_scope"]


def test_sigterm_ends_it_within_seconds(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """In the midst of a backlog: exit 0, and the rest is judged at the next start."""
    config = configuration(tmp_path, account(dovecot, start="30d"), slack)
    for n in range(300):
        dovecot.deliver(sample_mails()[n % 12] + b"\r\n%d\r\n" % n)
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.wait_for("report.judged")
        assert bot.terminate(10) == 0

    assert triage(config, secrets(dovecot, slack), "once").returncode in {0, 75}
    rows = [json.loads(line) for line in triage(config, secrets(dovecot, slack), "list", "--json").stdout.splitlines()]
    assert len(rows) == 300
    assert all(r["disposition"] for r in rows)
    assert len(cards(slack)) < 10, "a backlog posts no flood"
