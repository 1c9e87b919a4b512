"""A burst of 500 reports told at Slack's pace, by a clock of its own: messages an hour, and what the bot itself needs for one.

Run: make bench. Nothing here is asserted; tests/test_burst.py holds that none is lost, none said twice, and the order.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from burst import CHANNEL, burst, in_their_order

from bot.local.slack import LocalSlack

MANY = 500


def main() -> None:
    for name in [n for n in os.environ if "proxy" in n.lower()]:
        del os.environ[name]
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalSlack(channels=(CHANNEL,)) as slack,
        burst(Path(folder), slack, MANY) as it,
    ):
        began, started, worked = it.at, time.monotonic(), time.process_time()
        it.says(MANY)
        cards_after = it.at - began
        it.says()
        took, seconds, cpu = it.at - began, time.monotonic() - started, time.process_time() - worked
        told = slack.messages(CHANNEL)
        cards = [m["metadata"]["event_payload"]["report"] for m in told if not m.get("thread_ts")]
        kept = "kept" if in_their_order(it, cards) else "NOT kept"
    hour = len(told) / (took / timedelta(hours=1))
    print(f"{MANY} reports at once: {len(told)} messages, {hour:.0f} an hour at Slack's pace of one channel")
    print(
        f"  all cards after {cards_after / timedelta(minutes=1):.1f} min, all details after {took / timedelta(minutes=1):.1f} min"
    )
    print(f"  order {kept}, lost {MANY - len(set(cards))}, twice {len(cards) - len(set(cards))}")
    print(
        f"  the bot and the stand-in need {1000 * seconds / len(told):.0f} ms a message ({1000 * cpu / len(told):.0f} ms of CPU)"
    )


if __name__ == "__main__":
    main()
