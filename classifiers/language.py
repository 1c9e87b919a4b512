"""Which language a text is in, by its most frequent words."""

from __future__ import annotations

import re
from collections import Counter
from enum import StrEnum
from functools import lru_cache

from classifiers.text import fold

MOST_TRAINED = "en"  # what three quarters of the corpus are in


class Tongue(StrEnum):
    """How many examples there are of a language: of the first most, of the others few, and what is short tells none."""

    MOST = "most"
    SHORT = "short"
    OTHER = "other"

    @classmethod
    def of(cls, language: str) -> Tongue:
        return cls.MOST if language == MOST_TRAINED else cls.OTHER if language else cls.SHORT


# Frequent short words that are rare in the other languages of the list.
_FREQUENT = {
    "en": "the and is this that with you your are for not have can was from will of to it",
    "de": "der die das und ist nicht ein eine ich sie mit auf fur von wird werden kann dass auch",
    "fr": "le la les des est une dans pour que vous nous sur pas avec sont votre cette peut",
    "es": "el los las una que por con para del esta su se es como puede sin ustedes",
    "pt": "nao uma para com que por dos das os esta voce sua pode sem foi ao",
    "it": "il che di una per con non sono della gli nel questo puo alla anche",
    "nl": "het een van niet op zijn voor dat met wordt kan deze ook jullie",
    "pl": "nie jest na sie przez dla oraz mozna ktory tego jak ze",
    "tr": "ve bir bu icin ile olarak olan daha gibi degil",
    "id": "yang dan di ini dengan untuk pada dari tidak saya dapat",
    "sv": "och att det som inte ar en av jag med kan den",
    "ro": "si este pentru care nu sa din cu sunt pe",
    "vi": "cua va la cho khong co duoc toi mot cac",
    "hu": "az hogy nem egy es van meg ezt lehet",
    "cs": "je na se ze pro jako nebo byl jsem muze",
}
_OF: dict[str, list[str]] = {}
for _language, _words in _FREQUENT.items():
    for _word in _words.split():
        _OF.setdefault(_word, []).append(_language)
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = re.compile(r"[a-z]+")


def language(text: str) -> str:
    """The language of a text by its most frequent words: "en", "de", …; "other" for another script; "" if it cannot be told."""
    return _tongue(text[:3000])


@lru_cache(maxsize=256)
def _tongue(text: str) -> str:
    """Remembered for a batch of mails: the decision asks, and whoever answers."""
    text = fold(text).text
    words = (_ASCII_LETTERS if text.isascii() else _LETTERS).findall(text)
    letters = sum(map(len, words))
    if letters >= 40 and not text.isascii() and sum(len(w) for w in words if w[0] > "\u036f") > letters * 0.4:
        return "other"
    if len(words) < 12:
        return ""
    seen = Counter(words)
    counts: Counter[str] = Counter()
    for word in seen.keys() & _OF.keys():
        for name in _OF[word]:
            counts[name] += seen[word]
    best = max(_FREQUENT, key=lambda name: counts[name])
    if counts[best] < 0.06 * len(words) or counts[best] < 1.5 * counts["en"]:
        return "en" if counts["en"] >= 0.03 * len(words) else ""
    return best
