"""Bytes of a mail to text: character sets a reader's program knows, clean characters, format=flowed joined."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

# What mail programs show, by Python's codec name. Others (unicode_escape, utf-7, punycode, idna) are left out on purpose:
# no reader's program decodes them, or they take quadratic time.
_READ_AS = {
    "ascii": "ascii", "iso8859-1": "cp1252", "cp1252": "cp1252", "utf-8": "utf-8", "utf-8-sig": "utf-8",
    "utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "big5hkscs": "big5hkscs",
    "cp949": "cp949", "euc_kr": "cp949", "cp932": "cp932", "shift_jis": "cp932", "euc_jp": "euc_jp",
    "iso2022_jp": "iso2022_jp", "iso2022_kr": "iso2022_kr", "koi8-r": "koi8-r", "koi8-u": "koi8-u", "tis-620": "cp874",
    "cp874": "cp874", "mac-roman": "mac-roman", "cp437": "cp437", "cp850": "cp850", "cp866": "cp866",
} | {f"cp{n}": f"cp{n}" for n in range(1250, 1259)} | {f"iso8859-{n}": f"iso8859-{n}" for n in (*range(2, 12), *range(13, 17))}  # fmt: skip
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SURROGATES = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[^a-z0-9_.:-]")


def clean(text: str) -> str:
    """The text with LF line ends, and U+FFFD in place of NUL and lone surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def one_line(text: str, limit: int) -> str:
    """The text in one line, at most `limit` characters: for headers and names."""
    return " ".join(clean(text[: 4 * limit]).split())[:limit]


def decode(data: bytes, charset: str | None) -> tuple[str, str]:
    """The text of these bytes, and the character set's name where it is not one that mail programs show (else "")."""
    for bom, codec in _BOMS:
        if data.startswith(bom):
            return clean(data.decode(codec, "replace").removeprefix("\ufeff")), ""
    declared = (charset or "").strip().strip("\"'").lower()[:40]
    try:
        codec = _READ_AS.get(codecs.lookup(declared).name, "") if declared else "ascii"
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        codec = ""
    if codec and codec != "ascii":
        return clean(data.decode(codec, "replace")), ""
    return _guess(data), "" if codec else _NAME.sub("_", declared)


def _guess(data: bytes) -> str:
    """UTF-8 where it is, else windows-1252."""
    try:
        return clean(data.decode("utf-8"))
    except UnicodeDecodeError:
        return clean(data.decode("cp1252", "replace"))


def unflow(text: str, *, delsp: bool) -> str:
    """Paragraphs as they were typed (RFC 3676, 4.2 to 4.5); a quoted line keeps one "> " for each level."""
    return "\n".join(_unflowed(text, delsp=delsp))


def _unflowed(text: str, *, delsp: bool) -> Iterator[str]:
    pending: list[str] = []  # the lines of the open paragraph
    level = 0
    for line in text.split("\n"):
        stripped = line.lstrip(">")
        depth = len(line) - len(stripped)
        stripped = stripped.removeprefix(" ")  # space-stuffed
        signature = stripped == "-- "
        if pending and (depth != level or signature):
            yield _joined(pending, level)
            pending = []
        level = depth
        if stripped.endswith(" ") and not signature:
            pending.append(stripped[:-1] if delsp else stripped)
            continue
        yield _joined([*pending, stripped], level)
        pending = []
    if pending:
        yield _joined(pending, level)


def _joined(pieces: list[str], level: int) -> str:
    body = "".join(pieces)
    return f"{'>' * level} {body}" if level else body
