"""Reads a mail that breaks every parser: its first header fields and its body as raw text, in linear time."""

from __future__ import annotations

import re

from bot.mail.decoding import decode
from bot.mail.headers import Fields

HEADERS = 64_000  # bytes of the header that are looked at
FIELDS = 1_000
BODY = 1_200_000  # bytes: 300,000 characters of any script
_WANTED = frozenset({"from", "subject", "date", "message-id", "references", "in-reply-to"})
_EMPTY = re.compile(rb"\r?\n\r?\n|\r\r")


def scan(raw: bytes) -> tuple[Fields, str]:
    """The six fields a person needs, and the undecoded text after the first empty line; parts are not told apart."""
    found = _EMPTY.search(raw)
    end = found.start() if found else len(raw)
    body = raw[found.end() : found.end() + BODY] if found else b""
    known: dict[str, list[str]] = {}
    name = ""
    for line in decode(raw[: min(end, HEADERS)], None)[0].split("\n", FIELDS)[:FIELDS]:
        if line[:1] in {" ", "\t"}:
            if name in known:
                known[name][-1] += line
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon and name in _WANTED:
            known.setdefault(name, []).append(value.strip())
        else:
            name = ""
    return (lambda wanted: known.get(wanted, ())), decode(body, None)[0]
