"""What the model may look at: the report's own words, hashed. The same for training and judging.

Hashed, because a vocabulary would carry words of private mail. Pasted requests, tool output and code are counted apart
from claims: a header's name inside a pasted response is no claim about headers.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from classifiers.regions import Region, RegionKind, prose
from classifiers.terms import Place, Report

BITS = 15
DIMENSIONS = 1 << BITS
CAP = 20_000  # characters of claims, and as many of pasted text: what a report says, it says by then

_URL = re.compile(r"https?://\S+|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b(?:/\S*)?")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LONGEST = 24  # letters of a word; what is longer is cut
_DAMPED = (0.0, *(1.0 + math.log(n) for n in range(1, 64)))
_PASTED = frozenset({RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL})


@dataclass(frozen=True, slots=True)
class Features:
    """A report as the model sees it: what occurs, where each lives, how much it counts. Of Euclidean length 1."""

    terms: tuple[str, ...]
    index: tuple[int, ...]
    value: tuple[float, ...]


def tokens(text: str) -> list[str]:
    """Words of lower-cased text; a host or URL is one word, a number another; Chinese and the like by pairs of letters."""
    words = _TOKEN.findall(_URL.sub(" urlurl ", text.lower()))
    odd = {w: _taken_apart(w) for w in set(words) if len(w) > LONGEST or not w.isascii() or w[0].isdigit()}
    return [piece for w in words for piece in odd.get(w, (w,))] if odd else words


def _taken_apart(word: str) -> tuple[str, ...]:
    if word[0].isdigit():
        return ("0000",) if len(word) == 4 else ("0",)
    if len(word) > 1 and _CJK.match(word):
        return tuple(word[i : i + 2] for i in range(min(len(word) - 1, 200)))
    return (word[:LONGEST],)


def terms(report: Report, regions: Sequence[Region]) -> Counter[str]:
    """Every feature by name, and how often it occurs."""
    title: list[str] = []
    claims: list[str] = []
    for claim in prose(report, regions):
        (title if claim.place is Place.SUBJECT else claims).append(claim.text)
    subject = tokens(" ".join(title)[:1000])
    body = "\n".join(claims)[:CAP]
    pasted = "\n".join(
        report.passages[r.span.passage].text[r.span.start : r.span.end] for r in regions if r.kind in _PASTED
    )
    return Counter(
        [
            *_grams("t", subject),
            *_grams("w", subject),
            *_grams("w", tokens(body)),
            *_grams("s", tokens(body[:200])),  # what opens a report says what it is
            *[f"p:{t}" for t in tokens(pasted[:CAP])],
            *_facts(report, regions, body),
        ]
    )


def _grams(zone: str, words: Sequence[str]) -> list[str]:
    """Each word, and each pair of neighbours."""
    return [f"{zone}:{w}" for w in words] + [f"{zone}:{a} {b}" for a, b in pairwise(words)]


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


def features(report: Report, regions: Sequence[Region]) -> Features:
    """1 + log of how often each feature occurs, scaled to length 1."""
    counts = terms(report, regions)
    values = [_DAMPED[n] if n < len(_DAMPED) else 1.0 + math.log(n) for n in counts.values()]
    norm = math.sqrt(math.fsum(v * v for v in values)) or 1.0
    return Features(tuple(counts), tuple(map(slot, counts)), tuple(v / norm for v in values))


def slot(term: str) -> int:
    """Where a feature lives: CRC-32, its low bits. The same on every machine and Python."""
    return zlib.crc32(term.encode("utf-8", "replace")) & (DIMENSIONS - 1)
