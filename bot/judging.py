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
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from bot.codec import opinion_to_json, verdict_to_json
from bot.judge import Judge, letterhead, traces
from bot.limits import Budget, OverBudget, confine, give_up
from bot.ports import RUNGS, Context
from bot.precedent import traces_to_json
from bot.secrecy import keep_to_oneself
from classifiers.errors import UserError
from classifiers.regions import Region
from classifiers.terms import Place, Report, Verdict

MAX_HEADER = 64 * 1024  # of a request; it is our own, but a bound costs nothing
SHOWN_TEXT = 2000  # characters of a report, for whoever measures
HASTE = 0.5  # of one mail's CPU time, for all mails of a batch: most take a thousandth of it

Asked = tuple[dict[str, Any], bytes]  # a request and its mail


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


def serve(source: BinaryIO, sink: BinaryIO, confine: Callable[[], None] = confine) -> None:
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
    signal.signal(signal.SIGPROF, give_up)
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
