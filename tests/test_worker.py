"""The judging process: whatever a mail does to it, every mail gets an answer, and no other mail suffers."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hostile
import pytest
from make import MODEL, RULES
from running import until

from bot import child as module
from bot import judge as judge_module
from bot import judging
from bot.judge import Judge
from bot.limits import Budget
from bot.ports import Context
from bot.tasks import Task
from bot.worker import Worker, WorkerLimits
from classifiers.errors import RuleError, StoreError
from classifiers.terms import Disposition, Report

CONTEXT = Context(rules=RULES, policy="planetscale", model=MODEL)
LIMITS = WorkerLimits(cpu=2.0, wall=4.0)
NO_SPF = (
    b"From: a@sender.example\r\nSubject: Missing SPF record\r\n\r\nThe domain has no SPF record. Please add one.\r\n"
)


def task(raw: bytes = NO_SPF) -> Task:
    return Task(raw=raw, size=len(raw))


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(CONTEXT, LIMITS) as it:
        yield it


def test_every_mail_gets_its_answer_in_order(worker: Worker) -> None:
    """More than a batch of them."""
    mails = [NO_SPF + b"number %d\r\n" % n for n in range(150)]
    judged = list(worker.judge(task(m) for m in mails))

    assert [j.verdict.report for j in judged] == [task(m).made_key() for m in mails]
    assert {j.broken for j in judged} == {""}
    assert worker.deaths == 0


def test_who_measures_gets_the_opinion_and_the_beginning(worker: Worker) -> None:
    """Where the task asks for them; else neither."""
    closely, plain = worker.judge([replace(task(), closely=True), task()])

    assert closely.verdict == plain.verdict
    assert closely.opinion is not None
    assert closely.opinion.dispositions["in_scope"] < 0.5
    assert "SPF" in closely.text
    assert (plain.opinion, plain.text) == (None, "")


def test_no_traces_are_made_where_none_are_kept(worker: Worker) -> None:
    """The task says so; the verdict is the same."""
    kept, passing = worker.judge([task(), replace(task(), traced=False)])

    assert kept.traces is not None
    assert kept.traces.signature
    assert passing.traces is None
    assert passing.verdict == kept.verdict


def test_a_mail_that_breaks_a_batch_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others get the answers they would get alone; that one gets what the next rung can read."""
    parse = judge_module.parse

    def fragile(raw: bytes, *, rung: int = 1, **more: Any) -> Report:
        if b"number 2" in raw and rung == 1:
            raise ZeroDivisionError
        return parse(raw, rung=rung, **more)

    monkeypatch.setattr(judge_module, "parse", fragile)
    monkeypatch.setattr(Budget, "arm", lambda _: None)  # its limits are for a process of its own
    judge, budget = Judge.load(CONTEXT), Budget(cpu=5.0, memory=2**32)
    asked = [({"size": 9}, NO_SPF + b"number %d\r\n" % n) for n in range(4)]
    alone = [list(judging._answers(judge, budget, [one])) for one in asked]

    together = list(judging._answers(judge, budget, asked))

    assert [[answer] for answer in together] == alone
    assert [answer["verdict"]["disposition"] for answer in together] == ["out_of_scope"] * 4


def test_the_child_has_no_secrets(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither environment nor open files are inherited."""
    monkeypatch.setenv("TRIAGE_PASSWORD", "secret")
    with Path(__file__).open() as held:
        os.set_inheritable(held.fileno(), True)
        worker.versions  # noqa: B018 - starts it
        assert worker._child is not None
        proc = Path(f"/proc/{worker._child.pid}")
        environment = (proc / "environ").read_bytes()
        files = [str(f.readlink()) for f in (proc / "fd").iterdir()]

    assert b"secret" not in environment
    assert not [f for f in files if not f.startswith(("pipe:", "/dev/null"))]


def test_a_killed_child_costs_no_mail(worker: Worker) -> None:
    """SIGKILL in mid batch: all are answered, by a new child."""
    worker.versions  # noqa: B018
    assert worker._child is not None
    pid = worker._child.pid
    os.kill(pid, signal.SIGSTOP)  # so that it is killed before it has answered all

    def kill() -> None:
        until(worker._lock.locked)  # a batch is in hand
        os.kill(pid, signal.SIGKILL)

    killing = threading.Thread(target=kill)
    killing.start()
    judged = list(worker.judge(task(NO_SPF + b"%d" % n) for n in range(100)))
    killing.join()

    assert len(judged) == 100
    assert {j.verdict.disposition for j in judged} == {Disposition.OUT_OF_SCOPE}
    assert worker.deaths == 1


def test_a_child_that_hangs_is_ended(worker: Worker) -> None:
    """Stopped, it answers no more: the wall clock runs out, and a new child answers."""
    worker.versions  # noqa: B018
    assert worker._child is not None
    os.kill(worker._child.pid, signal.SIGSTOP)

    (judged,) = worker.judge([task()])

    assert judged.verdict.disposition is Disposition.OUT_OF_SCOPE
    assert worker.deaths == 1


HOSTILE = [
    "only-blank-lines",
    "nested-multiparts",
    "content-type-of-15000-pieces",
    "header-lines-a-million",
    "html-tables-without-end",
    "html-entities-200000",
    "line-of-3-mb",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_answered_and_the_next_one_too(worker: Worker, name: str) -> None:
    """Never dismissed unread: it goes to a person, or its readable part was judged."""
    odd, after = worker.judge([task(hostile.mail(name)), task()])

    assert odd.verdict.disposition in {Disposition.NEEDS_REVIEW, Disposition.IN_SCOPE}
    assert after.verdict.disposition is Disposition.OUT_OF_SCOPE


@pytest.mark.parametrize("raw", [b"", b"\x00"])
def test_next_to_nothing_is_answered(worker: Worker, raw: bytes) -> None:
    """A person looks."""
    (judged,) = worker.judge([task(raw)])

    assert judged.verdict.disposition is Disposition.NEEDS_REVIEW


def test_sixty_megabytes_are_answered(worker: Worker) -> None:
    """Beyond what is fetched by default; the limits hold whatever comes."""
    (judged,) = worker.judge([task(NO_SPF + b"x" * 60_000_000)])

    assert judged.verdict.disposition is not Disposition.OUT_OF_SCOPE or not judged.broken


# ------------------------------------------------------------------------------------------------ a child that lies


def frame(answer: object) -> bytes:
    body = json.dumps(answer).encode()
    return struct.pack(">I", len(body)) + body


HELLO = frame({"rules": "r", "model": "m", "policy": "p"})
GREETED = f"""
import sys, time, struct
def take():
    (n,) = struct.unpack(">I", sys.stdin.buffer.read(4))
    sys.stdin.buffer.read(n)
def say(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
take()
say({HELLO!r})
take()
"""


def scripted(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Children run this program instead of judging."""

    def start() -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert child.stdin is not None
        os.set_blocking(child.stdin.fileno(), False)
        return child

    monkeypatch.setattr(module, "_start", start)


LIES: dict[str, Callable[[], bytes]] = {
    "a length of four gigabytes": lambda: b"\xff\xff\xff\xff",
    "no JSON": lambda: struct.pack(">I", 3) + b"{{{",
    "no object": lambda: frame([1]),
    "another mail's verdict": lambda: frame({"verdict": {"report": "0" * 64}, "letterhead": {}}),
    "nothing of use": lambda: frame({}),
    "two answers to one request": lambda: frame({}) + frame({}),
    "more than an answer": lambda: frame({}) + b"\x00",
    "nested without end": lambda: struct.pack(">I", 60_000) + b"[" * 60_000,
}


@pytest.mark.parametrize("name", LIES)
def test_what_is_no_answer_is_not_believed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The parent answers with the safe facts: a person must look."""
    scripted(monkeypatch, GREETED + f"say({LIES[name]()!r})\ntime.sleep(60)\n")
    with Worker(CONTEXT, WorkerLimits(wall=1.0)) as worker:
        (judged,) = worker.judge([task()])

    assert judged.broken
    assert judged.verdict.disposition is Disposition.NEEDS_REVIEW
    assert judged.verdict.report == task().made_key()
    assert judged.verdict.defects[0].startswith("unreadable:")


def test_a_child_that_dies_at_once_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be judged here: that is not the mail's fault."""
    scripted(monkeypatch, "pass")
    with Worker(CONTEXT) as worker, pytest.raises(StoreError, match="did not start"):
        list(worker.judge([task()]))


def test_bad_rules_are_told_with_their_place(tmp_path: Path) -> None:
    """The child's list of problems arrives."""
    (tmp_path / "categories").mkdir()
    (tmp_path / "categories" / "x.toml").write_text("id = 3", encoding="utf-8")
    context = Context(rules=tmp_path, policy="planetscale", model=None)

    with Worker(context) as worker, pytest.raises(RuleError, match=r"x\.toml"):
        worker.versions  # noqa: B018
