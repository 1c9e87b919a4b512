"""A report's parts, what they say by themselves, and what that means for the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from make import make_report

from classifiers.fusion import Seen
from classifiers.parts import MOST, find_parts
from classifiers.partwise import is_worth_taking_apart, most_genuine_part, no_report
from classifiers.terms import Evidence, Opinion, Place, Span

ITEMS = """Hello, I looked at your site and found this:

1. The X-Frame-Options header is missing on the login page of the shop.
2. The cookie _ga has no HttpOnly flag, as the browser's tools show.
3. With my own token I can read the invoices of any other customer by number.
"""


def test_list_items_are_parts_and_their_spans_lead_back() -> None:
    """Each where it stands in the passage; together they are the whole text."""
    report = make_report("s", ITEMS)
    parts = find_parts(report, ())

    assert [p.text.strip()[:2] for p in parts][-3:] == ["1.", "2.", "3."]
    for part in parts:
        passage = report.passages[part.span.passage].text
        assert passage[part.span.start : part.span.end] == part.text
    assert "".join(p.text for p in parts) == ITEMS


def test_one_paragraph_is_one_part_and_many_are_bounded() -> None:
    """A long text is not taken apart without end; the subject belongs to none."""
    assert [p.text for p in find_parts(make_report("s", "One short sentence about a header."), ())] == [
        "One short sentence about a header."
    ]
    assert len(find_parts(make_report("s", (ITEMS + "\n") * 200), ())) == MOST


def test_a_report_is_taken_apart_only_where_a_dismissal_is_near() -> None:
    """A category or no report in sight, and not plainly genuine; without parts none is genuine."""
    assert is_worth_taking_apart({"tls_configuration": 0.6, "in_scope": 0.3})
    assert is_worth_taking_apart({"not_a_report": 0.6, "in_scope": 0.1})
    assert not is_worth_taking_apart({"tls_configuration": 0.02, "in_scope": 0.3, "out_of_scope": 0.9})
    assert not is_worth_taking_apart({"tls_configuration": 0.6, "in_scope": 0.97})


def test_a_part_reads_more_genuine_by_its_signs_and_less_where_it_looks_like_something_excluded() -> None:
    """The most genuine part counts; a report without parts has none."""

    def part(live: float, noise: float, *evidence: Evidence) -> float:
        opinion = Opinion(
            parts=((Span(1, 0, 50), {"in_scope": 0.1}), (Span(1, 50, 99), {"in_scope": live, "c": noise}))
        )
        return most_genuine_part(Seen.of(make_report("s", ITEMS), (), evidence, opinion, ("c",)))

    there = Evidence(
        source="sign:genuine.x", category="genuine", speaks_for=True, weight=2.0, reason="r", span=Span(1, 60, 70), where=Place.BODY
    )  # fmt: skip
    assert part(0.5, 0.1) < part(0.9, 0.1)
    assert part(0.9, 0.9) < part(0.9, 0.1)
    assert part(0.5, 0.1) < part(0.5, 0.1, there)
    assert part(0.5, 0.1) == part(0.5, 0.1, replace(there, span=Span(1, 120, 130)))
    assert most_genuine_part(Seen.of(make_report("s", ITEMS), (), (), Opinion(), ("c",))) == 0.0


def test_a_few_words_count_by_their_length_and_the_best_of_many_for_less() -> None:
    """ "Here is my PoC" reads like a finding; and of twenty parts that read alike the best is one by chance."""

    def best(*parts: tuple[int, float]) -> float:
        """Of parts by their length in characters, and how genuine the model holds each."""
        told = tuple((Span(1, 999 * n, 999 * n + length), {"in_scope": p}) for n, (length, p) in enumerate(parts))
        return most_genuine_part(Seen.of(make_report("s", ITEMS), (), (), Opinion(parts=told), ("c",)))

    assert best((15, 0.95)) < best((50, 0.95)) < best((100, 0.95)) == best((300, 0.95))
    assert best(*[(200, 0.95)] * 20) < best((200, 0.95), *[(200, 0.1)] * 3) < best((200, 0.95))


def test_a_letter_is_no_report_the_less_surely_the_more_genuine_a_part_of_it_reads() -> None:
    """A part that does not read genuine proves nothing."""
    assert no_report(0.8, 0.99) < no_report(0.8, 0.9) < no_report(0.8, 0.5)
    assert no_report(0.8, 0.1) == no_report(0.8, 0.5) == no_report(0.8, 0.0) == pytest.approx(0.8)
