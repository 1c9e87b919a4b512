"""What parts of a report are not its writer's claims, and what is left: the writer's own words.

Spans over unchanged text. A header's name inside a pasted response is no claim about headers, and a report that quotes
the policy's "SPF" says nothing of SPF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from classifiers.terms import Place, Report, Span

CAP = 200_000  # characters of a passage that are looked at; what a report says, it says by then


class RegionKind(StrEnum):
    HTTP = "http"  # a pasted request or response
    CODE = "code"  # fenced code, HTML, commands
    TOOL = "tool"  # what a tool printed
    EXPORT = "export"  # the whole of a mail that is a scanner's file
    POLICY = "policy"  # the policy's own sentences
    DISCLAIMED = "disclaimed"  # what the report says it is not about
    FURNITURE = "furniture"  # headings, references, signatures, footers


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """Characters of one passage, and what they are."""

    span: Span
    kind: RegionKind


@dataclass(frozen=True, slots=True)
class Claim:
    """A stretch of the writer's own words."""

    place: Place
    passage: int
    start: int
    text: str


OWN = frozenset({Place.SUBJECT, Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})


def prose(report: Report, regions: Sequence[Region]) -> Iterator[Claim]:
    """The writer's own words, in order: everything visible that lies in no region, quotes and hidden text left out."""
    cuts: dict[int, list[tuple[int, int]]] = {}
    for region in regions:
        cuts.setdefault(region.span.passage, []).append((region.span.start, region.span.end))
    for index, passage in enumerate(report.passages):
        if passage.place not in OWN or (passage.place is Place.ATTACHMENT and report.exports):
            continue
        text = passage.text[:CAP]
        at = 0
        for start, end in sorted(cuts.get(index, ())):
            if start > at and (piece := text[at:start]).strip():
                yield Claim(passage.place, index, at, piece)
            at = max(at, end)
        if text[at:].strip():
            yield Claim(passage.place, index, at, text[at:])


# What a subject may hold and still not say what the report is about.
_SAYS_NOTHING = re.compile(
    r"(?:about|alert|all|and|app|application|attention|bounty|bug|bugs|concern|critical|dear|disclosure|"
    r"domain|email|fix|for|found|from|fwd|hello|help|high|important|info|information|issue|issues|"
    r"low|mail|medium|message|new|note|notice|notification|our|please|poc|possible|potential|problem|"
    r"problems|program|public|regarding|report|reporting|reports|request|researcher|responsible|security|"
    r"serious|severe|severity|site|software|some|subject|submission|system|systems|team|that|the|there|"
    r"this|update|urgent|very|vuln|vulnerabilities|vulnerability|vulnerable|weakness|web|website|with|"
    r"you|your)"
)
_NAMED = re.compile(r"[^\W\d_]{3,}")
_HOST = re.compile(r"https?://\S+|\b[\w-]+(?:\.[\w-]+)+\b")
_ENDS = re.compile(r"[.!?](?=\s|$)|\n[ \t]*\n")
LONGEST_OPENING = 200  # characters


def opening(report: Report, regions: Sequence[Region]) -> Claim | None:
    """The first sentence, where the subject does not say what the report is about: then that sentence heads it."""
    subject = " ".join(p.text for p in report.passages if p.place is Place.SUBJECT)
    words = _NAMED.findall(_HOST.sub(" ", subject.lower()))
    if any(not _SAYS_NOTHING.fullmatch(word) for word in words):
        return None
    for claim in prose(report, regions):
        if claim.place is not Place.SUBJECT and _says_something(claim.text):
            return _first_sentence(claim)
    return None


def _first_sentence(claim: Claim) -> Claim:
    """The first that says something: greetings are passed over."""
    at = 0
    for stop in (*(m.end() for m in _ENDS.finditer(claim.text)), len(claim.text)):
        if _says_something(claim.text[at:stop]) or stop == len(claim.text):
            return Claim(claim.place, claim.passage, claim.start + at, claim.text[at : min(stop, at + LONGEST_OPENING)])
        at = stop
    return claim


def _says_something(text: str) -> bool:
    return sum(not _SAYS_NOTHING.fullmatch(word) for word in _NAMED.findall(text[:2000].lower())) > 1
