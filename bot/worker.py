"""Has mail judged in a process of its own, within limits: whatever a mail does, it does it there.

What the process answers is checked like any stranger's word.
A batch whose child dies is repeated one by one, so that only the mail that kills is late; that one goes down the
parser's ladder rung by rung, and at the bottom the parent itself answers with the safe facts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from bot.child import Child, Died, frame
from bot.codec import opinion_from_json, verdict_from_json
from bot.ports import RUNGS, Context, Letterhead
from bot.precedent import traces_from_json
from bot.tasks import Judged, Task, unreadable
from classifiers.errors import Problem, RuleError, StoreError
from classifiers.terms import Versions

BATCH_MAILS = 64
BATCH_BYTES = 8 * 1000**2
START_SECONDS = 60.0  # a cold disk may be slow; no mail is in hand yet


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one mail may cost: seconds of CPU, seconds of wall clock, bytes of memory."""

    cpu: float = 5.0
    wall: float = 15.0
    memory: int = 512 * 1000**2


_Request = tuple[bytes, bytes]  # its frame and the mail


class Worker:
    """One judging process, restarted when it dies. Thread-safe: one batch at a time. Use as a context manager."""

    def __init__(self, context: Context, limits: WorkerLimits | None = None) -> None:
        self.context = context
        self.limits = limits or WorkerLimits()
        self.deaths = 0
        self._child: Child | None = None
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
            batch.append(task if task.key else replace(task, key=task.made_key()))
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
            except Died:
                return None
        subject, words = answer.get("subject"), answer.get("words")
        return (subject, words) if isinstance(subject, str) and isinstance(words, str) else None

    # ------------------------------------------------------------------------------------------ a batch

    def _judge_batch(self, batch: Sequence[Task]) -> list[Judged]:
        with self._lock:
            answers: list[dict[str, Any]] = []
            try:
                self._ask([_request(t, more=n < len(batch)) for n, t in enumerate(batch, 1)], answers)
            except Died:
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
            except Died as e:
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

    def _ready(self) -> Child:
        if self._child is not None and self._child.alive:
            return self._child
        self._end()
        self._child = Child()
        hello = {
            "rules": str(self.context.rules), "policy": self.context.policy, "model": str(self.context.model or ""),
            "trusted_authserv": list(self.context.trusted_authserv),
            "cpu": self.limits.cpu, "memory": self.limits.memory,
        }  # fmt: skip
        answers: list[dict[str, Any]] = []
        try:
            self._child.exchange(frame(hello), 1, START_SECONDS, answers)
        except Died as e:
            raise StoreError(f"the judging process did not start ({e}); is the installation whole?") from None
        (answer,) = answers
        if "problems" in answer:
            self._end()
            raise RuleError(*(Problem(str(where), str(what)) for where, what in answer["problems"]))
        self._versions = Versions(rules=str(answer["rules"]), model=str(answer["model"]), policy=str(answer["policy"]))
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _ask(self, requests: Sequence[_Request], answers: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """The answers to these requests; what came before a death is in `answers`. Raises Died."""
        child = self._ready()
        answers = [] if answers is None else answers
        try:
            out = b"".join(piece for request in requests for piece in request)
            child.exchange(out, len(requests), self.limits.wall, answers)
        except Died:
            self.deaths += 1
            self._end()
            raise
        return answers


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
    return frame(header), task.raw


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
