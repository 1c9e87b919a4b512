"""What the answers to audits count for, and when they stop a category."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from audits import IN, NOW, OUT, REVIEW, SPF, keys

from bot.audit import Audit, Clearance, live_rate, rates_by_ground, stopped, without_stopped
from bot.ports import KeptReport, RecordedVerdict, VerdictKind
from classifiers.terms import Disposition, Finding, Verdict


def audit(
    answer: Disposition | None, *categories: str, said: Disposition = OUT, at: datetime = NOW, n: int = 0
) -> Audit:
    key = keys(n + 1)[n]
    report = KeptReport(
        id=n, account="a", folder="INBOX", key=key, size=1, received_at=at, kept_at=at, truncated=False,
        attempts=1, from_junk=False, backlog=False, purged=False,
    )  # fmt: skip
    held = tuple(Finding(category=c, probability=0.9, clause="a clause", clause_kind="named") for c in categories)
    free = Finding(category="not_excluded", probability=0.9, clause=None, clause_kind=None)
    verdict = Verdict(report=key, disposition=said, confidence=0.9, why="w", categories=(*held, free))
    opinion = RecordedVerdict(
        id=1, report_id=n, kind=VerdictKind.AUDIT, verdict=verdict, decided_by="bot", decided_at=at
    )
    word = replace(
        opinion, id=2, kind=VerdictKind.PERSON, decided_by="person:ana", verdict=replace(verdict, disposition=answer or IN)
    )  # fmt: skip
    return Audit(report=report, opinion=opinion, answer=word if answer else None)


def test_only_answers_count() -> None:
    """Silence agrees with nothing; any dismissal agrees; each category a dismissal rests on has its share."""
    audits = [
        audit(IN, SPF), audit(OUT, SPF, "cookie_flags"), audit(Disposition.INCOMPLETE, "cookie_flags"),
        audit(None, SPF), audit(None, "public_files"), audit(IN, said=Disposition.NOT_A_REPORT),
    ]  # fmt: skip

    assert (live_rate(audits).part, live_rate(audits).whole) == (2, 4)
    assert {k: (r.part, r.whole) for k, r in rates_by_ground(audits).items()} == {
        SPF: (1, 2), "cookie_flags": (0, 2), "not_a_report": (1, 1),
    }  # fmt: skip
    assert live_rate([audit(None, SPF)]).whole == 0


@pytest.mark.parametrize(
    ("false", "agreed", "budget", "stops"),
    [
        (0, 0, 0.01, False),
        (0, 50, 0.0, False),  # none at all is never too many
        (1, 0, 0.01, True),
        (1, 9, 0.01, True),  # at least 1.8 %
        (1, 30, 0.01, False),  # it may be as little as 0.6 %
        (3, 30, 0.01, True),
        (3, 30, 0.05, False),
    ],
)
def test_a_category_stops_when_its_rate_surely_exceeds_the_budget(
    false: int, agreed: int, budget: float, stops: bool
) -> None:
    """By Wilson's lower bound; open audits change nothing."""
    audits = [audit(IN, SPF)] * false + [audit(OUT, SPF)] * agreed + [audit(None, SPF)] * 9

    assert stopped(audits, (), budget) == (frozenset({SPF}) if stops else frozenset())


def test_only_dismissals_made_after_a_clearance_count() -> None:
    """Somebody looked at those before; another category's clearance is no help."""
    audits = [audit(IN, SPF)]
    later = NOW + timedelta(days=1)
    cleared = Clearance(category=SPF, decided_by="person:ana", decided_at=later, reason="rule mended")

    assert stopped(audits, (replace(cleared, category="cookie_flags"),), 0.01) == {SPF}
    assert stopped(audits, (cleared,), 0.01) == frozenset()
    assert stopped([*audits, audit(IN, SPF, at=later + timedelta(hours=1))], (cleared,), 0.01) == {SPF}


def test_a_false_not_a_report_stops_no_category() -> None:
    """It rests on none: newsletters must not become a flood of cards."""
    assert stopped([audit(IN, SPF, said=Disposition.NOT_A_REPORT)], (), 0.01) == frozenset()


def test_what_rests_on_a_stopped_category_goes_to_a_person() -> None:
    """With a why that says so; anything else stays what it is."""
    verdict = audit(None, SPF, "cookie_flags").opinion.verdict

    sent = without_stopped(verdict, frozenset({SPF}))
    assert sent.disposition is REVIEW
    assert SPF in sent.why
    assert "audit" in sent.why
    assert sent.categories == verdict.categories
    assert without_stopped(verdict, frozenset({"public_files", "not_excluded"})) == verdict
    live = replace(verdict, disposition=IN)
    assert without_stopped(live, frozenset({SPF})) == live
