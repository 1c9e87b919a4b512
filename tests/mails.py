"""Samples of mail and short ways to make one."""

from __future__ import annotations

from pathlib import Path

from bot.mail.mime import parse
from classifiers.terms import Place, Report

MAIL = Path(__file__).parent / "mail"


def read(name: str) -> Report:
    """A sample as it lies on a server, with CRLF."""
    return parse((MAIL / f"{name}.eml").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def text(head: str, body: str | bytes, **options: object) -> Report:
    """A mail of these header lines and this body."""
    raw = head.encode() + b"\r\n\r\n" + (body if isinstance(body, bytes) else body.encode())
    return parse(raw, **options)  # type: ignore[arg-type]


def places(report: Report) -> list[tuple[str, str]]:
    """Where each text stood, without the subject, white space around it left out."""
    return [(p.place.value, p.text.strip()) for p in report.passages if p.place is not Place.SUBJECT]
