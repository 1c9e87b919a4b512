"""The words. Every other file speaks in these; one word for one thing.

All values are frozen, all times aware and UTC, all text free of NUL and lone surrogates (the door to MIME sees to that).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Place(StrEnum):
    """Where a stretch of text stood in the mail."""

    SUBJECT = "subject"
    BODY = "body"  # text/plain
    HTML = "html"  # text/html, what a reader sees of it
    QUOTED = "quoted"  # somebody else's words, above or below the sender's own
    FORWARDED = "forwarded"  # a mail inside the mail
    ATTACHMENT = "attachment"  # a text, markdown or HTML attachment that was read
    HIDDEN = "hidden"  # in the HTML, but not shown to a reader


class Disposition(StrEnum):
    """What we recommend to do. Never done by itself: a person sees every one."""

    IN_SCOPE = "in_scope"  # no clause excludes it: a person works on it
    OUT_OF_SCOPE = "out_of_scope"  # the policy excludes it
    INCOMPLETE = "incomplete"  # asks for money or a contact, nothing technical to judge
    NOT_A_REPORT = "not_a_report"  # newsletters, bounces, sales, support
    NEEDS_REVIEW = "needs_review"  # a person must look before anything is said


DISMISSALS = frozenset({Disposition.OUT_OF_SCOPE, Disposition.INCOMPLETE, Disposition.NOT_A_REPORT})


class AcknowledgementState(StrEnum):
    """How surely the word stands in the mail, best place first."""

    FOUND = "found"
    NEAR_MISS = "near_miss"  # one letter off
    QUOTED_ONLY = "quoted_only"
    POLICY_PASTE_ONLY = "policy_paste_only"
    HIDDEN_ONLY = "hidden_only"
    MISSING = "missing"


_LONE_CR = re.compile(rb"\r(?!\n)")


def report_key(raw: bytes, *, size: int | None = None, truncated: bool = False) -> str:
    """What identifies a report: SHA-256, 64 hex digits, of its bytes with every line end made CRLF.

    Servers differ in line ends (a Maildir may answer LF), so they do not count. Of a truncated mail only the first part
    is known: its key is made of the whole size and that part. Never the Message-ID: the sender chooses that.
    """
    digest = hashlib.sha256()
    if truncated:
        digest.update(b"truncated %d\n" % (size if size is not None else len(raw)))
    if raw.count(b"\n") != raw.count(b"\r") or _LONE_CR.search(raw):  # a copy costs more than to look
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    digest.update(raw)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of text and where it stood. The text is what was decoded, unchanged: spans count its characters."""

    place: Place
    text: str
    name: str = ""  # of the attachment it came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A part that is not the mail's own text. `read` says whether its text is among the passages."""

    name: str
    media_type: str
    size: int  # bytes, decoded where it was decoded, else as it lay in the mail
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """What the one trusted Authentication-Results header says; None where it says nothing (RFC 8601)."""

    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    signed_by: tuple[str, ...] = ()  # domains whose DKIM signature is good


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One mail, parsed. It knows nothing of any policy."""

    key: str  # SHA-256, 64 hex digits, of the CRLF-normalised bytes
    size: int  # bytes of the whole mail
    subject: str = ""
    sender: str = ""  # the address alone, never the display name
    sender_name: str = ""
    message_id: str | None = None
    references: tuple[str, ...] = ()  # In-Reply-To and References, oldest first
    sent_at: datetime | None = None
    passages: tuple[Passage, ...] = ()  # the subject first, then in the order of the mail
    attachments: tuple[Attachment, ...] = ()
    exports: tuple[str, ...] = ()  # scanner exports recognised: burp, zap, nessus, nuclei, testssl, nmap
    authentication: Authentication | None = None  # None: no trusted header
    answer_to: str = ""  # where a person reads an answer; "" for machines, lists and who wants none
    automatic: str | None = None  # auto_reply, bounce, list, report (DMARC, ARF): by its headers alone
    encrypted: str | None = None  # pgp, smime
    truncated: bool = False
    defects: tuple[str, ...] = ()  # short words: "no_from", "charset:x-unknown", "nesting"
    rung: int = 1  # of the parser's fallback ladder; 1 is the whole parse

    def __post_init__(self) -> None:
        assert len(self.key) == 64, "a key is 64 hex digits"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters start to end (exclusive) of the report's passage with this index."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one rule, or the model, saw."""

    source: str  # "rule:email_authentication.missing_spf", "unless:cookie_flags.session_cookie", "sign:genuine.other_users_data", "model"
    category: str  # the category it speaks of; for signs their group: genuine, not_a_report, incomplete
    speaks_for: bool  # False: a carve-out, it argues against excluding
    weight: float  # log-odds: 1 a hint, 2.5 telling, 5 near proof
    reason: str  # one sentence for a person
    span: Span | None = None
    quote: str = ""  # the sentence around the span, at most 240 characters, unchanged
    where: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One category held, or considered, for a report; with all that was seen for and against."""

    category: str
    probability: float
    clause: str | None  # the policy's words; None where it does not exclude the category
    clause_kind: str | None  # "named", "by_extension", None
    evidence: tuple[Evidence, ...] = ()


class PartKind(StrEnum):
    """What one part of a mixed report is by itself."""

    GENUINE = "genuine"  # it reads like a genuine finding
    EXCLUDED = "excluded"  # a clause of the policy excludes it
    CONTESTED = "contested"  # a clause would, but something speaks against that
    NOT_EXCLUDED = "not_excluded"  # of a kind that no clause excludes
    UNTOLD = "untold"  # nothing is known of it by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class PartVerdict:
    """What we believe of one part of a mixed report."""

    kind: PartKind
    where: Place
    span: Span | None  # None once the text is purged
    category: str | None = None  # of all kinds but genuine and untold; its clause stands in the verdict's finding
    remarks: int = 0  # how many of its sentences the rules saw it in; 0: the model alone
    sources: tuple[str, ...] = ()  # the rules that fired in it; their reasons stand in the verdict's evidence
    live: float | None = None  # the model's probability of a genuine finding, as if it were all that was sent
    quote: str = ""  # the sentence that tells most, at most 240 characters, unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A fact beside the verdict; it never decides."""

    state: AcknowledgementState
    where: str | None = None  # a place, or for missing what swallowed it: "word", "address", "url", "host"
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Digests (12 hex digits) of what judged, so that a verdict can be explained and replayed."""

    rules: str
    model: str  # "" where no model was used
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What we believe of one report and why. Never changed, only followed by another."""

    report: str  # the report's key
    disposition: Disposition
    confidence: float  # of the disposition, 0 to 1
    why: str  # one sentence: which step of the decision settled it
    categories: tuple[Finding, ...] = ()  # held to apply, whatever the disposition
    considered: tuple[Finding, ...] = ()  # vetoed or too weak, with their evidence
    signs: tuple[Evidence, ...] = ()  # of a genuine finding
    parts: tuple[
        PartVerdict, ...
    ] = ()  # of a mixed report, in the order of the mail; none where all of it is one thing
    acknowledgement: Acknowledgement = field(
        default_factory=lambda: Acknowledgement(state=AcknowledgementState.MISSING)
    )
    missing: tuple[str, ...] = ()  # of the requested items: steps_to_reproduce, software_and_versions
    assets: tuple[str, ...] = ()  # ids of the policy's in-scope assets that the report names
    defects: tuple[str, ...] = ()
    rules_say: str = ""  # what the rules alone would say, for the card: a disposition or ""
    model_says: str = ""  # likewise the model
    policy: str = ""  # the policy's name
    versions: Versions = field(default_factory=lambda: Versions(rules="", model="", policy=""))

    @property
    def is_unread(self) -> bool:
        """Whether nothing could read the mail: then the verdict is made of the safe facts alone."""
        return any(d.startswith("unreadable:") for d in self.defects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What the model believes, before any policy: a probability for each label it was trained on."""

    categories: dict[str, float] = field(default_factory=dict)  # category id -> probability
    dispositions: dict[str, float] = field(default_factory=dict)  # in_scope, out_of_scope, incomplete, not_a_report
    headline: float = 0.5  # probability of in_scope by the subject alone
    words: tuple[tuple[str, str, float], ...] = ()  # (label, the report's own words, what they added)
    parts: tuple[
        tuple[Span, dict[str, float]], ...
    ] = ()  # of a report in parts: each part's labels, as if it stood alone
