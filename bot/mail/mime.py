"""The door to MIME: bytes of a mail in, a Report out, whatever the bytes.

A ladder of four rungs, each asking less of the mail: mail-parser, the standard library, a scan by hand, key and size.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from functools import partial
from typing import Any

import mailparser

from bot.mail import headers
from bot.mail.decoding import one_line
from bot.mail.gate import Gated, gate, marker
from bot.mail.headers import Fields
from bot.mail.parts import PASSAGE, read_parts
from bot.mail.payload import parameter
from bot.mail.scan import scan
from classifiers.terms import Passage, Place, Report, report_key

logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)  # it logs header text, which is confidential


def parse(
    raw: bytes,
    *,
    size: int | None = None,
    truncated: bool = False,
    trusted_authserv: Sequence[str] = (),
    rung: int = 1,
    key: str = "",
) -> Report:
    """The report in these bytes, by the first rung from `rung` on that bears it; `defects` say why others did not.

    Raises MemoryError only; rung 4 always answers.
    """
    key = key or report_key(raw, size=size, truncated=truncated)
    bare = Report(key=key, size=len(raw) if size is None else size, truncated=truncated, rung=4)
    defects: list[str] = []
    fit: Gated | None = None
    steps: dict[int, Callable[[Gated], Report]] = {
        1: partial(_by_mailparser, bare, trusted_authserv),
        2: partial(_by_standard_library, bare, trusted_authserv),
        3: lambda _: _by_hand(raw, bare),
    }
    for step in (s for s in sorted(steps) if s >= rung):
        try:
            if step < 3 and fit is None:
                fit = gate(raw, key)
                defects += fit.defects
            if step == 1 and fit is not None and fit.defects:
                continue
            report = steps[step](fit or Gated(data=b""))
        except MemoryError:
            raise
        except RecursionError:
            defects.append("nesting")
        except Exception as e:  # noqa: BLE001  libraries raise anything on hostile mail; the next rung asks less of it
            defects.append(f"parser:{type(e).__name__}")
        else:
            return replace(report, defects=tuple(dict.fromkeys((*defects, *report.defects))))
    return replace(bare, defects=tuple(dict.fromkeys(defects)))


class _Parser(mailparser.MailParser):  # type: ignore[misc]  # mail-parser has no types
    """mail-parser without what no report needs: its two dictionaries of everything, and its own decoding of bodies.

    Both are costly, and the decoding takes quadratic time where the sender names the punycode character set. If a later
    mail-parser has no such methods, nothing breaks: it only does more.
    """

    def _make_mail(self, complete: bool = True) -> dict[str, Any]:  # noqa: ARG002  the base class's signature
        return {}

    def _decode_body_payload(self, *_: object) -> str:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """What the two parsers tell each in their own way."""

    subject: str
    sender_name: str
    sender: str
    sent_at: datetime | None


def _by_mailparser(bare: Report, trusted: Sequence[str], fit: Gated) -> Report:
    message = message_from_bytes(fit.data)
    fields = headers.fields_of(message)
    _spare(message)
    parsed = _Parser(message)
    subjects = parsed.subject  # a list where the field stands there more than once
    subject = str(subjects[0] if isinstance(subjects, list) and subjects else subjects or "")
    raw = next(iter(fields("subject")), "")
    if not raw.isascii():  # mail-parser drops bytes that are no UTF-8
        subject = headers.words(raw, headers.SUBJECT)
    name, address = headers.address((str(n), str(a)) for n, a in parsed.from_)
    if not address:
        name, address = headers.sender_of(fields)
    envelope = _Envelope(
        subject=one_line(subject, headers.SUBJECT),
        sender_name=name,
        sender=address,
        sent_at=headers.utc(parsed.date) or headers.date_of(fields),
    )
    return _report(replace(bare, rung=1), message, fields, envelope, trusted)


def _spare(message: Message) -> None:
    """Takes from the message what mail-parser would spend its time on for nothing."""
    for name in (
        "received",
        "to",
        "cc",
        "reply-to",
        "delivered-to",
    ):  # it dissects every hop and every address: a third
        del message[name]
    for part in message.walk():
        if part.is_multipart() and part["content-disposition"]:
            del part["content-disposition"]  # it writes attached mails out again, in quadratic time for a long field


def _by_standard_library(bare: Report, trusted: Sequence[str], fit: Gated) -> Report:
    message = message_from_bytes(fit.data)
    fields = headers.fields_of(message)
    name, address = headers.sender_of(fields)
    envelope = _Envelope(
        subject=headers.words(next(iter(fields("subject")), ""), headers.SUBJECT),
        sender_name=name,
        sender=address,
        sent_at=headers.date_of(fields),
    )
    return _report(replace(bare, rung=2), message, fields, envelope, trusted)


def _report(bare: Report, message: Message, fields: Fields, envelope: _Envelope, trusted: Sequence[str]) -> Report:
    """Everything that does not depend on who parsed."""
    contents = read_parts(message, mark=marker(bare.key), subject=envelope.subject)
    kind = message.get_content_type()
    defects = dict.fromkeys(_envelope_defects(fields, envelope)) | contents.defects
    automatic = headers.automatic(fields, envelope.sender, kind, parameter(message, "report-type"))
    return replace(
        bare,
        subject=envelope.subject,
        sender=envelope.sender,
        sender_name=envelope.sender_name,
        message_id=headers.message_id(fields),
        references=headers.references(fields),
        sent_at=envelope.sent_at,
        passages=tuple(contents.passages),
        attachments=tuple(contents.attachments),
        exports=tuple(contents.exports),
        authentication=headers.authentication(fields, trusted),
        automatic=automatic,
        answer_to=headers.answer_to(fields, envelope.sender, automatic),
        encrypted=contents.encrypted,
        defects=tuple(defects),
    )


def _envelope_defects(fields: Fields, envelope: _Envelope) -> list[str]:
    found = []
    if not envelope.sender:
        found.append("no_from")
    if len(fields("from")) > 1:
        found.append("many_from")
    if len(fields("subject")) > 1:
        found.append("many_subjects")
    return found


def _by_hand(raw: bytes, bare: Report) -> Report:
    fields, body = scan(raw)
    name, address = headers.sender_of(fields)
    subject = headers.words(next(iter(fields("subject")), ""), headers.SUBJECT)
    passages = [Passage(place=Place.SUBJECT, text=subject)] if subject.strip() else []
    if body.strip():
        passages.append(Passage(place=Place.BODY, text=body[:PASSAGE]))
    return replace(
        bare,
        subject=subject,
        sender=address,
        sender_name=name,
        message_id=headers.message_id(fields),
        references=headers.references(fields),
        sent_at=headers.date_of(fields),
        passages=tuple(passages),
        defects=("text_cap",) if len(body) > PASSAGE else (),
        rung=3,
    )
