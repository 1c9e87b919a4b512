"""Everything between a mailbox and Slack, a step at a time: the real store, delivery and stand-in; verdicts on cue, a clock that tests set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from fakes import ScriptedMailbox

from bot.correction import Correction, correct
from bot.delivery import Delivery
from bot.judge import traces
from bot.local.slack import LocalSlack
from bot.mail.mime import parse
from bot.ports import Context, KeptReport, Letterhead
from bot.routing import Routes
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.view import Tier
from bot.store import Store
from bot.tasks import Judged, Task
from bot.triage import Reading, Triage
from bot.worker import Worker
from classifiers.terms import Disposition, Finding, Verdict, Versions

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MAIN, LOUD_ONES, MAIL_TEAM = "C0TRIAGE", "C0LIVE", "C0MAILTEAM"
READING = Reading(account="a", folders=("INBOX", "Junk"), junk=frozenset({"Junk"}), start=timedelta(days=30))


class Scripted(Worker):
    """Says of a mail what its X-Verdict field wants, with the categories after it; reads its traces as the child does."""

    def __init__(self) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))

    @property
    def versions(self) -> Versions:
        return Versions(rules="r1", model="m1", policy="p1")

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            report = parse(task.raw, trusted_authserv=("mx.us.example",))
            wanted, *kinds = task.raw.partition(b"X-Verdict: ")[2].partition(b"\r\n")[0].decode().split()
            verdict = Verdict(
                report=report.key, disposition=Disposition(wanted), confidence=0.9, why="its rules say so",
                categories=tuple(Finding(category=k, probability=0.9, clause="c", clause_kind="named") for k in kinds),
            )  # fmt: skip
            words = "\n".join(p.text for p in report.passages)
            head = Letterhead(subject=report.subject, sender=report.sender)
            yield Judged(verdict=verdict, letterhead=head, traces=traces(report, words))


class Mailroom:
    """The bot without its threads."""

    def __init__(self, store: Store, slack: LocalSlack, routes: Routes) -> None:
        self.store, self.slack = store, slack
        self.at = MONDAY
        self.box = ScriptedMailbox("INBOX", "Junk")
        self.box.connect()
        self.triage = Triage(store=store, worker=Scripted(), routes=routes, now=lambda: self.at)
        self.wording = Wording(
            policy="p", word="mochi", titles={"spf": "E-mail", "cookies": "Cookies"}, requested={}, assets={}
        )
        self.delivery = Delivery(
            store, SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5), self.wording,
            channel=routes.channel, tier=Tier.REDUCED, grace=timedelta(seconds=5), now=lambda: self.at, pace=timedelta(),
        )  # fmt: skip
        self.triage.read(self.box, READING)

    def receives(
        self, verdict: str, body: str = "words of a report", *, number: int = 1, folder: str = "INBOX", head: str = "",
        sender: str = "ravi@hunter.example", answers: int | None = None,
    ) -> KeptReport:  # fmt: skip
        """A mail arrives, is judged, and what is due of it is told. `verdict`: "out_of_scope spf cookies"."""
        named = f"In-Reply-To: <{answers}@hunter.example>\r\n" if answers else ""
        raw = (
            f"{head}From: {sender}\r\nMessage-ID: <{number}@hunter.example>\r\n{named}X-Verdict: {verdict}\r\n"
            f"Subject: mail {number}\r\n\r\n{body}\r\n"
        )
        self.at += timedelta(seconds=1)
        self.box.deliver(raw.encode(), folder, received_at=self.at)
        self.triage.read(self.box, READING)
        self.triage.judge_waiting()
        self.tells()
        return self.store.listing()[-1][0]

    def tells(self) -> None:
        """Says what is due now, and what is due because of that."""
        while self.delivery.deliver():
            pass

    def decides(self, report: KeptReport, as_: Disposition, by: str = "ana") -> None:
        self.at += timedelta(seconds=1)
        said = Correction(disposition=as_, by=f"person:{by}")
        correct(self.store, report.key, said, known=(), routes=self.triage.routes, now=self.at)
        self.tells()

    def routed(self, routes: Routes) -> None:
        self.triage = replace(self.triage, routes=routes)

    def posts(self, channel: str = MAIN) -> list[dict[str, Any]]:
        """What stands in a channel itself, oldest first."""
        return [m for m in self.slack.messages(channel) if not m.get("thread_ts")]

    def titles(self, channel: str = MAIN) -> list[str]:
        """The posts' fallback texts, oldest first."""
        return [m["text"] for m in self.posts(channel)]

    def replies(self, post: dict[str, Any], channel: str = MAIN) -> list[str]:
        """What stands in a post's thread, without its details."""
        inside = [m for m in self.slack.messages(channel) if m.get("thread_ts") == post["ts"]]
        return [words(m) for m in inside if "Everything that was seen" not in words(m)]


def words(message: dict[str, Any]) -> str:
    return json.dumps([message["text"], message.get("blocks", [])], ensure_ascii=False)


Room = TypeVar("Room", bound=Mailroom)


@contextmanager
def mailroom(url: str, routes: Routes | None = None, kind: type[Room] = Mailroom) -> Iterator[Room]:
    """A bot on this database, with a Slack of its own. The caller sees to it that no proxy is set."""
    with (
        LocalSlack(channels=(MAIN, LOUD_ONES, MAIL_TEAM)) as slack,
        Store.open(url, now=lambda: MONDAY) as store,
    ):
        yield kind(store, slack, routes or Routes(channel=MAIN))
