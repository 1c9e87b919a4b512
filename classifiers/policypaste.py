"""Where a report pastes sentences of the policy itself, which hold every word that rules look for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from classifiers.text import fold

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")  # the same of folded ASCII, at half the price
_RUN = 4  # words that must stand in the policy in this order
PASTE = 8  # words in a row of such runs that make a pasted sentence; a whole clause may be shorter


def _words_of(folded: str) -> list[str]:
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


@lru_cache(maxsize=8)
def _runs(policy_texts: tuple[str, ...]) -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """All runs of words of the policy, and its clauses whole."""
    runs: set[tuple[str, ...]] = set()
    whole: set[tuple[str, ...]] = set()
    for text in policy_texts:
        words = _words_of(fold(text).text)
        runs |= {tuple(words[i : i + _RUN]) for i in range(len(words) - _RUN + 1)}
        if len(words) >= _RUN:
            whole.add(tuple(words))
    return frozenset(runs), frozenset(whole)


@lru_cache(maxsize=8)
def _beginnings(policy_texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(run[0] for run in _runs(policy_texts)[0])


def find_pasted_policy(text: str, policy_texts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Eight words in a row and more that stand in the policy so, and whole clauses that are shorter."""
    if not policy_texts:
        return
    runs, whole = _runs(policy_texts)
    begins = _beginnings(policy_texts)
    folded = fold(text)
    words = _words_of(folded.text)
    hits = [i for i, word in enumerate(words) if word in begins and tuple(words[i : i + _RUN]) in runs]
    if not hits:
        return
    at = [m.span() for m in _WORD.finditer(folded.text)]
    while hits:
        first = last = hits.pop(0)
        while hits and hits[0] == last + 1:
            last = hits.pop(0)
        end = last + _RUN
        if end - first >= PASTE or tuple(words[first:end]) in whole:
            yield folded.original(at[first][0], at[end - 1][1])
