"""A report's parts, and two voices made one probability."""

from __future__ import annotations

from dataclasses import replace

from make import make_report, model

from classifiers.fusion import Seen, is_worth_taking_apart, most_genuine_part
from classifiers.parts import MOST, find_parts
from classifiers.terms import Disposition, Evidence, Opinion, Place, Span

ITEMS = """Hello, I looked at your site and found this:

1. The X-Frame-Options header is missing on the login page of the shop.
2. The cookie _ga has no HttpOnly flag, as the browser's tools show.
3. With my own token I can read the invoices of any other customer by number.
"""


def seen(weight: float, *, speaks_for: bool = True) -> list[Evidence]:
    return [
        Evidence(
            source="rule:c.x", category="c", speaks_for=speaks_for, weight=weight, reason="r", where=Place.BODY
        )
    ]  # fmt: skip


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


def test_what_both_voices_say_counts_more() -> None:
    """More evidence never lowers a category; the model's doubt does."""
    weigh = model().fusion.of_category

    assert weigh([], 0.5) < weigh(seen(1.0), 0.5) < weigh(seen(3.0), 0.5)
    assert weigh(seen(3.0), 0.1) < weigh(seen(3.0), 0.9)


def test_the_dispositions_add_up_to_one_and_follow_the_model() -> None:
    """Whatever the evidence."""
    report = make_report("s", ITEMS)

    def told(headline: float, quiet: float) -> dict[Disposition, float]:
        opinion = Opinion(dispositions={"not_a_report": quiet, "incomplete": 0.01}, headline=headline)
        told = model().fusion.of_dispositions(Seen.of(report, (), (), opinion, ("c",)))
        assert abs(sum(told.values()) - 1) < 1e-9
        return told

    live = [told(p, 0.01)[Disposition.IN_SCOPE] for p in (0.05, 0.5, 0.95)]
    assert live == sorted(live)
    assert live[0] < live[-1]
    assert told(0.5, 0.05)[Disposition.NOT_A_REPORT] < told(0.5, 0.95)[Disposition.NOT_A_REPORT]


def test_a_subject_that_names_only_noise_speaks_against_a_finding_and_a_carve_out_takes_that_back() -> None:
    """Who reports says in the subject what it is; only what the policy excludes counts as noise."""
    opinion = Opinion(dispositions={"not_a_report": 0.01, "incomplete": 0.01})

    def live(*evidence: Evidence, excluded: tuple[str, ...] = ("c",)) -> float:
        told = model().fusion.of_dispositions(Seen.of(make_report("s", ITEMS), (), evidence, opinion, excluded))
        return told[Disposition.IN_SCOPE]

    body, *_ = seen(2.5)
    body = replace(body, span=Span(1, 0, 5))
    subject = replace(body, span=Span(0, 0, 1), where=Place.SUBJECT)
    assert live(subject) < live(body)
    assert live(subject) < live()
    assert live(subject) < live(subject, *seen(3.0, speaks_for=False))
    assert live(subject, excluded=()) == live()


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

    (sign,) = seen(2.0)
    there = replace(sign, source="sign:genuine.x", category="genuine", span=Span(1, 60, 70))
    assert part(0.5, 0.1) < part(0.9, 0.1)
    assert part(0.9, 0.9) < part(0.9, 0.1)
    assert part(0.5, 0.1) < part(0.5, 0.1, there)
    assert part(0.5, 0.1) == part(0.5, 0.1, replace(there, span=Span(1, 120, 130)))
    assert most_genuine_part(Seen.of(make_report("s", ITEMS), (), (), Opinion(), ("c",))) == 0.0


def test_beside_a_finding_a_category_needs_more() -> None:
    """What names an excluded thing in a genuine report is mostly about the finding."""
    weigh = model().fusion.of_category

    assert weigh(seen(2.0), 0.3, 1.0) < weigh(seen(2.0), 0.3, 0.0)
