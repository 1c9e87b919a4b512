"""Folding: what is compared, and the way back to what was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.text import SENTENCE, fold, sentence_around


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Mochi", "mochi"),
        ("\uff4d\uff4f\uff43\uff48\uff49", "mochi"),
        ("mo\u200bchi", "mochi"),
        ("möchï", "mochi"),
        ("mo\u0301chi", "mochi"),
        ("don\u2019t \u201cdo\u201d\u2014it", 'don\'t "do"-it'),
        ("Привет", "привет"),
        ("がぎぐ 한국어", "がぎぐ 한국어"),
        ("a\u00a0b", "a b"),
        ("straße", "strasse"),
    ],
)
def test_folding(written: str, folded: str) -> None:
    """One case, one width, no accents on European letters, nothing invisible; other scripts stay readable."""
    assert fold(written).text == folded


@given(st.text(max_size=200))
def test_every_folded_stretch_leads_back(text: str) -> None:
    """Any span of folded text is a span of the text as it stood, in order, inside it."""
    folded = fold(text)
    last = 0
    for i in range(len(folded.text)):
        start, end = folded.original(i, i + 1)
        assert 0 <= start <= end <= len(text)
        assert start >= last
        last = start


def test_the_way_back_counts_what_vanished() -> None:
    """A quote shows the word as it was written, invisible characters and all."""
    text = "say m\u200bo\u00adchi now"
    folded = fold(text)
    at = folded.text.index("mochi")

    start, end = folded.original(at, at + 5)

    assert text[start:end] == "m\u200bo\u00adchi"


@pytest.mark.parametrize(
    ("text", "word", "sentence"),
    [
        ("One. Two is here. Three.", "is", "Two is here."),
        ("Line one\nline two with it\nline three", "with", "line two with it"),
        ("alone", "alone", "alone"),
        ("Ask! Really? Yes.", "Really", "Really?"),
    ],
)
def test_a_sentence_ends_where_it_ends(text: str, word: str, sentence: str) -> None:
    """A quote is the whole sentence, no more."""
    start = text.index(word)
    first, last = sentence_around(text, start, start + len(word))

    assert text[first:last] == sentence


@given(st.text(alphabet="ab. \n", max_size=600), st.integers(0, 600), st.integers(0, 50))
def test_a_quote_is_never_longer_than_agreed(text: str, start: int, length: int) -> None:
    """Whatever the text, a quote holds at most 240 characters and lies inside it."""
    start = min(start, len(text))
    first, last = sentence_around(text, start, min(start + length, len(text)))

    assert 0 <= first <= last <= len(text)
    assert last - first <= SENTENCE
