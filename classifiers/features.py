"""What the model may look at: the report's own words, hashed. The same for training and judging.

Hashed, because a vocabulary would carry words of private mail. Pasted requests, tool output and code are counted apart
from claims: a header's name inside a pasted response is no claim about headers.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from classifiers.regions import Region, RegionKind, prose
from classifiers.terms import Place, Report

BITS = 15
DIMENSIONS = 1 << BITS
CAP = 20_000  # characters of claims, and as many of pasted text: what a report says, it says by then

_URL = re.compile(r"https?://\S+|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b(?:/\S*)?")
_MAY_BE_URL = re.compile(r"\.[a-z0-9-]|://")  # most sentences hold neither, and this is found faster
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_ASCII_TOKEN = re.compile(r"[a-z]+|[0-9]+")  # the same of lower-cased ASCII, at half the price
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LONGEST = 24  # letters of a word; what is longer is cut
OPENING = 35  # words
# How much a zone's words count, and pairs of neighbouring ones. The subject says most, pasted text least: on reports
# that it was not trained on this moved the ranking more than anything else.
ZONES = {"t": (3.0, 3.0), "c": (1.0, 0.0), "w": (1.0, 0.5), "s": (1.0, 0.5), "p": (0.3, 0.0), "f": (1.0, 0.0)}
_HEADLINE = frozenset({"t", "c"})
GRAM = 4  # letters of the pieces that a subject's words are cut into: "clickjacking" and "click jacking" share most
_ENDINGS = ("ations", "ation", "ings", "ing", "edly", "ed", "ies", "es", "s", "ly")
SHORTEST_STEM = 4  # letters
# Odd constants that keep words, left and right neighbours apart.
_WORD, _LEFT, _RIGHT, _MIX = (
    np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_PASTED = frozenset({RegionKind.HTTP, RegionKind.CODE, RegionKind.TOOL, RegionKind.EXPORT})


_Zones = tuple[tuple[str, tuple[str, ...]], ...]  # by zone: the words that stood there


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A report as the model sees it: which places are filled, and how much each counts. Of Euclidean length 1."""

    index: npt.NDArray[np.intp]  # ascending, each once
    value: npt.NDArray[np.float64]
    _first: npt.NDArray[np.intp]  # where each stood first, in the order of _zones
    _zones: _Zones

    def name(self, i: int) -> str:
        """What filled the i-th place, for a person: a word, or two neighbours; "" for a piece of a word."""
        zone, name = self._term(i)
        return "" if zone == "c" else name

    def terms(self) -> list[str]:
        """Every feature by zone and name."""
        return [":".join(self._term(i)) for i in range(len(self.index))]

    def of_subject(self) -> Features:
        """What the subject alone fills; of length 1 too, or empty."""
        return _counted(tuple((zone, words) for zone, words in self._zones if zone in _HEADLINE))

    def _term(self, i: int) -> tuple[str, str]:
        at = int(self._first[i])
        for zone, words in self._zones:
            if at < len(words):
                return zone, words[at]
            at -= len(words)
            pairs = max(0, len(words) - 1) if ZONES[zone][1] else 0
            if at < pairs:
                return zone, f"{words[at]} {words[at + 1]}"
            at -= pairs
        raise IndexError(i)


def tokens(text: str) -> list[str]:
    """Words of lower-cased text; a host or URL is one word, a number another; Chinese and the like by pairs of letters."""
    if not text:
        return []
    text = text.lower()
    if _MAY_BE_URL.search(text):
        text = _URL.sub(" urlurl ", text)
    words = (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)
    odd = {w: _taken_apart(w) for w in set(words) if len(w) > LONGEST or not w.isascii() or w[0].isdigit()}
    return [piece for w in words for piece in odd.get(w, (w,))] if odd else words


def _taken_apart(word: str) -> tuple[str, ...]:
    if word[0].isdigit():
        return ("0000",) if len(word) == 4 else ("0",)
    if len(word) > 1 and _CJK.match(word):
        return tuple(word[i : i + 2] for i in range(min(len(word) - 1, 200)))
    return (word[:LONGEST],)


def _zones(report: Report, regions: Sequence[Region], unseen: str) -> _Zones:
    """The report's words by where they stood: title, all claims, what opens them, pasted text; and facts."""
    title: list[str] = []
    claims: list[str] = []
    for claim in prose(report, regions):
        (title if claim.place is Place.SUBJECT else claims).append(claim.text)
    body = _unsaid("\n".join(claims)[:CAP], unseen)
    pasted = "\n".join(
        report.passages[r.span.passage].text[r.span.start : r.span.end] for r in regions if r.kind in _PASTED
    )
    return _zoned(_unsaid(" ".join(title)[:1000], unseen), body, pasted[:CAP], _facts(report, regions, body))


def _zoned(title: str, body: str, pasted: str, facts: Iterable[str]) -> _Zones:
    subject, claimed = tokens(title), tokens(body)
    return (
        ("t", tuple(subject)),
        ("c", tuple(chain.from_iterable(map(_grams, subject)))),
        ("w", (*subject, *claimed)),
        ("s", tuple(claimed[:OPENING])),  # what opens a report says what it is
        ("p", tuple(tokens(pasted))),
        ("f", tuple(facts)),
    )


@lru_cache(maxsize=1 << 12)
def _grams(word: str) -> tuple[str, ...]:
    framed = f"<{word}>"
    return tuple(framed[i : i + GRAM] for i in range(max(1, len(framed) - GRAM + 1)))


def _facts(report: Report, regions: Sequence[Region], body: str) -> Iterator[str]:
    for kind in sorted({r.kind for r in regions}):
        yield f"region {kind.value}"
    yield _length(body)
    for export in report.exports:
        yield f"export {export}"
        yield "export"
    if report.automatic:
        yield f"automatic {report.automatic}"
        yield "automatic"


def _length(body: str) -> str:
    return f"length {min(12, int(math.log2(len(body) + 1)))}"


def _unsaid(text: str, word: str) -> str:
    return re.sub(re.escape(word), " ", text, flags=re.IGNORECASE) if word else text


def features(report: Report, regions: Sequence[Region], unseen: str = "") -> Features:
    """Words and pairs of neighbours, each by zone, at 1 + log of how often it occurs times its zone's weight, scaled to length 1.

    `unseen`: a word that must not count, as the one that a policy asks for.
    """
    return _counted(_zones(report, regions, unseen))


def _counted(zones: _Zones) -> Features:
    slots, weights = _slots(zones)
    index, first, counts = np.unique(slots, return_index=True, return_counts=True)
    value = (1.0 + np.log(counts)) * weights[first]
    return Features(index, value / (np.linalg.norm(value) or 1.0), first, zones)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Several texts as the model sees them, one below the other."""

    index: npt.NDArray[np.intp]  # of each text ascending, each once
    value: npt.NDArray[np.float64]  # of each text of Euclidean length 1
    starts: npt.NDArray[np.intp]  # where each text begins in both


def stacked(texts: Iterable[str], unseen: str = "") -> Stack:
    """The features of several texts, each as if it were all that was sent; of short ones the calls cost more than the counting."""
    bodies = [_unsaid(text[:CAP], unseen) for text in texts]
    found = [_slots(_zoned("", body, "", [_length(body)])) for body in bodies]
    rows = np.concatenate([slots + (row << BITS) for row, (slots, _) in enumerate(found)])
    weights = np.concatenate([weights for _, weights in found])
    index, first, counts = np.unique(rows, return_index=True, return_counts=True)
    value = (1.0 + np.log(counts)) * weights[first]
    starts = np.searchsorted(index, np.arange(len(found)) << BITS)
    return Stack(index & (DIMENSIONS - 1), unit_rows(value, starts), starts)


def unit_rows(value: npt.NDArray[np.float64], starts: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The same values, those of each row scaled to Euclidean length 1."""
    lengths = np.sqrt(np.add.reduceat(value * value, starts))
    lengths[lengths == 0.0] = 1.0
    scaled: npt.NDArray[np.float64] = value / np.repeat(lengths, np.diff(starts, append=len(value)))
    return scaled


def _slots(zones: _Zones) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The slot of every word and pair, in the order of the zones, and what it weighs."""
    places, weights = [np.zeros(0, dtype=np.uint64)], [0.0]
    for zone, words in zones:
        if not words:
            continue
        alone, paired = ZONES[zone]
        hashed = np.fromiter(map(_hash, words), dtype=np.uint64, count=len(words))
        places.append(hashed * _WORD + _hash(zone))
        weights.append(alone)
        if paired and len(words) > 1:
            places.append(hashed[:-1] * _LEFT + hashed[1:] * _RIGHT + _hash(zone))
            weights.append(paired)
    # The highest bits of a product are the best mixed (Knuth, The Art of Computer Programming, 6.4).
    slots = (np.concatenate(places) * _MIX) >> np.uint64(64 - BITS)
    return slots.astype(np.intp), np.repeat(weights, [len(p) for p in places])


@lru_cache(maxsize=1 << 16)
def _hash(word: str) -> int:
    """Of a word's stem; the same on every machine and Python."""
    return zlib.crc32(_stem(word).encode("utf-8", "replace"))


def _stem(word: str) -> str:
    """A word without the ending that English gives it, so that "spoofed", "spoofs" and "spoofing" are one."""
    ending = next((e for e in _ENDINGS if word.endswith(e) and len(word) - len(e) >= SHORTEST_STEM), "")
    return word.removesuffix(ending)
