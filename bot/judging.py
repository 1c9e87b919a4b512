"""Bytes and context in, a report's letterhead and a Verdict out: what runs in the worker process, away from all secrets.

Frames, both ways: four bytes of length (big-endian), then that much JSON. A request's JSON is followed by the mail's
bytes, `bytes` of them. The first request is the context; its answer says the versions, or what is wrong with the rules.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from bot.codec import opinion_to_json, verdict_to_json
from bot.mail.mime import parse
from bot.ports import RUNGS, Context, Letterhead
from bot.precedent import REFERENCES, Traces, proven_domain, traces_to_json
from classifiers.acknowledgement import find_acknowledgement
from classifiers.conditions import Conditions, in_force, with_a_doubt
from classifiers.errors import UserError
from classifiers.learned import Learned
from classifiers.likeness import signature
from classifiers.mixed import kinds_of, may_be_mixed, tell_apart
from classifiers.policy import Policy, Thresholds, decide
from classifiers.policyfiles import load_conditional
from classifiers.regions import Region, find_regions, prose
from classifiers.rulebook import Rulebook
from classifiers.terms import Opinion, PartVerdict, Place, Report, Verdict, Versions

MAX_HEADER = 64 * 1024  # of a request; it is our own, but a bound costs nothing
SHOWN_ATTACHMENTS = 20
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
        regions = self.regions(report) if regions is None else regions
        policy = in_force(self.policy, self.conditions, report)
        excluded = frozenset(c for clause in policy.clauses for c in clause.categories)
        opinion = self.learned.opine(report, regions) if self.learned else None
        verdict = decide(
            report,
            regions=regions,
            evidence=self.rulebook.weigh_for(report, regions, excluded),
            opinion=opinion,
            thresholds=self.learned.thresholds if self.learned else Thresholds(),
            acknowledgement=find_acknowledgement(report, regions, self.policy.word),
            policy=policy,
            versions=self.versions,
            fusion=self.learned.fusion if self.learned else None,
        )
        verdict = with_a_doubt(verdict, self.policy, self.conditions, report)
        return replace(verdict, parts=self._parts(report, regions, verdict, opinion))

    def _parts(
        self, report: Report, regions: Sequence[Region], verdict: Verdict, opinion: Opinion | None
    ) -> tuple[PartVerdict, ...]:
        """What each part of a mixed report is by itself."""
        sure = self.learned.thresholds.part if self.learned else Thresholds().part
        if not may_be_mixed(verdict, opinion, sure):
            return ()
        stretches = self.rulebook.weigh_all(report, regions, frozenset(kinds_of(verdict)))
        ask = self.learned.of_part if self.learned else None
        return tell_apart(report, regions, verdict=verdict, stretches=stretches, opinion=opinion, ask=ask, sure=sure)

    def opinion(self, report: Report) -> Opinion:
        """What the model alone believes; empty where there is none."""
        return self.learned.opine(report, find_regions(report, self.policy.texts)) if self.learned else Opinion()

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
    )


def letterhead(report: Report) -> Letterhead:
    """What a card may show of the mail itself."""
    return Letterhead(
        subject=report.subject[:500],
        sender=report.sender[:320],
        message_id=report.message_id,
        attachments=tuple(
            f"{a.name or 'unnamed'} ({a.media_type}, {_human(a.size)}){'' if a.read else ', not read'}"[:200]
            for a in report.attachments[:SHOWN_ATTACHMENTS]
        ),
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


def _answer(judge: Judge, budget: Budget, request: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """One mail's answer. Down the ladder, a rung at a time, when a rung costs too much or breaks."""
    broken = ""
    for rung in (r for r in RUNGS if r >= int(request.get("rung", 1))):
        budget.arm()
        try:
            report = judge.read(
                raw,
                size=request.get("size"),
                truncated=bool(request.get("truncated")),
                rung=rung,
                key=str(request.get("key", "")),
            )
            regions = judge.regions(report)
            own_words = judge.own_words(report, regions)
            if request.get("op") == "words":
                return {"words": own_words[:200_000], "subject": report.subject}
            verdict = judge.judge(report, regions)
            traced = traces_to_json(traces(report, own_words))
            closer = _closer(judge, report) if request.get("closely") else {}
        except OverBudget:
            broken = "cpu"
        except MemoryError:
            broken = "memory"
        except Exception as e:  # noqa: BLE001  whatever a mail breaks, the next rung still answers
            broken = type(e).__name__
        else:
            head = letterhead(report)
            return {
                "verdict": verdict_to_json(verdict),
                "letterhead": {
                    "subject": head.subject, "sender": head.sender,
                    "message_id": head.message_id, "attachments": list(head.attachments),
                },
                "traces": traced,
            } | closer  # fmt: skip
        finally:
            budget.disarm()
    return {"failed": broken}


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
            request, raw = _read_frame(source)
        except EOFError:
            return
        _write_frame(sink, _answer(judge, budget, request, raw))


def main() -> None:
    """The child's entry. Stray prints of libraries must not break the frames: they go nowhere."""
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
