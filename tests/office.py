"""A bot that people press in: the real Socket Mode client, store and delivery against the stand-in, and a clock of its own."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from make import judge, make_report, rulebook

from bot.allowed import Allowed
from bot.audit import blind
from bot.commands import Commands
from bot.delivery import Delivery
from bot.desk import Desk
from bot.local.slack import LocalSlack
from bot.local.slack.hands import Done
from bot.ports import Context, Cursor, Letterhead, NewReport, Press, RawMessage, VerdictKind
from bot.reception import Reception
from bot.routing import Routes, audit_notices, first_notices
from bot.showing import Wording
from bot.slack.client import SlackNotifier
from bot.slack.controls import SHORTCUT
from bot.slack.socket import SlackSocket
from bot.slack.view import Tier
from bot.store import Store
from bot.tasks import Judged, Task
from bot.worker import Worker
from classifiers.terms import Disposition, Verdict, Versions, report_key

CHANNEL = "C0TRIAGE"
ROUTES = Routes(channel=CHANNEL)
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ACCOUNT = '[[accounts]]\nhost = "127.0.0.1"\nuser = "a@b.example"\npassword = { env = "X" }\n'
SPF = "Your domain has no SPF record, so anyone can forge mail. mochi"


class Again(Worker):
    """Judges every mail the same, without a process."""

    def __init__(self) -> None:
        super().__init__(Context(rules=Path(), policy="p", model=None))
        self.disposition = Disposition.NEEDS_REVIEW
        self.free = threading.Event()
        self.free.set()

    @property
    def versions(self) -> Versions:
        return Versions(rules="r1", model="m1", policy="p1")

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            assert self.free.wait(30)
            verdict = Verdict(
                report=report_key(task.raw), disposition=self.disposition, confidence=0.9, why="judged again"
            )
            yield Judged(verdict=verdict, letterhead=Letterhead(subject="s"))


@dataclass
class Office:
    """A bot at work, with a clock of its own: what was pressed is done as it comes, `tell` says what is to be said."""

    store: Store
    slack: LocalSlack
    delivery: Delivery
    socket: SlackSocket
    worker: Again
    done: list[Press]  # what the desk is done with
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def kept(self) -> int:
        """A report that nobody judged yet."""
        number = next(self.numbers)
        raw = f"Subject: number {number}\r\n\r\n{SPF}".encode()
        message = RawMessage(folder="INBOX", uidvalidity=1, uid=number, size=len(raw), received_at=NOW, raw=raw)
        new = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=False)
        return self.store.keep("security", "INBOX", [new], Cursor(1, number))[0]

    def report(self, disposition: Disposition = Disposition.OUT_OF_SCOPE, *, audited: bool = False) -> int:
        """A report with a card in Slack."""
        report_id = self.kept()
        report, number = self.store.report(report_id), report_id - 1
        verdict = replace(judge(make_report(f"number {number}", SPF)), report=report.key, disposition=disposition)
        self.store.record(
            report_id, blind(verdict) if audited else verdict, kind=VerdictKind.BOT, decided_by="bot", decided_at=NOW,
            letterhead=Letterhead(subject=f"number {number}", sender="ravi@hunter.example"),
            audited=verdict if audited else None,
            notices=audit_notices(report, ROUTES, NOW) if audited else first_notices(report, verdict, ROUTES, NOW),
        )  # fmt: skip
        self.tell()
        return report_id

    def tell(self) -> None:
        while self.delivery.deliver():
            pass

    def card(self, report_id: int) -> dict[str, Any]:
        """The card as it stands in Slack now."""
        (there,) = self.store.cards_of(report_id)
        return next(m for m in self.slack.messages(CHANNEL) if m["ts"] == there.ts)

    def press(self, user: str, report_id: int, action: str, entry: str = "") -> str:
        """A click, and what Slack itself says to it; what the bot does of it is done when this returns."""
        card = self.card(report_id)
        option = next(
            (o["value"] for e in shown(card) for o in e.get("options", ()) if o["value"].startswith(entry + ":")), ""
        )
        return self._done(lambda: self.slack.hands.press(user, CHANNEL, card["ts"], action, option)).trouble

    def say(self, user: str, text: str, channel: str = CHANNEL) -> str:
        """`/triage` with this, and what they alone are told."""
        self._done(lambda: self.slack.hands.slash(user, "/triage", text, channel))
        return (self.slack.told(user) or [""])[-1]

    def change_verdict(self, user: str, ts: str) -> str:
        """The shortcut on a message."""
        return self._done(lambda: self.slack.hands.shortcut(user, SHORTCUT, CHANNEL, ts)).trouble

    def home(self, user: str) -> dict[str, Any]:
        """The home tab, once it is opened."""
        self._done(lambda: self.slack.hands.open_home(user))
        return self.slack.workspace.homes[user]

    def press_home(self, user: str, action: str, number: int = 0) -> str:
        return self._done(lambda: self.slack.hands.press_home(user, action, number)).trouble

    def submit(self, user: str, **fields: Any) -> Done:
        """The modal that they see, saved."""
        return self._done(lambda: self.slack.hands.submit(user, fields))

    def _done(self, do: Callable[[], Done]) -> Done:
        before = len(self.done)
        said = do()
        if not said.trouble and not said.errors:
            self.slack.wait_for(lambda: len(self.done) > before, 10)
        self.tell()
        return said


def shown(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]


def labels(card: dict[str, Any]) -> list[str]:
    return [e["text"]["text"] for e in shown(card) if e["type"] == "button"]


def words(card: dict[str, Any]) -> str:
    return json.dumps(card, ensure_ascii=False)


@contextmanager
def office(
    folder: Path, slack: LocalSlack, users: tuple[str, ...] = ("U0ANA", "U0BEN"), groups: tuple[str, ...] = ()
) -> Iterator[Office]:
    ticks = itertools.count()

    def now() -> datetime:
        return NOW + timedelta(seconds=next(ticks))

    wording = Wording(
        policy="p", word="mochi", titles={c.id: c.title for c in rulebook().categories}, requested={}, assets={},
        carve_outs={"email_authentication": ("consequence",)},
        replies={"out_of_scope": "We do not seek this:\n{clause}\nSee {url}", "incomplete": "Send {missing}."}, url="https://a.example",
        clauses={"cookie_flags": ("Flags on cookies", "by_extension")},
    )  # fmt: skip
    line = SlackNotifier(token=lambda: slack.token, base_url=slack.base_url, timeout=5)
    worker = Again()
    with Store.open(f"sqlite:///{folder}/t.db", now=now) as store:
        allowed = Allowed(users, groups, line.members, now=now)
        desk = Desk(
            store=store, worker=worker, wording=wording, routes=ROUTES, tier=Tier.REDUCED, now=now,
            reception=Reception(store=store, slack=line, allowed=allowed, channel=CHANNEL, now=now), known=tuple(wording.titles), told=lambda: None,
        )  # fmt: skip
        commands = Commands(desk=desk, accounts=("security",))
        delivery = Delivery(
            store, line, wording, channel=CHANNEL, tier=Tier.REDUCED, grace=timedelta(seconds=5), now=now,
            pace=timedelta(), pressable=True,
        )  # fmt: skip

        done: list[Press] = []

        def take(press: Press) -> None:
            commands.take(press)
            done.append(press)

        socket = SlackSocket(
            app_token=lambda: slack.app_token, bot_token=lambda: slack.token, base_url=slack.base_url, wrong=desk.wrong,
            take=take, now=now, ping=0.3,
        )  # fmt: skip
        it = Office(store=store, slack=slack, delivery=delivery, socket=socket, worker=worker, done=done)
        try:
            connected(it)
            yield it
        finally:
            slack.sockets.disconnect_all()  # else the SDK waits three seconds for a word
            socket.stop()


def connected(it: Office, number: int = 1) -> None:
    it.slack.wait_for(lambda: it.socket.keep() and it.slack.sockets.connections >= number, 20)
