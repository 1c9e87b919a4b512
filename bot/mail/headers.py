"""What the header fields of a mail say: who, when, in answer to what, whether a machine sent it, what our server checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parseaddr, parsedate_to_datetime

from bot.mail.decoding import clean, decode, one_line
from classifiers.terms import Authentication

SUBJECT = 1_000  # characters kept
ADDRESS = 320  # RFC 5321, 4.5.3.1: 64 + @ + 255
NAME = 200
ID = 250
IDS = 50

_ID = re.compile(r"<([^<>\s]{1,250})>")
_DATE = re.compile(r"[\w\s,:+()/.-]{1,80}\Z")

Fields = Callable[[str], Sequence[str]]
"""All values of the field with that name, top to bottom, raw and capped; () where there is none."""


def fields_of(message: Message) -> Fields:
    """The fields of a parsed message; bytes that are no ASCII are read as UTF-8 or windows-1252."""
    known: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        known.setdefault(name.lower(), []).append(_readable(str(value)))
    return lambda name: known.get(name, ())


def _readable(value: str) -> str:
    if value.isascii():
        return clean(value)
    return decode(value.encode("utf-8", "surrogateescape"), None)[0]


def words(value: str, limit: int) -> str:
    """A field's text with encoded words decoded (RFC 2047), in one line."""
    value = value[: 8 * limit]
    if "=?" not in value:
        return one_line(value, limit)
    try:
        pieces = decode_header(" ".join(value.split()))
    except (HeaderParseError, ValueError):
        return one_line(value, limit)
    return one_line("".join(p if isinstance(p, str) else decode(p, charset)[0] for p, charset in pieces), limit)


def address(candidates: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Display name and address of the first candidate that is an address, its domain in lower case; else two ""."""
    for name, found in candidates:
        local, at, domain = one_line(found, ADDRESS + 1).strip("<>").rpartition("@")
        whole = bool(at and local and domain) and len(local) + 1 + len(domain) <= ADDRESS
        if whole and not any(c.isspace() for c in local + domain):
            return one_line(name, NAME), f"{local}@{domain.lower().rstrip('.')}"
    return "", ""


def sender_of(fields: Fields) -> tuple[str, str]:
    """Display name and address by the standard library, for when mail-parser did not say."""
    first = next(iter(fields("from")), "")[:2_000]
    name, found = parseaddr(" ".join(first.split()))
    return address([(words(name, NAME), found)])


def date_of(fields: Fields) -> datetime | None:
    """When it was sent, as the sender says, in UTC; None where that cannot be read."""
    value = " ".join(next(iter(fields("date")), "")[:200].split())
    if not _DATE.match(value):
        return None
    try:
        return utc(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError):
        return None


def utc(moment: datetime | None) -> datetime | None:
    """The moment in UTC; one without a zone is taken for UTC (RFC 5322, 3.3: -0000)."""
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def message_id(fields: Fields) -> str | None:
    """The Message-ID without its brackets; None where there is none worth showing."""
    value = one_line(next(iter(fields("message-id")), ""), ID + 2)
    found = _ID.search(value)
    return (found[1] if found else value.strip("<> ")) or None


def references(fields: Fields) -> tuple[str, ...]:
    """Message-IDs of References and then In-Reply-To, each once, oldest first; the last 50."""
    values = [v for name in ("references", "in-reply-to") for v in fields(name)]
    found = dict.fromkeys(m for v in values for m in _ID.findall(v[:16_000]))
    return tuple(found)[-IDS:]


# ------------------------------------------------------------------------------------------------ machines

_DAEMON = re.compile(r"(mailer-daemon|mail-daemon|postmaster)@", re.IGNORECASE)
_REPORTS = {
    "delivery-status": "bounce",  # RFC 3464
    "disposition-notification": "auto_reply",  # RFC 8098
    "feedback-report": "report",  # RFC 5965
    "tlsrpt": "report",  # RFC 8460
}
_AUTO_FIELDS = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoreply-from")


def automatic(fields: Fields, sender: str, content_type: str, report_type: str) -> str | None:
    """bounce, report, auto_reply, list, or None: by the header fields alone, the most telling first."""

    def first(name: str) -> str:
        return next(iter(fields(name)), "").strip().lower()[:200]

    if content_type == "multipart/report" and report_type in _REPORTS:
        return _REPORTS[report_type]
    null_path = first("return-path") == "<>"  # RFC 5321, 4.5.5
    daemon = _DAEMON.match(sender)
    if fields("x-failed-recipients") or (daemon and (null_path or daemon[1].lower() != "postmaster")):
        return "bounce"  # a postmaster may be a person
    if first("subject").startswith("report domain:") and "submitter:" in first("subject"):
        return "report"  # RFC 7489, 7.2.1.1
    precedence = first("precedence")
    submitted = first("auto-submitted").replace(";", " ").replace("(", " ").partition(" ")[0]
    if submitted == "auto-replied" or precedence == "auto_reply" or any(fields(n) for n in _AUTO_FIELDS):
        return "auto_reply"
    if any(fields(n) for n in ("list-id", "list-unsubscribe")) or precedence in {"bulk", "list"}:
        return None if _through_own_list(fields) else "list"
    return None


def _through_own_list(fields: Fields) -> bool:
    """Whether the list is the address that the mail was sent to: a security@ that is a group marks every mail so."""
    named = _ID.search(next(iter(fields("list-id")), "")[-500:])
    if not named:
        return False
    receivers = " ".join(v[:2_000] for name in ("to", "cc", "x-original-to") for v in fields(name)[:5])
    addresses = (w.strip("<>,;\"'").lower() for w in receivers.split()[:200])
    return named[1].lower() in {a.replace("@", ".") for a in addresses if "@" in a}


_UNREAD = re.compile(
    r"(?:no|not|do[-_.]?not|dont)[-_.]?reply\b.*|(?:mailer|mail)-daemon|postmaster|listserv|majordomo|(?:bounces?|owner)(?:[-+=].*)?"
    r"|.*[-+](?:bounces?|request|owner|no-?reply)",
    re.IGNORECASE,
)  # local parts of addresses that nobody reads


_PLAIN = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}", re.ASCII)  # one address, however it is read


def answer_to(fields: Fields, sender: str, automatic: str | None) -> str:
    """Where a person reads an answer: Reply-To where that is one address, else the sender; "" for machines and lists."""
    submitted = next(iter(fields("auto-submitted")), "no").strip().lower()[:20]
    null_path = next(iter(fields("return-path")), "").strip() == "<>"
    if automatic or submitted != "no" or null_path:
        return ""
    named = [value[:2_000] for value in fields("reply-to")[:1]]
    wanted = {found for pair in getaddresses(named) if (found := address([pair])[1])}
    chosen = wanted.pop() if len(wanted) == 1 else sender
    unread = _UNREAD.fullmatch(chosen.rpartition("@")[0])
    return "" if unread or not _PLAIN.fullmatch(chosen) else chosen


# ------------------------------------------------------------------------------------------------ authentication

_RESULT = re.compile(r"\s*(spf|dkim|dmarc)\s{0,5}=\s{0,5}([a-z]{1,20})", re.IGNORECASE)
_SIGNER = re.compile(r"\sheader\.d\s{0,5}=\s{0,5}([a-z0-9_.-]{1,253})(?=\s|\Z)", re.IGNORECASE)


def authentication(fields: Fields, trusted: Sequence[str]) -> Authentication | None:
    """Of the topmost Authentication-Results that a trusted server wrote (RFC 8601, 2.2); others are the sender's words.

    A trusted server must remove foreign fields with its own name (RFC 8601, 5); only then is this worth something.
    """
    names = {t.lower() for t in trusted}
    for value in fields("authentication-results") if names else ():
        who, _, results = _without_comments(value[:8_000]).partition(";")
        if (who.split() or [""])[0].strip('"').lower() not in names:
            continue
        said: dict[str, str] = {}
        signed_by: dict[str, None] = {}
        for result in results.split(";"):
            if found := _RESULT.match(result):
                method, outcome = found[1].lower(), found[2].lower()
                if said.get(method) != "pass":  # one good signature of several is a good signature (RFC 6376, 4.2)
                    said[method] = outcome if outcome == "pass" else said.get(method, outcome)
                if method == "dkim" and outcome == "pass":
                    signed_by |= dict.fromkeys(_signers(result))
        return Authentication(
            spf=said.get("spf"), dkim=said.get("dkim"), dmarc=said.get("dmarc"), signed_by=tuple(signed_by)[:10]
        )
    return None


def _signers(result: str) -> list[str]:
    """The domain that one good DKIM result names (RFC 8601, 2.7.1); a quoted name has no space left and cannot pose as one."""
    named = _SIGNER.findall(result)
    return [named[0].lower().rstrip(".")] if len(named) == 1 else []


def _without_comments(value: str) -> str:
    """The field without what stands in parentheses, where a sender's own words may stand; quoted ones count as text."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and depth == 0:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and depth and not quoted:
            depth -= 1
        elif depth == 0:
            kept.append("_" if quoted and (character == ";" or character.isspace()) else character)
    return "".join(kept)
