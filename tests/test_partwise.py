"""What a report's parts say of the whole: its most genuine one, by its length and by how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from classifiers.fusion import UNASKED, Seen, logit
from classifiers.partwise import most_genuine_part, no_report
from classifiers.terms import Span


def seen(parts: Sequence[tuple[int, float]]) -> Seen:
    """Parts by their length in characters, and how genuine the model holds each."""
    told = tuple((Span(1, 1000 * n, 1000 * n + length), {"in_scope": p}) for n, (length, p) in enumerate(parts))
    return Seen(groups={}, opinion=replace(UNASKED, parts=told), excluded=(), head=None, length=500)


def test_without_parts_none_is_genuine() -> None:
    """Then nothing speaks against the whole."""
    assert most_genuine_part(seen([])) == 0.0
    assert no_report(0.8, 0.0) == pytest.approx(0.8)


def test_a_few_words_count_by_their_length() -> None:
    """ "Here is my PoC" reads like a finding; from a hundred characters on a part counts whole."""
    some = [most_genuine_part(seen([(length, 0.95)])) for length in (15, 50, 100, 300)]

    assert some[0] < some[1] < some[2]
    assert some[2] == some[3]


def test_the_best_of_many_is_better_by_chance() -> None:
    """Of twenty parts that read alike the best proves less than one that is alone."""
    assert most_genuine_part(seen([(200, 0.9)] * 20)) < most_genuine_part(seen([(200, 0.9)]))
    assert most_genuine_part(seen([(200, 0.9)] + [(200, 0.1)] * 3)) > 0.5


def test_a_genuine_part_speaks_against_no_report_and_another_not_for_it() -> None:
    """A letter may hide a finding in one sentence; that no part reads like one proves nothing."""
    assert logit(no_report(0.8, 0.95)) < logit(0.8) - 1
    assert no_report(0.8, 0.2) == pytest.approx(0.8)
