"""Mail that nobody thought of, through parsing, judging and every card. `make fuzz` goes on for a long time."""

from __future__ import annotations

import json
from functools import cache

import hostile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mails import MAIL
from make import MODEL, RULES
from surfaces import speaks_with_our_voice

from bot import judging
from bot.judge import Judge
from bot.limits import Budget
from bot.ports import Context
from bot.tasks import Task
from bot.worker import Worker
from classifiers.terms import Disposition, report_key

SMALL = 20_000  # bytes of a mail to begin with


class NoLimits(Budget):
    """The limits are for a process of its own."""

    def arm(self) -> None: ...


@cache
def judge() -> Judge:
    return Judge.load(Context(rules=RULES, policy="planetscale", model=MODEL, trusted_authserv=("t",)))


@cache
def reader() -> Worker:
    """Reads what a judging process answers; none is started."""
    return Worker(Context(rules=RULES, policy="planetscale", model=MODEL))


@cache
def seeds() -> list[bytes]:
    """Mails to change: samples, crashers, hostile ones."""
    whole = [p.read_bytes() for p in sorted(MAIL.rglob("*.eml"))]
    return [m for m in whole if len(m) < SMALL] + [hostile.mail("encoded-words-of-one-byte-in-every-field")[:SMALL]]


PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n--b\n", b"\n--b--\n", b"\x00", b"\xff\xfe", b"=?utf-8?q?a=00?=", b"=?x?b?A?=", b"\xed\xa0\x80",
        b"\nContent-Type: multipart/mixed; boundary=b\n\n", b"\nContent-Type: text/html\n\n", b"\nContent-Type: message/rfc822\n\n",
        b"\nContent-Type: text/plain; charset=utf-16; format=flowed\n\n", b"\nContent-Transfer-Encoding: base64\n", b"\nFrom: <", b"\nSubject: =?",
        b"\nDate: ", b"\nAuthentication-Results: t; dmarc=pass", b'; filename*0*=x\'\'%00"', b"<div style=display:none>", b"<style>", b"<!--", b"&#xD800;",
        b"\nOn Mon, 2 Nov 2026, a@b.example wrote:\n> ", b"\n---------- Forwarded message ----------\n", b"-----BEGIN PGP MESSAGE-----\n",
        b"<!channel> <http://a.example|b> `*_~", b"\x1b]0;x\x07\x9b", "\u202e\u2066\u200b\ufeff\U000e0041".encode(), b"m\xd0\xbechi",
        b"the domain has no SPF record. ", b"I can read the invoices of other customers. ", b"1. First finding\n2. Second finding\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"password=hunter2 AKIAABCDEFGHIJKLMNOP ", b"{" * 50, b"(" * 50, b"<" * 50, b">" * 50, b'"' * 51,
    ]
)  # fmt: skip
SOME = PIECES | st.binary(max_size=20)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A mail of ours with stretches taken out, doubled, and pieces put in."""
    raw = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.integers(0, 200)))
        raw[at:end] = draw(st.sampled_from([b"", bytes(raw[at:end]) * 2])) + draw(SOME)
    return bytes(raw)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(changed() | st.lists(SOME, max_size=30).map(b"".join))
def test_any_mail_is_judged_and_shown(raw: bytes) -> None:
    """Some rung answers, the parent understands it, and what is shown is ours; an unread mail is never dismissed."""
    request = {"size": len(raw), "traced": True}

    answer = judging._answer(judge(), NoLimits(cpu=5.0, memory=2**40), request, raw)
    judged = reader()._judged(Task(raw=raw, size=len(raw), key=report_key(raw)), json.loads(json.dumps(answer)))

    assert judged.broken == ""
    assert judged.verdict.report == report_key(raw)
    assert judged.verdict.disposition is not Disposition.OUT_OF_SCOPE or judged.verdict.categories
    speaks_with_our_voice(judged)
