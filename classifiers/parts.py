"""A report's parts: list items, paragraphs, groups of sentences. A mixed report hides its one finding in one of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifiers.regions import Region, prose
from classifiers.terms import Place, Report, Span

MOST = 24
SHORTEST = 40  # characters; what is shorter belongs to what follows
LONGEST = 320  # a paragraph beyond it is taken apart at its full stops
_BREAK = re.compile(
    r"\n[ \t]*\n|\n(?=[ \t>]*(?:[-*\u2022+]|\(?\d{1,2}[.):]|#{1,5})[ \t])"
    r"|\n(?=[ \t]*(?i:low|medium|high|critical|info|vuln\w*|issue|finding|bug)\b[ \t]?[\d:#\u2013-])"
)
_STOP = re.compile(r"(?<=[.!?;:])[ \t\n]+(?=[^\s])|\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part and where it stands."""

    span: Span
    text: str


def find_parts(report: Report, regions: Sequence[Region]) -> tuple[Part, ...]:
    """The parts of the writer's own words, in order, subject aside. A text of one part is judged without its subject."""
    parts: list[Part] = []
    for claim in prose(report, regions):
        if claim.place is Place.SUBJECT:
            continue
        for start, end in _pieces(claim.text):
            span = Span(claim.passage, claim.start + start, claim.start + end)
            parts.append(Part(span, claim.text[start:end]))
            if len(parts) >= MOST:
                return tuple(parts)
    return tuple(parts)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for end in (*(m.start() for m in _BREAK.finditer(text)), len(text)):
        if len(text[at:end].strip()) < SHORTEST and end < len(text):
            continue
        yield from _sentences(text, at, end)
        at = end


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretch whole, or in groups of sentences where it is long."""
    if end - start <= LONGEST:
        if text[start:end].strip():
            yield start, end
        return
    at = start
    for stop in (*(m.start() for m in _STOP.finditer(text, start, end)), end):
        if stop - at >= LONGEST // 2 or stop == end:
            if text[at:stop].strip():
                yield at, stop
            at = stop
