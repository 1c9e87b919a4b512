"""Whether the word stands in the report that shows its writer read the policy, and where. A fact, never a decision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import re2

from classifiers.regions import Region, RegionKind
from classifiers.terms import Acknowledgement, AcknowledgementState, Passage, Place, Report
from classifiers.text import Folded, fold, sentence_around

QUOTE = 80  # characters around the word; a sentence says no more about it
SHORTEST = 4  # letters of a word that may be misspelled: of shorter ones half the language is one letter away
_TOKEN = re.compile(r"\w+")
_RANK = {state: rank for rank, state in enumerate(AcknowledgementState)}
_SEEN = frozenset({Place.SUBJECT, Place.BODY, Place.HTML, Place.FORWARDED, Place.ATTACHMENT})
_JOINT = frozenset("@./&%?~+")
_LONGEST = 1_000_000  # characters of the report looked through


def find_acknowledgement(report: Report, regions: Sequence[Region], word: str) -> Acknowledgement:
    """The best place of the word; of equal places the first. Linear in the report's length."""
    best = Acknowledgement(state=AcknowledgementState.MISSING)
    if not word:
        return best
    wanted = fold(word, look_alikes=True).text
    left = _LONGEST
    for index, passage in enumerate(report.passages):
        folded = fold(passage.text[:left], look_alikes=True)
        left -= len(passage.text)
        if not _resembling(wanted).search(folded.text):
            continue
        for found in _in_passage(passage, folded, wanted, [r for r in regions if r.span.passage == index]):
            if _RANK[found.state] < _RANK[best.state] or (found.state is best.state and best.where is None):
                best = found
            if best.state is AcknowledgementState.FOUND:
                return best
        if left <= 0:
            break
    return best


def _in_passage(passage: Passage, folded: Folded, wanted: str, regions: Sequence[Region]) -> Iterator[Acknowledgement]:
    text = folded.text
    for start, end, kind in chain(_swallowed(text, wanted), _whole(text, wanted), _split(text, wanted)):
        state, where = kind, passage.place.value
        if state is AcknowledgementState.MISSING:
            where = _swallower(text, start, end)
        elif (joint := _joined(folded, start, end)) is not None:
            state, where = AcknowledgementState.MISSING, joint
        elif state is AcknowledgementState.FOUND:
            state = _by_place(passage.place, folded.original(start, end)[0], regions)
        elif passage.place not in _SEEN:
            continue  # a near miss in a quote or where nobody sees it says nothing
        first, last = folded.original(start, end)
        first, last = sentence_around(passage.text, first, last, QUOTE)
        yield Acknowledgement(state=state, where=where, quote=passage.text[first:last])


def _by_place(place: Place, at: int, regions: Sequence[Region]) -> AcknowledgementState:
    if place is Place.HIDDEN:
        return AcknowledgementState.HIDDEN_ONLY
    if any(r.kind is RegionKind.POLICY and r.span.start <= at < r.span.end for r in regions):
        return AcknowledgementState.POLICY_PASTE_ONLY
    return AcknowledgementState.FOUND if place in _SEEN else AcknowledgementState.QUOTED_ONLY


def _whole(text: str, wanted: str) -> Iterator[tuple[int, int, AcknowledgementState]]:
    """Words that are the wanted one, or one edit away from it."""
    states: dict[str, AcknowledgementState] = {}
    lengths = range(len(wanted) - 1, len(wanted) + 2)
    for word in [w for w in set(_TOKEN.findall(text)) if len(w) in lengths or wanted in w]:
        if word.strip("_") == wanted:
            states[word] = AcknowledgementState.FOUND
        elif len(word) in lengths and _is_near(word, wanted):
            states[word] = AcknowledgementState.NEAR_MISS
    for at, word in sorted((at, w) for w in states for at in _standing_alone(w, text)):
        start = at + (word.index(wanted) if states[word] is AcknowledgementState.FOUND else 0)
        yield start, start + len(word.strip("_")), states[word]


def _standing_alone(word: str, text: str) -> Iterator[int]:
    """Where a word stands that is not part of a longer one."""
    at = text.find(word)
    while at >= 0:
        beside = text[at - 1 : at] + text[at + len(word) : at + len(word) + 1]
        if not any(c.isalnum() or c == "_" for c in beside):
            yield at
        at = text.find(word, at + 1)


def _split(text: str, wanted: str) -> Iterator[tuple[int, int, AcknowledgementState]]:
    """The word with blanks, dots or dashes between its letters ("m-o-c-h-i", "mo chi")."""
    if len(wanted) < SHORTEST:
        return
    for found in _apart(wanted).finditer(text):
        if found[0] != wanted:
            yield found.start(), found.end(), AcknowledgementState.NEAR_MISS


def _swallowed(text: str, wanted: str) -> Iterator[tuple[int, int, AcknowledgementState]]:
    """Longer words that hold the wanted one. Letters of Chinese, Japanese and Korean end a word: they use no spaces."""
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if _letter(text[at - 1 : at]) or _letter(text[end : end + 1]):
            yield at, end, AcknowledgementState.MISSING
        elif _wide(text[at - 1 : at]) or _wide(text[end : end + 1]):
            yield at, end, AcknowledgementState.FOUND
        at = text.find(wanted, end)


def _letter(character: str) -> bool:
    return character.isalnum() and not _wide(character)


def _wide(character: str) -> bool:
    return character >= "\u2e80" and character.isalpha()


def _joined(folded: Folded, start: int, end: int) -> str | None:
    """What holds a whole word: an address, a URL or a host; None where it stands free."""
    text = folded.text
    before, after = text[start - 1 : start], text[end : end + 1]
    tied_before = before in _JOINT and text[start - 2 : start - 1].isalnum()
    tied_after = after in _JOINT and (text[end + 1 : end + 2].isalnum() or text[end + 1 : end + 2] == "/")
    # "…the guidelines.Mochi" and "mochi.Regards" lack a space; no host is written so.
    tied_before = tied_before and not (before == "." and _capital(folded, start))
    tied_after = tied_after and not (after == "." and _capital(folded, end + 1))
    return _swallower(text, start, end) if tied_before or tied_after or _in_url(text, start) else None


def _capital(folded: Folded, at: int) -> bool:
    return folded.source[folded.original(at, at + 1)[0]].isupper()


def _in_url(text: str, start: int) -> bool:
    chunk = text[max(0, start - 300) : start].split()
    return (
        bool(chunk) and not text[start - 1 : start].isspace() and ("://" in chunk[-1] or chunk[-1].startswith("www."))
    )


def _swallower(text: str, start: int, end: int) -> str:
    """What kind of thing holds the word at start."""
    first = max((text.rfind(c, max(0, start - 300), start) for c in ' \n\t<>"()[]'), default=-1) + 1
    last = min(
        (i for c in ' \n\t<>"()[],;' if (i := text.find(c, end, end + 300)) >= 0), default=min(len(text), end + 300)
    )
    whole = text[first:last]
    if "://" in whole or whole.startswith("www.") or "/" in whole:
        return "url"
    if "@" in whole:
        return "address"
    return "host" if "." in whole.strip(".!?") else "word"


@lru_cache(maxsize=16)
def _resembling(word: str) -> Any:
    """One linear search for anything that the closer looks could find: most mails hold nothing like the word."""
    forms = [r"[ .\n*_-]{0,2}".join(map(re.escape, word))]
    if len(word) >= SHORTEST:
        near = _near(word).pattern.replace(r"\w", ".")
        forms += [
            f"(?:^|[^a-z0-9_])(?:{near})(?:$|[^a-z0-9_])"
        ]  # RE2 knows only these letters; others are none the less looked at
    return re2.compile("|".join(forms))


@lru_cache(maxsize=16)
def _apart(word: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)" + r"[ .\n*_-]{0,2}".join(map(re.escape, word)) + r"(?!\w)")


@lru_cache(maxsize=1 << 12)
def _is_near(word: str, wanted: str) -> bool:
    return len(wanted) >= SHORTEST and bool(_near(wanted).fullmatch(word))


@lru_cache(maxsize=16)
def _near(word: str) -> re.Pattern[str]:
    """Words one edit away: a letter put in, left out, changed, or two neighbours swapped."""
    forms: set[str] = set()
    for i in range(len(word) + 1):
        forms.add(re.escape(word[:i]) + r"\w" + re.escape(word[i:]))
        if i < len(word):
            forms.add(re.escape(word[:i]) + r"\w" + re.escape(word[i + 1 :]))
            forms.add(re.escape(word[:i] + word[i + 1 :]))
        if i + 1 < len(word):
            forms.add(re.escape(word[:i] + word[i + 1] + word[i] + word[i + 2 :]))
    return re.compile("|".join(sorted(forms)))
