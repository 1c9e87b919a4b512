"""Makes the bytes of a mail fit to be parsed: large attachments cut out unread, long headers cut off, parts counted.

A 100 kB Content-Type costs the standard library 40 s and two thousand nested parts break it; decoding a picture that
nobody looks at costs more than all the rest. All of this is found by searching bytes, in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONG_STRUCTURE = 2_000  # bytes of a Content-* field: its parameters are parsed in quadratic time
LONG_FIELD = 16_000  # bytes of any other field: mail-parser takes 12 s for a 100 kB From
HEADERS = 256_000  # bytes of the mail's own header block
FIELDS = 2_000
PARTS = 200
NESTED = 50  # multiparts and messages within messages; 20 levels are read, and siblings count here too
DASHES = 30  # in the header fields of a part there are fewer
LARGE = 200_000  # bytes of base64 that are cut out undecoded

_EMPTY = (b"\n\r\n", b"\n\n", b"\r\r")  # the end of a line and then an empty one; the first may have its CR before it
_CR, _LF = b"\r\n"
_NO_ENDS = bytes(set(range(256)) - set(b"\r\n"))
_FIELD = re.compile(rb"\r\n(?![ \t])|\n(?![ \t])|\r(?![ \t\n])")  # between two fields
_BASE64 = re.compile(rb"^content-transfer-encoding[ \t]{0,9}:\s{0,9}base64", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type[ \t]{0,9}:\s{0,9}([\w.+/-]{1,100})", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb"name(?:\*0)?\*?=[\"']?[^\r\n;\"]{0,300}\.([a-z0-9]{1,8})[\"']?\s*(?:;|$)", re.IGNORECASE | re.MULTILINE)  # fmt: skip
_READABLE = frozenset(b"txt text md markdown html htm xml json jsonl csv har log py js sh yml yaml eml nessus".split())
_STRUCTURE = (b"\nContent-", b"\ncontent-", b"\nCONTENT-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """Bytes that are cheap to parse."""

    data: bytes
    defects: tuple[str, ...] = ()  # "headers", "nesting": not a mail for the whole parse


def marker(key: str) -> bytes:
    """What stands in place of a cut attachment, followed by its size. A mail cannot hold its own digest, so nobody forges it."""
    return b"cut-" + key[:32].encode("ascii") + b"-"


def gate(raw: bytes, key: str) -> Gated:
    """The mail without large attachments, with bounded headers and a bounded number of parts."""
    defects: list[str] = []
    data = b"".join(_without_large(raw, marker(key)))
    data, many = _bounded_parts(data)
    if many:
        defects.append("nesting")
    data, long = _bounded_headers(data)
    data, wide = _bounded_structure(data)
    if long or wide:
        defects.append("headers")
    return Gated(data=data, defects=tuple(defects))


# ---------------------------------------------------------------------------------------------- large attachments


def _without_large(raw: bytes, mark: bytes) -> Iterator[bytes]:
    """The mail in pieces; a large base64 part that is no text is replaced by the mark and its decoded size."""
    done = at = 0
    while len(raw) - at > LARGE:
        following = _find_dashes(raw, b"\n", at, len(raw))
        end = following if following >= 0 else len(raw)
        if end - at > LARGE and (start := _start_of_cut(raw, at, end)):
            yield raw[done:start]
            yield b"%s%d\r\n" % (mark, _decoded_size(raw, start, end))
            done = end
        if following < 0:
            break
        line_end = raw.find(b"\n", following + 3)
        at = line_end + 1 if line_end >= 0 else len(raw)
    yield raw[done:]


def _start_of_cut(raw: bytes, at: int, end: int) -> int:
    """Where the body of the part that begins at `at` starts, if it is to be cut out; else 0."""
    _, body = _end_of_header(raw, at, at + LONG_FIELD)
    if not body or end - body <= LARGE or not _is_cut(raw[at:body]):
        return 0
    # A boundary may stand after a lone CR, which the parser takes for a line end.
    return body if _find_dashes(raw, b"\r", body, end) < 0 else 0


def _find_dashes(raw: bytes, end_of_line: bytes, at: int, end: int) -> int:
    """Where a line begins with two dashes: at the end of the line before; -1 where none does.

    The first dashes are looked for alone: base64 has none, and one byte is found ten times as fast as three.
    """
    wanted, start = end_of_line + b"--", at
    for _ in range(DASHES):
        dash = raw.find(b"-", at, end)
        if dash < 0:
            return -1
        if dash > start and raw.startswith(wanted, dash - 1, end):
            return dash - 1
        at = dash + 1
    return raw.find(wanted, at, end)


def _end_of_header(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the first empty line begins, with the end of the line before it, and where it ends; (0, 0) if there is none."""
    found = [(start, start + len(line)) for line in _EMPTY if (start := data.find(line, at, end)) >= 0]
    if not found:
        return 0, 0
    return min((s - (s > at and data[s] == _LF and data[s - 1] == _CR), e) for s, e in found)


def _is_cut(block: bytes) -> bool:
    """Whether this header block is of a base64 part that nobody would read as text."""
    if not _BASE64.search(block):
        return False
    found = _TYPE.search(block)
    kind = found[1].lower() if found else b"text/plain"
    if kind.startswith((b"text/", b"message/", b"multipart/")):
        return False
    name = _NAME.search(block)
    return not (name and name[1].lower() in _READABLE)


def _decoded_size(raw: bytes, start: int, end: int) -> int:
    ends = len(raw[start:end].translate(None, _NO_ENDS))
    padding = raw.count(b"=", max(start, end - 8), end)
    return max(0, (end - start - ends) * 3 // 4 - padding)


# ---------------------------------------------------------------------------------------------- headers and parts


def _bounded_headers(data: bytes) -> tuple[bytes, bool]:
    """The mail's own header block within its limits, and whether something had to go."""
    end, body_at = _end_of_header(data, 0, HEADERS)
    if not body_at and len(data) > HEADERS:
        end, body_at = _end_of_header(data, HEADERS, len(data))
        block, body = data[:HEADERS], data[end:] if body_at else b"\r\n\r\n"
    else:
        end = end if body_at else len(data)
        block, body = data[:end], data[end:]
    if len(block) <= LONG_FIELD and block.count(b"\n") <= FIELDS and block.count(b"\r") <= FIELDS:
        return data, False
    fields: list[bytes] = []
    cut, at = len(block) + len(body) != len(data), 0
    for separator in _FIELD.finditer(block):
        if len(fields) >= FIELDS:
            return b"".join(fields).rstrip(b"\r\n") + body, True
        field = block[at : separator.end()]
        cut = cut or len(field) > LONG_FIELD
        fields.append(field if len(field) <= LONG_FIELD else field[:LONG_FIELD].rstrip(b"\r\n") + b"\r\n")
        at = separator.end()
    last = block[at:]
    return b"".join(fields) + last[:LONG_FIELD] + body, cut or len(last) > LONG_FIELD


def _bounded_structure(data: bytes) -> tuple[bytes, bool]:
    """No Content-* field anywhere is longer than can be parsed quickly; the second value says whether one was."""
    long: list[tuple[int, int]] = []
    starts = [0] if data[:8].lower() == b"content-" else []
    for mark in _STRUCTURE:
        at = data.find(mark)
        while at >= 0:
            starts.append(at + 1)
            at = data.find(mark, at + 1)
    covered = 0
    for start in sorted(starts):
        if start < covered:
            continue
        following = _FIELD.search(data, start)
        covered = following.start() if following else len(data)
        if covered - start > LONG_STRUCTURE:
            long.append((start + LONG_STRUCTURE, covered))
    if not long:
        return data, False
    pieces, done = [], 0
    for start, end in long:
        pieces.append(data[done:start].rstrip(b"\r\n"))
        done = end
    return b"".join((*pieces, data[done:])), True


def _bounded_parts(data: bytes) -> tuple[bytes, bool]:
    """The mail up to its 200th part, and whether it went on."""
    end = len(data)
    if data.count(b"\n--") > PARTS or data.count(b"\r--") > PARTS:
        end = _hundreds(data)
    for token in (b"oundary=", b"OUNDARY=", b"essage/rfc822", b"ESSAGE/RFC822", b"essage/global"):
        if data.count(token) > NESTED:
            end = min(end, _nth(data, token, NESTED))
    return data[:end], end < len(data)


_BOUNDARY = re.compile(rb"boundary(\*[0-9]{0,2}\*?)?[ \t]{0,9}=[ \t]{0,9}(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)  # fmt: skip


def _hundreds(data: bytes) -> int:
    """Where the 200th delimiter line stands, else the length. Lines of text that begin with two dashes do not count."""
    named, doubtful = set(), False
    for found in _BOUNDARY.finditer(data):
        named.add((found[2] or found[3]).rstrip())
        doubtful = doubtful or found[1] is not None or len(named) > PARTS  # RFC 2231 pieces: any line may be one
    count = 0
    for line in re.finditer(rb"[\r\n]--([^\r\n]{0,210})", data):
        text = line[1].rstrip()
        if doubtful or text in named:
            count += 1
            if count > PARTS:
                return line.start()
    return len(data)


def _nth(data: bytes, token: bytes, n: int) -> int:
    at = -1
    for _ in range(n + 1):
        at = data.find(token, at + 1)
    return at
