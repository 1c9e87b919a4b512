"""What the model may look at: the report's own words, hashed. The same for training and judging.

Hashed, because a vocabulary would carry words of private mail. Pasted requests, tool output and code are counted apart
from claims: a header's name inside a pasted response is no claim about headers.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence

from classifiers.regions import Region, RegionKind, prose
from classifiers.terms import Place, Report

BITS = 15
DIMENSIONS = 1 << BITS
CAP = 20_000  # characters of claims, and as many of pasted text: what a report says, it says by then

_URL = re.compile(r"https?://\S+|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b(?:/\S*)?")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PASTED = frozenset({RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL})


def tokens(text: str) -> Iterator[str]:
    """Words of lower-cased text; a host or URL is one word, a number another; Chinese and the like by pairs of letters."""
    for found in _TOKEN.finditer(_URL.sub(" urlurl ", text.lower())):
        word = found[0]
        if word[0].isdigit():
            yield "0" if len(word) != 4 else "0000"
        elif len(word) > 1 and _CJK.match(word):
            yield from (word[i : i + 2] for i in range(min(len(word) - 1, 200)))
        else:
            yield word[:24]


def terms(report: Report, regions: Sequence[Region]) -> Iterator[str]:
    """Every feature by name, as often as it occurs."""
    title: list[str] = []
    claims: list[str] = []
    for claim in prose(report, regions):
        (title if claim.place is Place.SUBJECT else claims).append(claim.text)
    yield from _grams("t", " ".join(title)[:1000])
    yield from _grams("w", " ".join(title)[:1000])
    body = "\n".join(claims)[:CAP]
    yield from _grams("w", body)
    yield from _grams("s", body[:200])  # what opens a report says what it is
    pasted = "\n".join(
        report.passages[r.span.passage].text[r.span.start : r.span.end] for r in regions if r.kind in _PASTED
    )
    yield from (f"p:{t}" for t in tokens(pasted[:CAP]))
    yield from _facts(report, regions, body)


def _grams(zone: str, text: str) -> Iterator[str]:
    before = ""
    for token in tokens(text):
        yield f"{zone}:{token}"
        if before:
            yield f"{zone}:{before} {token}"
        before = token


def _facts(report: Report, regions: Sequence[Region], body: str) -> Iterator[str]:
    for kind in {r.kind for r in regions}:
        yield f"f:region {kind.value}"
    yield f"f:length {min(12, int(math.log2(len(body) + 1)))}"
    for export in report.exports:
        yield f"f:export {export}"
        yield "f:export"
    if report.automatic:
        yield f"f:automatic {report.automatic}"
        yield "f:automatic"


def vector(report: Report, regions: Sequence[Region]) -> dict[int, float]:
    """Index -> value, of Euclidean length 1: 1 + log of how often each feature occurs. Empty for a report without words."""
    counts: dict[str, int] = {}
    for term in terms(report, regions):
        counts[term] = counts.get(term, 0) + 1
    values: dict[int, float] = {}
    for term, n in counts.items():
        index = slot(term)
        values[index] = values.get(index, 0.0) + 1.0 + math.log(n)
    norm = math.sqrt(sum(v * v for v in values.values()))
    return {i: v / norm for i, v in values.items()} if norm else {}


def slot(term: str) -> int:
    """Where a feature lives: CRC-32, its low bits. The same on every machine and Python."""
    return zlib.crc32(term.encode("utf-8", "replace")) & (DIMENSIONS - 1)
