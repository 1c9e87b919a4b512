"""Hostile mail: whatever the bytes, a report comes back soon, and no word of it leaks."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from datetime import UTC
from pathlib import Path

import hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mails import MAIL, places, text

from bot.mail import gate
from bot.mail.mime import parse
from classifiers.terms import report_key


@pytest.mark.parametrize("path", sorted((MAIL / "crashers").glob("*.eml")), ids=lambda p: p.stem)
@pytest.mark.parametrize("rung", [1, 2, 3, 4])
def test_crashers(path: Path, rung: int) -> None:
    """Mails that break mail-parser or the standard library give a report on every rung."""
    raw = path.read_bytes()

    report = parse(raw, rung=rung)

    assert report.key == report_key(raw)
    assert report.rung >= rung


@pytest.mark.parametrize(
    "name", ["nul-in-charset", "nul-in-body-charset", "multipart-without-parts", "two-kinds-of-filename"]
)
def test_text_survives_a_crash_of_the_parser(name: str) -> None:
    """The next rung still reads the words."""
    report = parse((MAIL / "crashers" / f"{name}.eml").read_bytes())

    assert "x" in [p.text.strip() for p in report.passages]


def test_why_a_rung_failed_is_a_defect() -> None:
    """The name of the error, never its words: they may quote the mail."""
    report = parse((MAIL / "crashers" / "nul-in-charset.eml").read_bytes())

    assert (report.rung, report.defects[0]) == (2, "parser:ValueError")


_COSTLY = {
    "nested-multiparts": "nesting",
    "nested-messages": "nesting",
    "nested-messages-in-mixed-case": "nesting",
    "parts-200000": "nesting",
    "content-type-of-100-kb": "headers",
    "content-type-of-100-kb-in-odd-case": "headers",
    "from-of-100-kb": "headers",
    "header-lines-a-million": "headers",
    "header-without-end": "headers",
    "attached-mail-with-a-long-field": "no_from",
    "punycode-charset": "charset:punycode",
    "dashes-a-quarter-million": "text_cap",
    "empty-lines-two-million": "no_from",
    "curl-without-end": "text_cap",
    "html-nested-200000": "html_cap",
    "html-attributes-100000": "html_cap",
}


@pytest.mark.parametrize("name", _COSTLY)
def test_hostile_mail_costs_little(name: str) -> None:
    """Each of these takes a plain parser from ten seconds to for ever; CPU time, with a wide margin for slow machines."""
    raw, defect = hostile.mail(name), _COSTLY[name]
    start = time.process_time()

    report = parse(raw)

    assert defect in report.defects
    assert time.process_time() - start < 8


@pytest.mark.parametrize(("depth", "rung"), [(5, 1), (19, 1), (30, 3), (60, 3)])
def test_deep_nesting_is_not_lost(depth: int, rung: int) -> None:
    """Text below 20 levels is read raw; the rung says that the mail was not understood as a whole."""
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
    report = parse(b"Subject: n\r\n" + head + b"\r\nmochi\r\n")

    assert report.rung == rung
    assert report.passages[-1].text.rstrip().endswith("mochi")


def test_a_long_header_does_not_hide_the_text() -> None:
    """The mail is read on the second rung."""
    report = parse(hostile.mail("content-type-of-100-kb"))

    assert (report.rung, places(report)) == (2, [("body", "hello")])


def test_headers_below_a_cut_are_still_read() -> None:
    """One long field does not swallow the next."""
    raw = b"X-Long: " + b"a" * 20_000 + b"\r\nSubject: kept\r\nFrom: a@sender.example\r\n\r\nhello"

    assert (parse(raw).subject, parse(raw).sender) == ("kept", "a@sender.example")


@pytest.mark.parametrize("size", [100, 5_000_000])
def test_text_is_capped(size: int) -> None:
    """300,000 characters a passage, and said so."""
    report = text("Subject: x", "a" * size)

    assert len(report.passages[1].text) == min(size, 300_000)
    assert ("text_cap" in report.defects) is (size > 300_000)


def test_truncated_mail_has_its_own_key() -> None:
    """Its key knows the whole size, and the report says that it is a part."""
    report = parse(b"Subject: x\r\n\r\nhello", size=10**8, truncated=True)

    assert (report.size, report.truncated) == (10**8, True)
    assert report.key == report_key(b"Subject: x\r\n\r\nhello", size=10**8, truncated=True)


def test_no_word_of_a_mail_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Reports are confidential, and mail-parser likes to talk."""
    with caplog.at_level(logging.DEBUG):
        for path in MAIL.rglob("*.eml"):
            parse(path.read_bytes())
        text("Subject: =?shift_jis?b?gg==?= =?utf-8?b?A?=\r\nContent-Type: text/odd", "x")

    assert [
        r.getMessage() for r in caplog.records if r.name.startswith("mailparser") and r.levelno > logging.DEBUG
    ] == []


_PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\r\n\r\n", b": ", b"--b", b"--b--", b"\x00", b"\xff\xfe", b"=?utf-8?q?a=00?=", b"=?x?b?A?=", b"\xed\xa0\x80",
        b"From: ", b"Subject: ", b"Date: Mon, 99 Nov 2026", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html",
        b"Content-Type: message/rfc822", b'Content-Type: text/plain; charset="', b"utf-16", b"; format=flowed; delsp=yes",
        b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: uuencode", b"begin 644 a\n", b"filename*0*=x''%00",
        b"Content-Disposition: attachment; ", b'<div style="display:none">', b"<style>.a{", b"On 1 a@b wrote:\n", b"> ", b"&#0;", b"&#xD800;",
        b"Authentication-Results: t; (", b"-----BEGIN PGP SIGNED MESSAGE-----\n\n", b"bW9jaGk=", b"=?utf-8?q?", b"=ED=A0=80",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES | st.binary(max_size=12), max_size=40).map(b"".join), st.sampled_from([1, 2, 3, 4]))
def test_any_bytes_give_a_report(raw: bytes, rung: int) -> None:
    """With its key, and texts free of NUL and lone surrogates, in every field."""
    report = parse(raw, rung=rung, trusted_authserv=("t",))

    assert report.key == report_key(raw)
    assert rung <= report.rung <= 4
    words = [report.subject, report.sender, report.sender_name, report.message_id or "", *report.references]
    words += (
        [p.text for p in report.passages] + [a.name + a.media_type for a in report.attachments] + list(report.defects)
    )
    assert all("\x00" not in w for w in words)
    assert "".join(words).encode("utf-8") is not None
    assert report.sent_at is None or report.sent_at.tzinfo is UTC


_ENDS = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"a"]), max_size=60).map(b"".join)


@given(_ENDS, st.integers(0, 60), st.integers(0, 130))
def test_the_gate_finds_lines_as_the_plain_search_does(raw: bytes, start: int, length: int) -> None:
    """Delimiter lines and the empty line after a header, by faster ways."""
    at, end = min(start, len(raw)), start + length
    empty = re.compile(rb"\r?\n\r?\n|\r\r").search(raw, at, end)

    assert gate._find_dashes(raw, b"\n", at, end) == raw.find(b"\n--", at, end)
    assert gate._find_dashes(raw, b"\r", at, end) == raw.find(b"\r--", at, end)
    assert gate._end_of_header(raw, at, end) == (empty.span() if empty else (0, 0))


@given(_ENDS)
def test_line_ends_do_not_count_in_a_key(raw: bytes) -> None:
    """Each is made CRLF, whatever they were."""
    same = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")

    assert report_key(raw) == hashlib.sha256(same).hexdigest()
