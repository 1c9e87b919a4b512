"""Many reports at once, told at Slack's pace by a clock of their own: for test_burst and bench_burst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.correction import Correction, correct
from bot.delivery import Delivery
from bot.local.slack import LocalSlack
from bot.pacing import PACE
from bot.ports import Cursor, Letterhead, Message, NewReport, RawMessage, VerdictKind
from bot.routing import Routes, first_notices
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import Tier
from bot.store import Store
from classifiers.terms import Disposition, Verdict, report_key

CHANNEL = "C0TRIAGE"
STEP = PACE / 2
ROUTES = Routes(channel=CHANNEL)


class Timed(SlackNotifier):
    """Slack's door, with the times at which something went through it by the burst's clock."""

    def __init__(self, it: Burst, slack: LocalSlack) -> None:
        super().__init__(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
        self._it = it

    def post(self, message: Message) -> str:
        ts = super().post(message)
        self._it.told.append((self._it.at, message.facts.get("kind", "")))
        return ts

    def update(self, message: Message, ts: str) -> None:
        super().update(message, ts)
        self._it.told.append((self._it.at, message.facts.get("kind", "")))


class Burst:
    """A store full of reports, and delivery."""

    def __init__(self, folder: Path, slack: LocalSlack) -> None:
        self.at = datetime.now(UTC)  # the stand-in's messages are looked up by its own clock
        self.told: list[tuple[datetime, str]] = []  # when something was surely said, and what
        self._url, self._slack = f"sqlite:///{folder}/t.db", slack
        self.starts_anew()

    def starts_anew(self) -> None:
        """The bot ends and is started again: all that it knows is in the store."""
        if hasattr(self, "store"):
            self.store.close()
        self.store = Store.open(self._url, now=lambda: self.at)
        wording = Wording(policy="p", word="mochi", titles={}, requested={}, assets={})
        self.delivery = Delivery(
            self.store, Timed(self, self._slack), wording, channel=CHANNEL, tier=Tier.REDUCED,
            grace=timedelta(seconds=5), now=lambda: self.at,
        )  # fmt: skip

    def receives(self, number: int) -> None:
        """One report, judged."""
        raw = f"Subject: report {number}\r\n\r\n{number}".encode()
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=number + 1, size=len(raw), received_at=self.at, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        (report_id,) = self.store.keep("security", "INBOX", [new], Cursor(1, number + 1))
        report = self.store.report(report_id)
        verdict = Verdict(report=report.key, disposition=Disposition.OUT_OF_SCOPE, confidence=0.9, why="w")
        self.store.record(
            report_id, verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=self.at,
            letterhead=Letterhead(subject=f"report {number}"), notices=first_notices(report, verdict, ROUTES, self.at),
        )  # fmt: skip

    def decides(self, number: int) -> None:
        """A person agrees with the nth report's verdict."""
        report = self.store.listing()[number][0]
        said = Correction(disposition=Disposition.OUT_OF_SCOPE, by="person:ana")
        correct(self.store, report.key, said, known=(), routes=ROUTES, now=self.at)

    def says(self, most: int = 1_000_000) -> None:
        """The clock goes on until so many more are said, or all."""
        until = len(self.told) + most
        while len(self.told) < until:
            if not self.delivery.deliver(limit=1):
                if not self.store.counts()["notices_due"]:
                    break
                self.at += STEP


def in_their_order(it: Burst, reports: Sequence[str]) -> bool:
    """Whether these ids come as the reports came."""
    return list(reports) == [r.short for r, _, _ in it.store.listing()]


@contextmanager
def burst(folder: Path, slack: LocalSlack, number: int) -> Iterator[Burst]:
    """So many reports at the same moment."""
    it = Burst(folder, slack)
    for n in range(number):
        it.receives(n)
    try:
        yield it
    finally:
        it.store.close()
