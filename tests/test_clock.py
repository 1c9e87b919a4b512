"""The daemon when the clock on the wall is set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from dovecot import Dovecot
from running import Running, account, configuration, until

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"

# The program itself, but that its wall clock, and its scheduler's, is as much ahead as a file says.
SHIFTED = """
import datetime as d, pathlib, sys
import apscheduler.executors.base, apscheduler.schedulers.base, bot.clock
ahead = pathlib.Path(sys.argv.pop(1))
class Shifted(d.datetime):
    @classmethod
    def now(cls, tz=None):
        return d.datetime.now(tz) + d.timedelta(seconds=float(ahead.read_text()))
for module in (apscheduler.executors.base, apscheduler.schedulers.base, bot.clock):
    module.datetime = Shifted
from bot.__main__ import main
main()
"""


@pytest.mark.dovecot
@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_set_holds_up_nothing(dovecot: Dovecot, tmp_path: Path, hours: int) -> None:
    """Three hours back, or on: the next mail is a card within seconds, as ever."""
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    with LocalSlack(channels=(CHANNEL,)) as slack:
        config = configuration(tmp_path, account(dovecot, poll_every="2s"), slack)
        secrets = {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token}
        with Running(config, secrets, program=(sys.executable, "-c", SHIFTED, str(ahead))) as bot:
            bot.wait_for("account.connected")
            bot.looked()
            dovecot.deliver(sample_mails()[0])
            until(lambda: len(slack.messages(CHANNEL)) == 2, 60)
            (tmp_path / "then").write_text(str(hours * 3600))
            (tmp_path / "then").replace(ahead)  # at once: it is read all the time
            dovecot.deliver(sample_mails()[1])
            until(lambda: len(slack.messages(CHANNEL)) == 4, 60)
            assert bot.terminate() == 0
