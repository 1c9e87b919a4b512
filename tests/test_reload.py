"""SIGHUP takes up a changed configuration, rules and policy whole, or keeps the old ones and says why."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovecot import Dovecot
from running import Running, account, configuration, until
from test_faults import cards, secrets
from test_journey_thread import mail
from test_likeness import ACME

from bot.assembly import RULES
from bot.local.slack import LocalSlack

pytestmark = pytest.mark.dovecot
CHANNEL, OTHER = "C0TRIAGE", "C0OTHER"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(channels=(CHANNEL, OTHER)) as it:
        yield it


def hang_up(bot: Running) -> None:
    bot.process.send_signal(signal.SIGHUP)


def test_a_changed_configuration_is_taken_up(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Another channel, another policy of changed rules: the next card has both; nothing is said twice, no mail is lost."""
    config = configuration(tmp_path, account(dovecot), slack)
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        dovecot.deliver(mail("ravi@hunter.example", 1, "No DMARC record", ACME))
        until(lambda: len(slack.messages(CHANNEL)) == 2)
        shutil.copytree(RULES, tmp_path / "rules")
        policy = tmp_path / "rules" / "policies" / "planetscale.toml"
        policy.write_text(policy.read_text().replace('"mochi"', '"daifuku"'))
        config.write_text(config.read_text().replace(CHANNEL, OTHER) + '[policy]\nrules = "rules"\n')
        hang_up(bot)
        bot.wait_for("daemon.started", count=2)
        dovecot.deliver(mail("eve@other.example", 2, "CAA", "There is no CAA record for the shop's domain. daifuku"))

        (card, *_) = slack.wait_for(lambda: slack.messages(OTHER), 60)
        assert "daifuku" in json.dumps(card)
        assert len(cards(slack)) == 1
        assert bot.terminate() == 0
    assert [e["event"] for e in bot.events if e["event"].startswith(("reload", "daemon"))] == [
        "daemon.started", "reload.taken", "daemon.stopped", "daemon.started", "daemon.stopped",
    ]  # fmt: skip


def broken_toml(config: Path) -> None:
    config.write_text(config.read_text() + "[[[")


def unknown_setting(config: Path) -> None:
    config.write_text(config.read_text() + "[policy]\nnane = 1\n")


def broken_rule(config: Path) -> None:
    shutil.copytree(RULES, config.parent / "rules")
    rule = next((config.parent / "rules" / "categories").glob("*.toml"))
    rule.write_text(rule.read_text() + '\n[[rules]]\nid = "x"\npattern = "(?<=a)b"\n')
    config.write_text(config.read_text() + '[policy]\nrules = "rules"\n')


def missing_secret(config: Path) -> None:
    config.write_text(config.read_text().replace("TEST_SLACK_TOKEN", "TEST_NO_TOKEN"))


def no_database(config: Path) -> None:
    config.write_text(config.read_text().replace('folder = "state"', 'folder = "/proc/nowhere"'))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (broken_toml, "is not valid TOML"),
        (unknown_setting, "did you mean name?"),
        (broken_rule, "categories"),
        (missing_secret, "TEST_NO_TOKEN"),
        (no_database, "cannot be written"),
    ],
)
def test_a_bad_configuration_changes_nothing_and_is_told(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path, spoil: Callable[[Path], None], word: str
) -> None:
    """In the log and in Slack, with what to mend; the bot goes on as before, and takes the mended one."""
    config = configuration(tmp_path, account(dovecot), slack)
    before = config.read_text()
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        spoil(config)
        hang_up(bot)
        assert word in bot.wait_for("reload.refused")["what"]
        slack.wait_for(lambda: any("was not taken" in m["text"] for m in cards(slack)), 20)
        dovecot.deliver(mail("ravi@hunter.example", 1, "No DMARC record", ACME))
        slack.wait_for(lambda: len(cards(slack)) == 2, 30)

        config.write_text(before)
        hang_up(bot)
        bot.wait_for("daemon.started", count=2)
        assert bot.terminate() == 0


def test_a_configuration_that_proves_bad_when_it_runs_gives_way(
    dovecot: Dovecot, slack: LocalSlack, tmp_path: Path
) -> None:
    """A password that the server refuses is found out only there: the one before is in use again."""
    config = configuration(tmp_path, account(dovecot), slack)
    with Running(config, secrets(dovecot, slack, TEST_WRONG="no")) as bot:
        bot.looked()
        config.write_text(config.read_text().replace("TEST_IMAP_PASSWORD", "TEST_WRONG"))
        hang_up(bot)
        assert "refused the login" in bot.wait_for("reload.failed")["what"]
        bot.wait_for("daemon.started", count=3)
        dovecot.deliver(mail("ravi@hunter.example", 1, "No DMARC record", ACME))
        slack.wait_for(lambda: cards(slack), 30)
        assert bot.terminate() == 0


def test_sigterm_in_the_midst_of_a_reload_is_obeyed(dovecot: Dovecot, slack: LocalSlack, tmp_path: Path) -> None:
    """Between two daemons no order is lost."""
    config = configuration(tmp_path, account(dovecot), slack)
    with Running(config, secrets(dovecot, slack)) as bot:
        bot.looked()
        hang_up(bot)
        bot.wait_for("daemon.stopped")
        assert bot.terminate(30) == 0
