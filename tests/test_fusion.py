"""Two voices made one probability."""

from __future__ import annotations

from dataclasses import replace

from make import make_report, model

from classifiers.fusion import Seen
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


def test_beside_a_finding_a_category_needs_more() -> None:
    """What names an excluded thing in a genuine report is mostly about the finding."""
    weigh = model().fusion.of_category

    assert weigh(seen(2.0), 0.3, 1.0) < weigh(seen(2.0), 0.3, 0.0)
