"""What is known from before: earlier reports like a new one and who decided them, and whose thread a mail belongs to. Pure.

Nothing here dismisses anything. A person's word on a similar report may keep a dismissal from being recommended, and a
follow-up may raise its thread's verdict; neither ever lowers one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.ports import KeptReport, VerdictKind
from classifiers.likeness import LARGEST, SIZE
from classifiers.terms import DISMISSALS, Authentication, Disposition, Verdict

ALIKE = 0.7  # likeness from which on an earlier report is a precedent
REFERENCES = 50  # of one mail, the last ones
LISTED = 20  # precedents that are shown one by one to a person; JSON has all
RAISED = "a follow-up raised it"
_ID = 500  # characters
_ADDRESS = 320
_DOMAIN = 253
_WORDS = 32
_TRACES = frozenset({"signature", "message_id", "references", "sender", "domain", "proven", "words"})

# Mail houses open to all: that one signed a mail says nothing of who wrote it.
_OPEN_TO_ALL = frozenset(
    (
        "126.com", "163.com", "aol.com", "duck.com", "fastmail.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net",
        "googlemail.com", "hey.com", "hotmail.com", "icloud.com", "live.com", "mail.com", "mail.ru", "me.com", "msn.com",
        "naver.com", "outlook.com", "pm.me", "proton.me", "protonmail.com", "qq.com", "rediffmail.com", "tutanota.com",
        "web.de", "wearehackerone.com", "yahoo.com", "yandex.com", "yandex.ru", "ymail.com", "zoho.com", "zohomail.com",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a report is recognised by later. The signature cannot be read; the rest is kept as digests only."""

    signature: tuple[int, ...]  # () where there is nothing to compare
    message_id: str | None
    references: tuple[str, ...]  # Message-IDs, oldest first
    sender: str  # "" where none is known, or our server found it forged
    domain: str  # the sender's, where a good DKIM signature proves it; else ""
    proven: bool = False  # a server of ours vouches for the sender's domain
    words: str = ""  # a digest of all that it says: the same for mails that are the same to the letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """An earlier report that is like this one, and what holds of it."""

    report: str  # the id people see
    likeness: float
    received_at: datetime
    disposition: Disposition
    kind: VerdictKind
    decided_by: str  # "bot" or "person:<who>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Where a mail's references lead."""

    first: KeptReport | None = None  # the report it follows up, of the same sender
    claimed: str = ""  # the id of a report that it names, but that another sender sent


def proven_domain(sender: str, authentication: Authentication | None) -> str:
    """The signing domain that covers the sender's address, where that says who wrote; else ""."""
    domain = sender.rpartition("@")[2].lower()
    signed = authentication.signed_by if authentication else ()
    covering = [s for s in signed if "." in s and s not in _OPEN_TO_ALL and f".{domain}".endswith(f".{s}")]
    return max(covering, key=len, default="")


def is_proven(sender: str, authentication: Authentication | None) -> bool:
    """Whether a server of ours vouches that this address wrote: DMARC passes, or a good DKIM signature covers its domain."""
    if authentication is None or authentication.dmarc == "fail" or "@" not in sender:
        return False
    domain = sender.rpartition("@")[2].lower()
    covered = any("." in s and f".{domain}".endswith(f".{s}") for s in authentication.signed_by)
    return authentication.dmarc == "pass" or covered


def digest(text: str) -> str:
    """What is kept of an id or an address: enough to know it again. "" stays ""."""
    return hashlib.sha256(text.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32] if text else ""


# ------------------------------------------------------------------------------------------------ what follows from it


def held_back(verdict: Verdict, precedents: Sequence[Precedent]) -> Verdict:
    """The verdict; a dismissal becomes needs_review where a person called a similar report in scope."""
    if verdict.disposition not in DISMISSALS:
        return verdict
    for p in precedents:
        if p.kind is VerdictKind.PERSON and p.disposition is Disposition.IN_SCOPE:
            why = f"a person called the similar report {p.report} in scope"
            return replace(verdict, disposition=Disposition.NEEDS_REVIEW, confidence=p.likeness, why=why)
    return verdict


def raised(before: Verdict, follow_up: Verdict) -> Verdict:
    """The verdict of a dismissed thread after a live follow-up: its own findings, the follow-up's disposition."""
    why = f"{RAISED}: {follow_up.report[:8]}"
    return replace(before, disposition=follow_up.disposition, confidence=follow_up.confidence, why=why)


def kept_up(before: Verdict | None, again: Verdict) -> Verdict:
    """A report judged again: what a follow-up raised is not dismissed by its first mail alone."""
    if before is None or not before.why.startswith(RAISED) or again.disposition not in DISMISSALS:
        return again
    return replace(again, disposition=before.disposition, confidence=before.confidence, why=before.why)


# ------------------------------------------------------------------------------------------------ in words


def by(precedent: Precedent) -> str:
    """Who decided: "@ana", "the bot"."""
    if precedent.kind is not VerdictKind.PERSON:
        return "the bot"
    return f"@{precedent.decided_by.removeprefix('person:').partition(' (')[0][:40]}"


def in_one_line(precedents: Sequence[Precedent]) -> str:
    """ "3 similar, all out of scope by @ana (latest 9f2c51ab)"; "" where there are none. The latest comes first."""
    if not precedents:
        return ""
    said = Counter(f"{p.disposition.value.replace('_', ' ')} by {by(p)}" for p in precedents)
    number = f"{len(precedents)} similar"
    if len(said) == 1:
        (only,) = said
        each, latest = ("all ", "latest ") if len(precedents) > 1 else ("", "")
        return f"{number}, {each}{only} ({latest}{precedents[0].report})"
    named = [f"{n} {what}" for what, n in said.most_common(4)]
    rest = len(precedents) - sum(n for _, n in said.most_common(4))
    return f"{number}: {', '.join(named)}" + (f", {rest} more" if rest else "")


def as_data(precedents: Sequence[Precedent], thread: Thread, follow_ups: Sequence[KeptReport]) -> dict[str, Any]:
    """What `triage show --json` adds to a report."""
    return {
        "similar": [
            {
                "report": p.report, "likeness": round(p.likeness, 2), "disposition": p.disposition.value,
                "decided_by": p.decided_by, "received_at": p.received_at.isoformat(),
            }
            for p in precedents
        ],
        "thread": {
            "follows": thread.first.short if thread.first else None,
            "claimed": thread.claimed or None,
            "follow_ups": [f.short for f in follow_ups],
        },
    }  # fmt: skip


def lines(precedents: Sequence[Precedent], thread: Thread, follow_ups: Sequence[KeptReport]) -> list[str]:
    """What `triage show` prints of it."""
    said = [f"  Similar   {in_one_line(precedents)}"] if precedents else []
    said += [
        f"    {p.report}  {p.received_at:%Y-%m-%d}  {p.likeness:.0%} alike, {p.disposition.value.replace('_', ' ')} by {by(p)}"
        for p in precedents[:LISTED]
    ]
    if thread.first:
        said.append(f"  Thread    a follow-up to {thread.first.short}")
    if thread.claimed:
        said.append(f"  Thread    names {thread.claimed}, which another sender sent: not joined to it")
    if follow_ups:
        said.append(f"  Thread    followed up by {', '.join(f.short for f in follow_ups)}")
    return said


# ------------------------------------------------------------------------------------------------ from the child


def traces_to_json(traces: Traces) -> dict[str, Any]:
    """Plain data, for json.dumps."""
    return {
        "signature": list(traces.signature), "message_id": traces.message_id, "references": list(traces.references),
        "sender": traces.sender, "domain": traces.domain, "proven": traces.proven, "words": traces.words,
    }  # fmt: skip


def traces_from_json(data: Any) -> Traces:
    """The traces, checked like any stranger's word. Raises ValueError for anything that traces_to_json does not make."""
    if not isinstance(data, Mapping) or set(data) != _TRACES or type(data["proven"]) is not bool:
        raise ValueError("traces")
    signature, references, message_id = data["signature"], data["references"], data["message_id"]
    if not isinstance(signature, list) or len(signature) not in {0, SIZE}:
        raise ValueError("signature")
    if not all(type(v) is int and 0 <= v <= LARGEST for v in signature):
        raise ValueError("signature")
    if not isinstance(references, list) or len(references) > REFERENCES:
        raise ValueError("references")
    return Traces(
        signature=tuple(signature),
        message_id=None if message_id is None else _short(message_id, _ID),
        references=tuple(_short(r, _ID) for r in references),
        sender=_short(data["sender"], _ADDRESS),
        domain=_short(data["domain"], _DOMAIN),
        proven=data["proven"],
        words=_short(data["words"], _WORDS),
    )


def _short(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("no text, or too long a one")
    return value
