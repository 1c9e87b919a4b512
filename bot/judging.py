"""Bytes and context in, a report's letterhead and a Verdict out: what runs in the worker process, away from all secrets.

Frames, both ways: four bytes of length (big-endian), then that much JSON. A request's JSON is followed by the mail's
bytes, `bytes` of them. The first request is the context; its answer says the versions, or what is wrong with the rules.
`more` says that another request of the same batch follows; a batch is answered once all of it was read.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from bot.codec import opinion_to_json, verdict_to_json
from bot.mail.mime import parse
from bot.ports import RUNGS, Context, Letterhead
from bot.precedent import REFERENCES, Traces, digest, is_proven, proven_domain, traces_to_json
from bot.secrecy import keep_to_oneself
from classifiers.acknowledgement import find_acknowledgement
from classifiers.conditions import Conditions, in_force, with_a_doubt
from classifiers.decision import decide
from classifiers.errors import UserError
from classifiers.fusion import Fusion, Thresholds, by_hand
from classifiers.learned import Learned
from classifiers.likeness import signature
from classifiers.marking import find_regions
from classifiers.mixed import kinds_of, may_be_mixed, tell_apart
from classifiers.policy import Policy
from classifiers.policyfiles import load_conditional
from classifiers.readable import spoken
from classifiers.regions import Region, prose
from classifiers.rulebook import Rulebook
from classifiers.terms import Opinion, PartVerdict, Place, Report, Verdict, Versions

MAX_HEADER = 64 * 1024  # of a request; it is our own, but a bound costs nothing
SHOWN_ATTACHMENTS = 20
ANSWERED = 10  # Message-IDs of a thread, the latest: an answer names them
SHOWN_TEXT = 2000  # characters of a report, for whoever measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Rules, model and policy, loaded once; `judge` is pure."""

    rulebook: Rulebook
    policy: Policy
    conditions: Conditions  # where and when the policy's clauses hold
    learned: Learned | None
    trusted_authserv: tuple[str, ...]

    @classmethod
    def load(cls, context: Context) -> Judge:
        """Raises RuleError or ModelError with every problem found."""
        rulebook = Rulebook.load(context.rules)
        policy, conditions = load_conditional(context.rules, context.policy, rulebook)
        return cls(
            rulebook=rulebook,
            policy=policy,
            conditions=conditions,
            learned=Learned.load(context.model) if context.model else None,
            trusted_authserv=context.trusted_authserv,
        )

    @property
    def fusion(self) -> Fusion:
        return self.learned.fusion if self.learned else by_hand()

    @property
    def thresholds(self) -> Thresholds:
        return self.learned.thresholds if self.learned else Thresholds()

    @property
    def versions(self) -> Versions:
        return Versions(
            rules=self.rulebook.version,
            model=self.learned.version if self.learned else "",
            policy=self.policy.digest,
        )

    def read(
        self, raw: bytes, *, size: int | None = None, truncated: bool = False, rung: int = 1, key: str = ""
    ) -> Report:
        """The report in these bytes, whatever they are."""
        return parse(raw, size=size, truncated=truncated, trusted_authserv=self.trusted_authserv, rung=rung, key=key)

    def regions(self, report: Report) -> tuple[Region, ...]:
        """What parts of a report are not its writer's claims."""
        return find_regions(report, self.policy.texts)

    def judge(self, report: Report, regions: Sequence[Region] | None = None) -> Verdict:
        """What rules, model and policy say of a report, whose `regions` may be known already."""
        return self.judge_all([report], [self.regions(report) if regions is None else regions])[0]

    def judge_all(self, reports: Sequence[Report], regions: Sequence[Sequence[Region]]) -> list[Verdict]:
        """What rules, model and policy say of each report.

        One voice after the other hears all of them: the automata of hundreds of patterns and the model's weights fill
        the processor's caches in turn, and fetched anew for every mail they take twice the time.
        """
        policies = [in_force(self.policy, self.conditions, report) for report in reports]
        evidence = [
            self.rulebook.weigh_for(r, g, frozenset(policy.kinds))
            for r, g, policy in zip(reports, regions, policies, strict=True)
        ]
        word = self.policy.word  # a fact beside the verdict: the model must not see it
        opinions = [
            self.learned.opine(r, g, word) if self.learned else None for r, g in zip(reports, regions, strict=True)
        ]
        verdicts = [
            decide(
                report,
                regions=places,
                evidence=seen,
                opinion=opinion,
                fusion=self.fusion,
                thresholds=self.thresholds,
                acknowledgement=find_acknowledgement(report, places, self.policy.word),
                policy=policy,
                versions=self.versions,
            )
            for report, places, policy, seen, opinion in zip(
                reports, regions, policies, evidence, opinions, strict=True
            )
        ]
        told = [
            with_a_doubt(verdict, self.policy, self.conditions, report)
            for verdict, report in zip(verdicts, reports, strict=True)
        ]
        return [
            replace(verdict, parts=self._parts(report, places, verdict, opinion))
            for verdict, report, places, opinion in zip(told, reports, regions, opinions, strict=True)
        ]

    def _parts(
        self, report: Report, regions: Sequence[Region], verdict: Verdict, opinion: Opinion | None
    ) -> tuple[PartVerdict, ...]:
        """What each part of a mixed report is by itself."""
        if not may_be_mixed(verdict, opinion):
            return ()
        stretches = self.rulebook.weigh_all(report, regions, frozenset(kinds_of(verdict)))
        ask = self.learned.of_parts if self.learned else None
        return tell_apart(report, regions, verdict=verdict, stretches=stretches, opinion=opinion, ask=ask)

    def opinion(self, report: Report) -> Opinion:
        """What the model alone believes; empty where there is none."""
        if self.learned is None:
            return Opinion()
        return self.learned.opine(report, find_regions(report, self.policy.texts), self.policy.word)

    def own_words(self, report: Report, regions: Sequence[Region]) -> str:
        """The report's claims as one text: for training on a corrected report, and to compare it with others."""
        return "\n".join(claim.text for claim in prose(report, regions))


def traces(report: Report, own_words: str) -> Traces:
    """What the report is recognised by later: a signature of its words, and what its header fields say of its thread."""
    passages = "\n".join(p.text for p in report.passages if p.text.strip())
    attached = "\n".join(f"{a.name} {a.media_type} {a.size}" for a in report.attachments[:SHOWN_ATTACHMENTS])
    forged = report.authentication is not None and report.authentication.dmarc == "fail"
    return Traces(
        signature=signature(own_words, f"{attached}\n{passages}"),
        message_id=report.message_id,
        references=report.references[-REFERENCES:],
        sender="" if forged else report.sender,
        domain=proven_domain(report.sender, report.authentication),
        proven=is_proven(report.sender, report.authentication),
        words=digest(f"{attached}\n{passages}"),
    )


def letterhead(report: Report, regions: Sequence[Region] = ()) -> Letterhead:
    """What a card may show of the mail itself, and what an answer to it needs."""
    return Letterhead(
        subject=report.subject[:500],
        sender=report.sender[:320],
        message_id=report.message_id,
        attachments=tuple(
            f"{a.name or 'unnamed'} ({a.media_type}, {_human(a.size)}){'' if a.read else ', not read'}"[:200]
            for a in report.attachments[:SHOWN_ATTACHMENTS]
        ),
        language=spoken(report, regions),
        references=report.references[-ANSWERED:],
        answer_to=report.answer_to[:320],
    )


def _human(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 10**6 else f"{max(1, round(size / 1e3))} kB"


# ------------------------------------------------------------------------------------------------ the process


class OverBudget(BaseException):
    """The mail in hand used up its CPU time. No Exception: a library's `except Exception` must not swallow it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that count for one mail and are armed anew for each."""

    cpu: float  # seconds
    memory: int  # bytes beyond what the idle process holds

    def arm(self) -> None:
        """From here on the budget counts."""
        signal.setitimer(signal.ITIMER_PROF, self.cpu)
        _limit_memory(self.memory)
        _limit_cpu_hard(self.cpu)

    def disarm(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_cpu_hard(seconds: float) -> None:
    """For code that never comes back to Python, where no signal handler runs: the kernel ends the process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + 2 * seconds) + 2
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _limit_memory(allowance: int) -> None:
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:  # no Linux: the wall clock alone bounds it
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = pages * resource.getpagesize() + allowance
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _confine() -> None:
    """No file can be written, no process started, no core left behind: for good."""
    import resource

    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(what, (0, 0))


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise OverBudget


def _read_exactly(source: BinaryIO, n: int) -> bytes:
    data = source.read(n)
    if len(data) != n:
        raise EOFError
    return data


def _read_frame(source: BinaryIO) -> tuple[dict[str, Any], bytes]:
    (n,) = struct.unpack(">I", _read_exactly(source, 4))
    if n > MAX_HEADER:
        raise EOFError
    request = json.loads(_read_exactly(source, n))
    return request, _read_exactly(source, int(request.get("bytes", 0)))


def _write_frame(sink: BinaryIO, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode("ascii")
    sink.write(struct.pack(">I", len(body)) + body)
    sink.flush()


Asked = tuple[dict[str, Any], bytes]  # a request and its mail

HASTE = 0.5  # of one mail's CPU time, for all mails of a batch: most take a thousandth of it


def _answers(judge: Judge, budget: Budget, asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """The answers to a batch, in order: all at once, or where that takes long or anything breaks, one by one."""
    answers: list[dict[str, Any]] = []
    if len(asked) > 1:
        try:
            replace(budget, cpu=HASTE * budget.cpu).arm()
            answers = _judged(judge, asked)
        except (OverBudget, Exception):  # noqa: BLE001  which mail it was shows when each is alone
            answers = []
        finally:
            budget.disarm()
    yield from answers or (_answer(judge, budget, request, raw) for request, raw in asked)


def _answer(judge: Judge, budget: Budget, request: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """One mail's answer. Down the ladder, a rung at a time, when a rung costs too much or breaks."""
    broken = ""
    for rung in (r for r in RUNGS if r >= int(request.get("rung", 1))):
        budget.arm()
        try:
            return _judged(judge, [(request | {"rung": rung}, raw)])[0]
        except OverBudget:
            broken = "cpu"
        except MemoryError:
            broken = "memory"
        except Exception as e:  # noqa: BLE001  whatever a mail breaks, the next rung still answers
            broken = type(e).__name__
        finally:
            budget.disarm()
    return {"failed": broken}


def _judged(judge: Judge, asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Every mail by the rung that its request names."""
    reports = [_read(judge, request, raw) for request, raw in asked]
    regions = [judge.regions(report) for report in reports]
    if any(request.get("op") == "words" for request, _ in asked):
        return [_own_words(judge, *both) for both in zip(reports, regions, strict=True)]
    verdicts = judge.judge_all(reports, regions)
    return [
        _told(judge, *one) for one in zip((request for request, _ in asked), reports, regions, verdicts, strict=True)
    ]


def _told(
    judge: Judge, request: dict[str, Any], report: Report, regions: Sequence[Region], verdict: Verdict
) -> dict[str, Any]:
    """What the parent gets of one mail: the verdict, the letterhead, and what else it asked for."""
    head = letterhead(report, regions)
    answer: dict[str, Any] = {
        "verdict": verdict_to_json(verdict),
        "letterhead": {
            "subject": head.subject, "sender": head.sender,
            "message_id": head.message_id, "attachments": list(head.attachments), "language": head.language,
            "references": list(head.references), "answer_to": head.answer_to,
        },
    }  # fmt: skip
    if request.get("traced"):
        answer["traces"] = traces_to_json(traces(report, judge.own_words(report, regions)))
    return answer | (_closer(judge, report) if request.get("closely") else {})


def _read(judge: Judge, request: dict[str, Any], raw: bytes) -> Report:
    return judge.read(
        raw,
        size=request.get("size"),
        truncated=bool(request.get("truncated")),
        rung=int(request.get("rung", 1)),
        key=str(request.get("key", "")),
    )


def _own_words(judge: Judge, report: Report, regions: Sequence[Region]) -> dict[str, Any]:
    return {"words": judge.own_words(report, regions)[:200_000], "subject": report.subject}


def _closer(judge: Judge, report: Report) -> dict[str, Any]:
    """What measuring needs beside the verdict: what the model believes, and how the report begins."""
    text = "\n".join(p.text for p in report.passages if p.place is not Place.SUBJECT)
    return {"opinion": opinion_to_json(judge.opinion(report)), "text": text[:SHOWN_TEXT]}


def serve(source: BinaryIO, sink: BinaryIO, confine: Callable[[], None] = _confine) -> None:
    """Answers requests until `source` ends. The context comes first, is loaded, and only then the limits close."""
    request, _ = _read_frame(source)
    context = Context(
        rules=Path(request["rules"]),
        policy=request["policy"],
        model=Path(request["model"]) if request["model"] else None,
        trusted_authserv=tuple(request["trusted_authserv"]),
    )
    try:
        judge = Judge.load(context)
    except UserError as e:
        _write_frame(sink, {"problems": [[p.where, p.what] for p in e.problems]})
        return
    v = judge.versions
    _write_frame(sink, {"rules": v.rules, "model": v.model, "policy": v.policy})
    confine()
    signal.signal(signal.SIGPROF, _give_up)
    budget = Budget(cpu=float(request["cpu"]), memory=int(request["memory"]))
    while True:
        try:
            asked = [_read_frame(source)]
            while asked[-1][0].get("more"):
                asked.append(_read_frame(source))
        except EOFError:
            return
        for answer in _answers(judge, budget, asked):
            _write_frame(sink, answer)


def main() -> None:
    """The child's entry. Stray prints of libraries must not break the frames: they go nowhere."""
    keep_to_oneself()
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by closing the pipe
    try:
        serve(source, sink)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
