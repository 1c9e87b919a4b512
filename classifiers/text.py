"""Text made comparable: case, width, accents, invisible characters and look-alike letters folded, with the way back.

Mail may be written so that a person sees a word and a program does not. Whatever is found in folded text is quoted from
the text as it stood.
"""

from __future__ import annotations

import bisect
import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_OTHER = re.compile(r"[^\x00-\x7f]+")

# Default-ignorable code points (Unicode 15, DerivedCoreProperties): drawn as nothing.
_INVISIBLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip

_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\u2022", "-")
    | dict.fromkeys("\u2028\u2029\u0085", "\n")
)

# Letters of other scripts that are drawn like a Latin one. Applied to one word we look for, never to whole texts:
# a Russian sentence must stay Russian.
_DRAWN_ALIKE = {
    "a": "\u0430\u03b1\uff41\u0251",
    "b": "\u042c\u0184",
    "c": "\u0441\u03f2\u2ca5\u1d04",
    "d": "\u0501",
    "e": "\u0435\u03b5\u0454\u04bd",
    "f": "\u017f",
    "g": "\u0261\u0581",
    "h": "\u04bb\u0570\u029c\u043d",
    "i": "\u0456\u03b9\u0131\u0269\u2c93\u026a",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba",
    "l": "\u04cf\u217c",
    "m": "\u043c\u03fb\u2c99\u1d0d",
    "n": "\u0578\u057c",
    "o": "\u043e\u03bf\u0585\u2c9f\u1d0f\u03c3",
    "p": "\u0440\u03c1",
    "q": "\u051b\u0566",
    "r": "\u0433",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "u": "\u03c5\u057d\u0446",
    "v": "\u03bd\u0475",
    "w": "\u051d\u0448\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3\u04af",
    "z": "\u1d22",
}
_LOOK_ALIKES = str.maketrans({letter: latin for latin, letters in _DRAWN_ALIKE.items() for letter in letters})


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text, and where each of its characters stood in `source`."""

    text: str
    source: str
    steps: tuple[tuple[int, int], ...]  # (position in text, position in source); between them both count alike

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the source that folded text from start to end was made of."""
        if end <= start:
            at = self._back(start)
            return at, at
        return self._back(start), self._back(end - 1) + 1

    def _back(self, position: int) -> int:
        i = max(bisect.bisect_right(self.steps, (position, len(self.source))) - 1, 0)
        here, there = self.steps[i]
        # One character may have become several ("1/4"): none of them leads beyond the next step.
        limit = self.steps[i + 1][1] if i + 1 < len(self.steps) else len(self.source)
        return max(there, min(there + position - here, limit - 1))


def fold(text: str, *, look_alikes: bool = False) -> Folded:
    """Lower case, one width, no accents on European letters, nothing invisible, plain quotes and dashes."""
    if text.isascii():
        return Folded(text.lower(), text, ((0, 0),))
    pieces: list[str] = []
    steps: list[tuple[int, int]] = [(0, 0)]
    length = done = 0
    for run in _OTHER.finditer(text):
        plain = text[done : run.start()].lower()
        pieces.append(plain)
        length += len(plain)
        for offset, character in enumerate(run[0], run.start()):
            folded = _fold_one(character, look_alikes)
            steps.append((length, offset))
            pieces.append(folded)
            length += len(folded)
        done = run.end()
        steps.append((length, done))
    pieces.append(text[done:].lower())
    return Folded("".join(pieces), text, _thinned(steps))


def _thinned(steps: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Of steps at one position of the folded text the last: what vanished stands before it."""
    kept: list[tuple[int, int]] = []
    for step in steps:
        if kept and kept[-1][0] == step[0]:
            kept[-1] = step
        else:
            kept.append(step)
    return tuple(kept)


def invisible(character: str) -> bool:
    """Whether it is drawn as nothing, wherever it stands."""
    code = ord(character)
    return any(low <= code <= high for low, high in _INVISIBLE)


@lru_cache(maxsize=8192)
def _fold_one(character: str, look_alikes: bool) -> str:
    if invisible(character):
        return ""
    code = ord(character)
    if 0x0300 <= code <= 0x036F or 0x1AB0 <= code <= 0x1AFF or 0x20D0 <= code <= 0x20FF:  # combining marks
        return ""
    folded = unicodedata.normalize("NFKC", character).casefold().translate(_PLAIN)
    if len(folded) > 4:  # one character that stands for a sentence (U+FDFA): nothing that we look for
        return character
    folded = "".join(_bare(c) for c in folded)
    if look_alikes:
        folded = folded.translate(_LOOK_ALIKES)
    return "\n" if folded == "\n" else (" " if folded.isspace() else folded)


def _bare(character: str) -> str:
    """A European letter without its accent; others as they are: in Japanese or Hangul the parts are the letter."""
    if ord(character) < 0x0530 or 0x1E00 <= ord(character) <= 0x1FFF:
        return "".join(c for c in unicodedata.normalize("NFD", character) if unicodedata.category(c) != "Mn")
    return character


SENTENCE = 240  # characters of a quote, at most


def sentence_around(text: str, start: int, end: int, limit: int = SENTENCE) -> tuple[int, int]:
    """Where the sentence that holds text[start:end] begins and ends: at a line end or a full stop, at most `limit` long."""
    end = min(end, start + limit)
    room = limit - (end - start)
    before = text[max(0, start - room) : start]
    cut = max(before.rfind("\n"), *(before.rfind(s) + 1 if s in before else -1 for s in (". ", "! ", "? ")))
    first = start - (len(before) - cut - 1) if cut >= 0 else start - len(before)
    after = text[end : end + limit - (end - first)]
    stops = [i for s in ("\n", ". ", "! ", "? ") if (i := after.find(s)) >= 0]
    last = end + (min(stops) + (after[min(stops)] != "\n") if stops else len(after))
    while first < start and text[first].isspace():
        first += 1
    while last > end and text[last - 1].isspace():
        last -= 1
    return first, last


def printable(text: str, limit: int = 200) -> str:
    """Text of strangers for a terminal: no control, format or bidi characters, one line, at most `limit` characters."""
    flat = " ".join(text.split())
    safe = "".join(
        c if c.isprintable() and unicodedata.category(c) not in {"Cf", "Co", "Cs"} else "\ufffd" for c in flat
    )
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def json_line(data: object) -> str:
    """JSON in one line, for programs and safe on any terminal: of strangers' text all that is no printable stands as an escape."""
    told = json.dumps(data, ensure_ascii=False)
    return told if told.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in told)
