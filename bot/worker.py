"""Starts `python -m bot.judging`, holds its limits and speaks frames with it: whatever a mail does, it does it there.

The child gets an empty environment and no descriptor but its pipes. What it answers is checked like any stranger's word.
A batch whose child dies is repeated one by one, so that only the mail that kills is late; that one goes down the
parser's ladder rung by rung, and at the bottom the parent itself answers with the safe facts.
"""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from bot.codec import opinion_from_json, verdict_from_json
from bot.ports import RUNGS, Context, Letterhead
from bot.precedent import Traces, traces_from_json
from classifiers.errors import Problem, RuleError, StoreError
from classifiers.terms import Disposition, Opinion, Verdict, Versions, report_key

BATCH_MAILS = 64
BATCH_BYTES = 8 * 1000**2
MAX_ANSWER = 2 * 1000**2  # bytes; a verdict with all its quotes is a few kB
START_SECONDS = 60.0  # a cold disk may be slow; no mail is in hand yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One mail to judge."""

    raw: bytes
    size: int
    truncated: bool = False
    rung: int = 1
    key: str = ""  # where it is known already; else it is made of the bytes
    traced: bool = True  # what it is recognised by later is wanted too: not where nothing is kept
    closely: bool = False  # the model's opinion and the report's text are wanted too, to measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it. `broken` says why nothing better than the safe facts could be had: "crash", "wall", "cpu" …"""

    verdict: Verdict
    letterhead: Letterhead
    broken: str = ""
    traces: Traces | None = None  # None: what could not be read leaves none, nor what was not asked for
    opinion: Opinion | None = None  # where the task said `closely`
    text: str = ""  # likewise: how the report begins


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one mail may cost: seconds of CPU, seconds of wall clock, bytes of memory."""

    cpu: float = 5.0
    wall: float = 15.0
    memory: int = 512 * 1000**2


_Request = tuple[bytes, bytes]  # its frame and the mail


class _Died(Exception):
    """The child is gone, or was ended because it overran or babbled."""


class Worker:
    """One judging process, restarted when it dies. Thread-safe: one batch at a time. Use as a context manager."""

    def __init__(self, context: Context, limits: WorkerLimits | None = None) -> None:
        self.context = context
        self.limits = limits or WorkerLimits()
        self.deaths = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._versions: Versions | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            self._end()

    @property
    def versions(self) -> Versions:
        """What judges. Starts the child if need be; raises RuleError where rules, policy or model cannot be used."""
        with self._lock:
            self._ready()
            assert self._versions is not None
            return self._versions

    def renew(self, context: Context) -> None:
        """Judges by another context from now on. Raises RuleError where it cannot be used, and goes on by the old one."""
        with self._lock:
            before, self.context = self.context, context
            self._end()
            try:
                self._ready()
            except (RuleError, StoreError):
                self.context = before
                raise

    def judge(self, tasks: Iterable[Task]) -> Iterator[Judged]:
        """One answer for each task, in order, always."""
        batch: list[Task] = []
        held = 0
        for task in tasks:
            batch.append(task if task.key else replace(task, key=_key(task)))
            held += len(task.raw)
            if len(batch) >= BATCH_MAILS or held >= BATCH_BYTES:
                yield from self._judge_batch(batch)
                batch, held = [], 0
        if batch:
            yield from self._judge_batch(batch)

    def own_words(self, task: Task) -> tuple[str, str] | None:
        """Subject and the report's own claims, for training; None where the mail cannot be read."""
        with self._lock:
            try:
                answer = self._ask([_request(task, op="words")])[0]
            except _Died:
                return None
        subject, words = answer.get("subject"), answer.get("words")
        return (subject, words) if isinstance(subject, str) and isinstance(words, str) else None

    # ------------------------------------------------------------------------------------------ a batch

    def _judge_batch(self, batch: Sequence[Task]) -> list[Judged]:
        with self._lock:
            answers: list[dict[str, Any]] = []
            try:
                self._ask([_request(t, more=n < len(batch)) for n, t in enumerate(batch, 1)], answers)
            except _Died:
                rest = batch[len(answers) :]
                done = [self._judged(t, a) for t, a in zip(batch, answers, strict=False)]
                return done + [self._judge_alone(t) for t in rest]
            return [self._judged(t, a) for t, a in zip(batch, answers, strict=True)]

    def _judge_alone(self, task: Task) -> Judged:
        why = "crash"
        for rung in RUNGS:
            if rung < task.rung:
                continue
            try:
                (answer,) = self._ask([_request(replace(task, rung=rung))])
            except _Died as e:
                why = str(e)
                continue
            judged = self._judged(task, answer)
            return replace(judged, broken=judged.broken or (why if rung > task.rung else ""))
        return self._safe_facts(task, why)

    def _judged(self, task: Task, answer: dict[str, Any]) -> Judged:
        if "failed" in answer:
            return self._safe_facts(task, str(answer["failed"])[:40])
        try:
            verdict = verdict_from_json(answer["verdict"])
            head = _letterhead(answer["letterhead"])
            traces = traces_from_json(answer["traces"]) if task.traced else None
            opinion = opinion_from_json(answer["opinion"]) if task.closely else None
            text = _beginning(answer["text"]) if task.closely else ""
        except (KeyError, ValueError, TypeError):
            return self._safe_facts(task, "answer")
        if verdict.report != task.key:
            return self._safe_facts(task, "answer")
        return Judged(verdict=verdict, letterhead=head, traces=traces, opinion=opinion, text=text)

    def _safe_facts(self, task: Task, why: str) -> Judged:
        return Judged(
            verdict=unreadable(task.key, why, self.context.policy, self._versions),
            letterhead=Letterhead(),
            broken=why,
        )

    # ------------------------------------------------------------------------------------------ the child

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        self._child = _start()
        hello = {
            "rules": str(self.context.rules), "policy": self.context.policy, "model": str(self.context.model or ""),
            "trusted_authserv": list(self.context.trusted_authserv),
            "cpu": self.limits.cpu, "memory": self.limits.memory,
        }  # fmt: skip
        answers: list[dict[str, Any]] = []
        try:
            self._exchange(self._child, _frame(hello), 1, START_SECONDS, answers)
        except _Died as e:
            raise StoreError(f"the judging process did not start ({e}); is the installation whole?") from None
        (answer,) = answers
        if "problems" in answer:
            self._end()
            raise RuleError(*(Problem(str(where), str(what)) for where, what in answer["problems"]))
        self._versions = Versions(rules=str(answer["rules"]), model=str(answer["model"]), policy=str(answer["policy"]))
        return self._child

    def _end(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child = None

    def _ask(self, requests: Sequence[_Request], answers: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """The answers to these requests; what came before a death is in `answers`. Raises _Died."""
        child = self._ready()
        answers = [] if answers is None else answers
        try:
            out = b"".join(piece for request in requests for piece in request)
            self._exchange(child, out, len(requests), self.limits.wall, answers)
        except _Died:
            self.deaths += 1
            self._end()
            raise
        return answers

    def _exchange(
        self, child: subprocess.Popen[bytes], out: bytes, wanted: int, wall: float, answers: list[dict[str, Any]]
    ) -> None:
        """Writes and reads at once, so that neither side waits for the other; the clock starts anew with each answer."""
        assert child.stdin is not None
        assert child.stdout is not None
        into, source = child.stdin.fileno(), child.stdout.fileno()
        left = memoryview(out)
        buffer = bytearray()
        until = time.monotonic() + wall
        while len(answers) < wanted:
            wait = until - time.monotonic()
            if wait <= 0:
                raise _Died("wall")
            readable, writable, _ = select.select([source], [into] if left else [], [], wait)
            try:
                if writable:
                    left = left[os.write(into, left[: 1 << 20]) :]
                data = os.read(source, 1 << 20) if readable else None
            except OSError:
                raise _Died("crash") from None
            if data == b"":
                raise _Died("crash")
            if data:
                buffer += data
                before = len(answers)
                answers.extend(_take_frames(buffer))
                if len(answers) > before:
                    until = time.monotonic() + wall
        if len(answers) > wanted or buffer or left:
            # It said more than it was asked, or answered before it had heard all: nothing of it can be believed.
            del answers[:]
            raise _Died("answer")


def unreadable(key: str, why: str, policy: str, versions: Versions | None) -> Verdict:
    """The verdict on a mail that nothing could read: a person must look. Made of facts that need no parsing."""
    return Verdict(
        report=key,
        disposition=Disposition.NEEDS_REVIEW,
        confidence=1.0,
        why="this mail could not be read; look at it in the mailbox",
        defects=(f"unreadable:{why}",),
        policy=policy,
        versions=versions or Versions(rules="", model="", policy=""),
    )


def _key(task: Task) -> str:
    return report_key(task.raw, size=task.size, truncated=task.truncated)


def _start() -> subprocess.Popen[bytes]:
    # -I: neither the working folder nor PYTHON* variables decide what runs; the environment holds no secret.
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "bot.judging"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=env, close_fds=True, start_new_session=True, cwd="/", bufsize=0,
    )  # fmt: skip
    assert child.stdin is not None
    os.set_blocking(child.stdin.fileno(), False)
    return child


def _frame(header: dict[str, Any]) -> bytes:
    body = json.dumps(header).encode("ascii")
    return struct.pack(">I", len(body)) + body


def _request(task: Task, *, op: str = "judge", more: bool = False) -> _Request:
    header = {
        "op": op,
        "bytes": len(task.raw),
        "size": task.size,
        "truncated": task.truncated,
        "rung": task.rung,
        "key": task.key,
        "traced": task.traced,
        "closely": task.closely,
        "more": more,
    }
    return _frame(header), task.raw


def _take_frames(buffer: bytearray) -> list[dict[str, Any]]:
    """Whole frames out of the buffer's front. Raises _Died where they are no frames."""
    taken: list[dict[str, Any]] = []
    while len(buffer) >= 4:
        (n,) = struct.unpack_from(">I", buffer)
        if n > MAX_ANSWER:
            raise _Died("answer")
        if len(buffer) < 4 + n:
            break
        try:
            answer = json.loads(buffer[4 : 4 + n])
        except (ValueError, RecursionError):
            raise _Died("answer") from None
        if not isinstance(answer, dict):
            raise _Died("answer")
        taken.append(answer)
        del buffer[: 4 + n]
    return taken


def _beginning(text: Any) -> str:
    if not isinstance(text, str) or len(text) > 5000:
        raise ValueError("text")
    return text


def _letterhead(data: Any) -> Letterhead:
    """Checked like any stranger's word; raises ValueError."""
    texts = [
        data["subject"], data["sender"], data["language"], data["answer_to"], *data["references"], *data["attachments"],
    ]  # fmt: skip
    message_id = data["message_id"]
    if not all(isinstance(t, str) and len(t) <= 500 for t in texts) or len(texts) > 60:
        raise ValueError("letterhead")
    if message_id is not None and (not isinstance(message_id, str) or len(message_id) > 500):
        raise ValueError("letterhead")
    return Letterhead(
        subject=data["subject"], sender=data["sender"], message_id=message_id, attachments=tuple(data["attachments"]),
        language=data["language"], references=tuple(data["references"]), answer_to=data["answer_to"],
    )  # fmt: skip
