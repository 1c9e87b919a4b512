"""What one part of a mail says of itself, and the bytes that it holds."""

from __future__ import annotations

from email.message import Message

from bot.mail.headers import words

NAME = 200


def name_of(part: Message) -> str:
    """The name that an attachment goes by, as one line; "" where it has none."""
    try:
        return words(part.get_filename() or "", NAME)
    except (TypeError, ValueError):  # the standard library's on RFC 2231 pieces that contradict each other
        return ""


def parameter(part: Message, name: str) -> str:
    """A parameter of the Content-Type, in lower case; "" where there is none or it cannot be read."""
    try:
        value = part.get_param(name)
    except (TypeError, ValueError):
        return ""
    if isinstance(value, tuple):  # RFC 2231: (charset, language, value)
        value = value[2]
    return str(value or "").strip().lower()


def bytes_of(part: Message) -> bytes:
    """What it holds, its transfer encoding undone."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def content_of(part: Message, mark: bytes) -> tuple[bytes, int]:
    """The bytes of a part and their number; of one that the gate cut out no bytes and the estimated number."""
    raw = part.get_payload()
    if isinstance(raw, str) and raw[: len(mark)].encode("ascii", "replace") == mark:
        digits = raw[len(mark) : len(mark) + 12].strip()
        return b"", int(digits) if digits.isdigit() else 0
    data = bytes_of(part)
    return data, len(data)
