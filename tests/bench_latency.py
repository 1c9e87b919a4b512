"""How long from a mail's arrival at Dovecot to its card at the local Slack, with IDLE: 20 mails, one every few seconds.

Needs dovecot-imapd. Run: make bench. Nothing here is asserted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from dovecot import BINARY, Dovecot
from running import Running, account, configuration, until

from bot.local.samples import sample_mails
from bot.local.slack import LocalSlack

CHANNEL = "C0TRIAGE"


def main() -> None:
    if not BINARY.exists():
        sys.exit("dovecot-imapd is not installed: no figure")
    (live,) = [m for m in sample_mails() if b"Connection string accepts plaintext" in m]  # of its kind each has a card
    seconds = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Dovecot() as dovecot,
        LocalSlack(channels=(CHANNEL,)) as slack,
        Running(
            configuration(Path(folder), account(dovecot, poll_every="300s"), slack),
            {"TEST_IMAP_PASSWORD": dovecot.password, "TEST_SLACK_TOKEN": slack.token},
        ) as bot,
    ):
        bot.looked()
        time.sleep(3)  # the watcher is in IDLE by then
        for n in range(20):
            dovecot.deliver(live + b"\r\n%d\r\n" % n)
            start = time.monotonic()
            until(lambda n=n: sum("thread_ts" not in m for m in slack.messages(CHANNEL)) > n)
            seconds.append(time.monotonic() - start)
            time.sleep(3)  # Slack's pace: about one message a second in a channel, and each card has its details
        bot.terminate()
    print(f"arrival to card: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s of {len(seconds)}")


if __name__ == "__main__":
    main()
