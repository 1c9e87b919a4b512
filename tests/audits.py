"""Mails that are judged and audited: all the same SPF report, told to the real store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from make import judge, make_report
from running import configuration

from bot.audit import Drawing
from bot.correction import Correction, correct
from bot.ports import Context, Cursor, KeptReport, Letterhead, NewReport, RawMessage, RecordedVerdict
from bot.routing import Routes
from bot.store import Store
from bot.tasks import Judged, Task
from bot.triage import Triage
from bot.worker import Worker
from classifiers.terms import Disposition, report_key

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CHANNEL = "C0TRIAGE"
SPF = "email_authentication"
ALL = Drawing(share=1.0, seed=b"s" * 32, budget=0.01)
IN, OUT, REVIEW = Disposition.IN_SCOPE, Disposition.OUT_OF_SCOPE, Disposition.NEEDS_REVIEW


SUBJECT = "No SPF record for example.com"
BODY = "Your domain example.com has no SPF record, so anyone can forge mail. mochi"


def keys(n: int) -> list[str]:
    return [hashlib.sha256(b"%d" % i).hexdigest() for i in range(n)]


class Judging(Worker):
    """Judges in this process with the shipped rules and model: every mail is the SPF report of these tests."""

    def __init__(self, disposition: Disposition = OUT) -> None:
        super().__init__(Context(rules=Path(), policy="planetscale", model=None))
        verdict = judge(make_report(SUBJECT, BODY))
        assert verdict.disposition is OUT
        self.verdict = replace(verdict, categories=tuple(f for f in verdict.categories if f.category == SPF))
        self.disposition = disposition

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        for task in tasks:
            verdict = replace(self.verdict, report=report_key(task.raw), disposition=self.disposition)
            yield Judged(verdict=verdict, letterhead=Letterhead(subject=SUBJECT))


def keep(store: Store, *numbers: int, backlog: bool = False) -> None:
    for n in numbers:
        raw = b"Subject: No SPF record\r\n\r\nmail %d\r\n" % n
        message = RawMessage(folder="INBOX", uidvalidity=7, uid=n, size=len(raw), received_at=NOW, raw=raw)
        mail = NewReport(message=message, key=report_key(raw), from_junk=False, backlog=backlog)
        store.keep("a", "INBOX", [mail], Cursor(7, n))


def judged(store: Store, *, drawing: Drawing = ALL, now: datetime = NOW, disposition: Disposition = OUT) -> None:
    worker = Judging(disposition)
    Triage(store=store, worker=worker, routes=Routes(channel=CHANNEL), now=lambda: now, drawing=drawing).judge_waiting()


def answer(store: Store, report: KeptReport, disposition: Disposition, now: datetime = NOW) -> RecordedVerdict:
    word = Correction(disposition=disposition, by="person:ana", reason="a look at the mail")
    return correct(store, report.key, word, known=(SPF,), routes=Routes(channel=CHANNEL), now=now)[1]


def configured(folder: Path, store: Store, database: str) -> Path:
    """A configuration whose state folder holds the store of the test."""
    accounts = '[[accounts]]\nhost = "127.0.0.1"\nuser = "u"\npassword = { env = "TEST_IMAP_PASSWORD" }\n'
    assert store.counts()["reports"] == 0
    return configuration(folder, accounts, SimpleNamespace(base_url="http://127.0.0.1:9/api/"), url=database)
