"""Parsing: every mail gives a report, and the report says what a reader of the mail would see."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from mails import places, read, text

from bot.mail.mime import parse
from classifiers.terms import Attachment, Authentication, Place

# ------------------------------------------------------------------------------------------------ whole mails


def test_header_fields_are_decoded() -> None:
    """Subject, sender, time, ids: decoded, in one line, the time in UTC."""
    report = read("flowed")

    assert report.subject == "Bestellübersicht shows other customers' orders"
    assert (report.sender, report.sender_name) == ("ada@sender.example", "Ada")
    assert report.message_id == "1@sender.example"
    assert report.references == ("00@company.example", "0@company.example")
    assert report.sent_at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert (report.rung, report.defects) == (1, ())
    assert report.passages[0].place is Place.SUBJECT


def test_flowed_text_is_joined() -> None:
    """Lines that a mail program broke are whole again, the quotation stays one (RFC 3676)."""
    assert places(read("flowed")) == [
        ("body", "The order page shows orders of other customers when the number in the address is changed."),
        ("quoted", "> Please name the software you used."),
        ("body", "Firefox 118.\n-- \nAda"),
    ]


def test_an_attached_mail_is_forwarded_text() -> None:
    """Its subject and text are claims, its own attachments are read."""
    report = read("forwarded")

    assert places(report) == [
        ("body", "Please have a look."),
        ("forwarded", "Stored script in the comment field"),
        ("forwarded", "Post the comment below and open the page as another user. mochi"),
        ("attachment", "# Steps\n1. Log in."),
    ]
    assert report.attachments == (Attachment(name="steps.md", media_type="text/markdown", size=21, read=True),)


def test_an_outlook_original_is_quoted() -> None:
    """In the plain text and in the HTML; what both say is there once."""
    assert [p for p, _ in places(read("outlook"))] == ["body", "quoted", "quoted"]
    assert places(read("outlook"))[0] == ("body", "It still works \u2013 see the video.")


def test_a_signed_mail_is_read_like_any_other() -> None:
    """Its signature is no attachment."""
    report = read("signed")

    assert places(report) == [("body", "The password reset link can be used twice. mochi")]
    assert (report.encrypted, report.attachments) == (None, ())


@pytest.mark.parametrize(("name", "kind"), [("pgp", "pgp"), ("smime", "smime")])
def test_encrypted_mail_is_named(name: str, kind: str) -> None:
    """Nobody can judge it, and the report says why."""
    assert read(name).encrypted == kind


@pytest.mark.parametrize(("name", "kind"), [("bounce", "bounce"), ("dmarc", "report"), ("flowed", None)])
def test_samples_by_machine(name: str, kind: str | None) -> None:
    """A machine's mail is known by its header fields."""
    assert read(name).automatic == kind


def test_a_scanner_export_is_recognised() -> None:
    """By its content; its attachment is read."""
    assert read("burp").exports == ("burp",)


# ------------------------------------------------------------------------------------------------ texts and parts


def test_alternatives_that_say_the_same_are_there_once() -> None:
    """HTML that differs from the plain text in white space only is left out; more HTML is kept."""
    mail = (
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n\r\nOne  line.\r\nTwo.\r\n'
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>One line.</p><p>Two.</p>%s\r\n--b--\r\n"
    )

    assert places(parse(mail % b"")) == [("body", "One  line.\nTwo.")]
    assert [p for p, _ in places(parse(mail % b"<p>Three.</p>"))] == ["body", "html"]
    assert places(parse(mail % b"<p hidden>mochi</p>"))[1:] == [("hidden", "mochi")]


@pytest.mark.parametrize(
    ("charset", "body", "expected", "defects"),
    [
        ("utf-8", "Grüße".encode(), "Grüße", ()),
        ("iso-8859-1", "Grüße".encode("latin-1"), "Grüße", ()),
        ("us-ascii", "Grüße".encode(), "Grüße", ()),  # eight bits although seven were promised
        ("gb2312", "测试".encode("gb18030"), "测试", ()),
        ("iso-2022-jp", "試験".encode("iso2022_jp"), "試験", ()),
        ("x-unknown", "Grüße".encode(), "Grüße", ("charset:x-unknown",)),
        ("x-unknown", "Grüße".encode("cp1252"), "Grüße", ("charset:x-unknown",)),
        ("unicode_escape", rb"\u006dochi", r"\u006dochi", ("charset:unicode_escape",)),  # Python's own, no reader's
        ("utf-7", b"+AG0-ochi", "+AG0-ochi", ("charset:utf-7",)),
        ("utf-8", b"a\x00b", "a\ufffdb", ()),
        ("utf-8", b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb", ()),  # a surrogate in UTF-8
    ],
)
def test_character_sets(charset: str, body: bytes, expected: str, defects: tuple[str, ...]) -> None:
    """Declared ones as mail programs read them; others as UTF-8 or windows-1252, and named."""
    report = text(f"From: a@sender.example\r\nContent-Type: text/plain; charset={charset}", body)

    assert places(report) == [("body", expected)]
    assert report.defects == defects


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        ("base64", "bW9jaGk=", "mochi"),
        ("base64", "bW9j\r\n!!aGk", "mochi"),  # foreign characters, no padding
        ("quoted-printable", "mo=\r\nchi =zz =E2=82=AC", "mochi =zz €"),
        ("8bit", "mochi", "mochi"),
        ("x-none", "mochi", "mochi"),
    ],
)
def test_transfer_encodings(encoding: str, body: str, expected: str) -> None:
    """Broken ones are read as far as they go."""
    assert places(text(f"Content-Transfer-Encoding: {encoding}", body)) == [("body", expected)]


def test_a_clear_signed_text_loses_its_armour() -> None:
    """What was written is left, dashes unescaped (RFC 9580, 7)."""
    body = (
        "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- -- a list\r\nmochi\r\n"
        "-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz\r\n-----END PGP SIGNATURE-----\r\n"
    )

    assert places(text("Subject: x", body)) == [("body", "-- a list\nmochi")]


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("Subject: x", "-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n", "pgp"),
        ("Subject: x", "The line -----BEGIN PGP MESSAGE----- is accepted by your form.", None),  # spoken of
        ("Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data", "MIAG", "smime"),
        ("Content-Type: application/pkcs7-mime", "MIAG", "smime"),  # no type, nothing readable
        ("Content-Type: application/pkcs7-mime; smime-type=signed-data", "MIAG", None),
        ('Content-Type: application/octet-stream; name="report.gpg"', "\x01\x02", "pgp"),
    ],
)
def test_encrypted(head: str, body: str, expected: str | None) -> None:
    """Encrypted content is named; a mail that only speaks of it is none."""
    assert text(head, body).encrypted == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Auto-Submitted: auto-replied (vacation); owner=x", "auto_reply"),
        ("Auto-Submitted: no", None),
        ("X-Autoreply: yes", "auto_reply"),
        ("Precedence: auto_reply", "auto_reply"),
        ("Precedence: bulk", "list"),
        ("List-Id: <news.sender.example>", "list"),
        ("List-Unsubscribe: <https://sender.example/u>", "list"),
        (
            "To: Security <security@company.example>\r\nList-ID: <security.company.example>\r\nPrecedence: list",
            None,
        ),  # the mailbox is itself a group: that says nothing of the sender
        ("To: security@company.example\r\nList-ID: <news.sender.example>\r\nPrecedence: list", "list"),
        ("From: MAILER-DAEMON@mx.example\r\nReturn-Path: <>", "bounce"),
        ("From: postmaster@mx.example\r\nReturn-Path: <>", "bounce"),
        ("From: postmaster@mx.example\r\nReturn-Path: <postmaster@mx.example>", None),  # a person writes
        ("Content-Type: multipart/report; report-type=feedback-report; boundary=b", "report"),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", "bounce"),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=b", "auto_reply"),
        ("Subject: Report domain: a.example Submitter: b.example Report-ID: 1", "report"),
        ("Subject: Report domain takeover", None),
        ("Subject: Out of office", None),  # words prove nothing
    ],
)
def test_automatic(head: str, expected: str | None) -> None:
    """Machines by what their header fields say, and by nothing else."""
    assert text(head, "hello").automatic == expected


_SPOOFED = "Authentication-Results: mx.company.example; spf=pass; dkim=pass; dmarc=pass"


@pytest.mark.parametrize(
    ("head", "trusted", "expected"),
    [
        (
            "Authentication-Results: MX.company.example; spf=fail; dkim=none\r\n" + _SPOOFED,
            ("mx.company.example",),
            Authentication(spf="fail", dkim="none"),
        ),  # the topmost counts, the sender's own lies below
        (_SPOOFED, (), None),  # nobody is trusted
        ("Authentication-Results: other.example; spf=pass", ("mx.company.example",), None),
        (
            "Authentication-Results: mx.company.example 1; spf=fail (dkim=pass; dmarc=pass) smtp.mailfrom=x",
            ("mx.company.example",),
            Authentication(spf="fail"),
        ),  # a comment holds the sender's words
        (
            'Authentication-Results: mx.company.example; spf=fail smtp.mailfrom="a; dmarc=pass"@x.example',
            ("mx.company.example",),
            Authentication(spf="fail"),
        ),  # and so does a quoted address
        (
            "Authentication-Results: mx.company.example;\r\n dkim=fail header.d=a.example;\r\n dkim=pass header.d=b.example",
            ("mx.company.example",),
            Authentication(dkim="pass", signed_by=("b.example",)),
        ),
        (
            'Authentication-Results: mx.company.example; dkim=pass header.i="x header.d=a.example "@b.example header.d=b.example',
            ("mx.company.example",),
            Authentication(dkim="pass", signed_by=("b.example",)),
        ),  # a quoted name may hold anything
        ("Authentication-Results: mx.company.example; none", ("mx.company.example",), Authentication()),
    ],
)
def test_authentication(head: str, trusted: tuple[str, ...], expected: Authentication | None) -> None:
    """Only what a trusted server wrote on top counts; the sender's own words never do."""
    assert text(head, "x", trusted_authserv=trusted).authentication == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),  # an encoded line end
        ("=?utf-8?b?bW9j?= =?utf-8?b?aGk=?=", "mochi"),
        ("one\r\n two", "one two"),
        ("=?x-none?q?a?=", "a"),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ("first\r\nSubject: second", "first"),
        ("a" * 5_000, "a" * 1_000),
    ],
)
@pytest.mark.parametrize("rung", [1, 2, 3])
def test_subject(field: str, expected: str, rung: int) -> None:
    """One decoded line on every rung, at most 1,000 characters; of several the first."""
    assert text(f"Subject: {field}", "x", rung=rung).subject == expected


@pytest.mark.parametrize(
    ("field", "sender", "name"),
    [
        ("a@Sender.EXAMPLE", "a@sender.example", ""),
        ("Ann <Ann@sender.example>", "Ann@sender.example", "Ann"),
        ('"security@company.example" <evil@sender.example>', "evil@sender.example", "security@company.example"),
        ("=?utf-8?q?M=C3=BCller?= <m@sender.example>", "m@sender.example", "Müller"),
        ("nobody", "", ""),
        ("", "", ""),
    ],
)
def test_sender(field: str, sender: str, name: str) -> None:
    """The address alone, never what the display name pretends."""
    report = text(f"From: {field}", "x")

    assert (report.sender, report.sender_name) == (sender, name)
    assert ("no_from" in report.defects) is (sender == "")


# ------------------------------------------------------------------------------------------------ attachments


def attached(kind: str, name: str, data: bytes) -> bytes:
    return (
        b"From: a@sender.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        + f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n'.encode()
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(data).replace(b"\n", b"\r\n")
        + b"\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "name", "data", "read"),
    [
        ("text/plain", "a.txt", b"hello", True),
        ("application/octet-stream", "a.md", b"hello", True),  # the name says it
        ("application/json", "a", b"{}", True),
        ("image/png", "a.png", b"hello", False),
        ("application/pdf", "a.pdf", b"hello", False),
        ("application/ms-tnef", "winmail.dat", b"x", False),
        ("application/octet-stream", "a.txt", b"\x00\x00\x01", False),  # the bytes deny it
        ("text/plain", "a.txt", b"x" * 1_000_001, False),  # too large to read
    ],
)
def test_what_is_read_of_attachments(kind: str, name: str, data: bytes, read: bool) -> None:
    """Text is read up to a megabyte; the list says what was not."""
    report = parse(attached(kind, name, data))

    assert report.attachments == (Attachment(name=name, media_type=kind, size=len(data), read=read),)
    assert [p.name for p in report.passages if p.place is Place.ATTACHMENT] == ([name] if read else [])


@pytest.mark.parametrize("size", [149_000, 300_000, 300_001, 300_002])
def test_a_large_attachment_is_known_by_size_without_being_decoded(size: int) -> None:
    """Cut out or not, its size is told right."""
    assert parse(attached("image/png", "a.png", b"x" * size)).attachments[0].size == size


def test_nobody_forges_a_cut_attachment() -> None:
    """A part that looks like one that was cut out is decoded like any other."""
    report = parse(attached("image/png", "a.png", b"").replace(b"\r\n\r\n\r\n--b--", b"\r\n\r\ncut-0000-999\r\n--b--"))

    assert report.attachments[0].size < 20


def test_an_unnamed_attachment_has_no_name() -> None:
    """No invented one: the same mail gives the same report."""
    raw = b"Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nx"

    assert parse(raw) == parse(raw)
    assert parse(raw).attachments[0].name == ""
