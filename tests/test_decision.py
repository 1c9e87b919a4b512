"""The decision: eight steps, the first that applies decides. Evidence and opinion are made by hand here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from make import make_report, policy

from classifiers.decision import decide
from classifiers.fusion import Thresholds, by_hand
from classifiers.regions import Region, RegionKind
from classifiers.terms import (
    Acknowledgement,
    AcknowledgementState,
    Attachment,
    Disposition,
    Evidence,
    Opinion,
    Report,
    Span,
    Verdict,
    Versions,
)

SPF = "email_authentication"
BY_HAND = Thresholds()
BODY = "Here is a sentence of the usual length, and then another one, so that there is something to judge. " * 4


def rule(category: str, name: str = "x", weight: float = 3.0, *, speaks_for: bool = True) -> Evidence:
    kind = "sign" if category in {"genuine", "not_a_report", "incomplete", "steps_to_reproduce"} else "rule"
    return Evidence(
        source=f"{kind if speaks_for else 'unless'}:{category}.{name}", category=category, speaks_for=speaks_for,
        weight=weight, reason="because",
    )  # fmt: skip


def believes(disposition: str = "out_of_scope", p: float = 0.95, **categories: float) -> Opinion:
    rest = (1 - p) / 3
    names = ("in_scope", "out_of_scope", "incomplete", "not_a_report")
    return Opinion(dispositions={n: p if n == disposition else rest for n in names}, categories=categories)


def parted(live: float, p: float = 0.7, **categories: float) -> Opinion:
    """A dismissal by the whole, and a second part that the model holds to be genuine with this probability."""
    parts = tuple((Span(1, at, at + 50), {"in_scope": x, SPF: 0.02}) for at, x in ((0, 0.01), (60, live)))
    return replace(believes(p=p, **categories), parts=parts)


def verdict(
    report: Report,
    evidence: list[Evidence],
    opinion: Opinion | None,
    regions: Sequence[Region] = (),
    at: Thresholds = BY_HAND,
) -> Verdict:
    return decide(
        report,
        regions=regions,
        evidence=evidence,
        opinion=opinion,
        fusion=by_hand(),
        thresholds=at,
        acknowledgement=Acknowledgement(state=AcknowledgementState.MISSING),
        policy=policy(),
        versions=Versions(rules="r", model="m", policy="p"),
    )


PDF = Attachment(name="report.pdf", media_type="application/pdf", size=90_000)

STEPS: list[tuple[str, dict[str, Any], list[Evidence], Opinion | None, Disposition]] = [
    ("1 encrypted", {"encrypted": "pgp"}, [rule(SPF)], believes(**{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("1 truncated", {"truncated": True}, [rule(SPF)], believes(**{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("1 unreadable", {"rung": 3}, [rule("not_a_report", weight=5)], believes("not_a_report"), Disposition.NEEDS_REVIEW),
    ("1 leans on an unread attachment", {"attachments": (PDF,), "passages": make_report("s", "see attached").passages}, [], believes("not_a_report"), Disposition.NEEDS_REVIEW),
    ("1 beats a genuine finding", {"encrypted": "smime"}, [rule("genuine", weight=5)], believes("in_scope"), Disposition.NEEDS_REVIEW),
    ("2 a genuine finding", {}, [rule("genuine", weight=4)], believes("in_scope", 0.7), Disposition.IN_SCOPE),
    ("2 a genuine finding beside excluded parts", {}, [rule("genuine", weight=4), rule(SPF)], believes("in_scope", 0.6, **{SPF: 0.9}), Disposition.IN_SCOPE),
    ("2 technical, and no clause excludes it", {}, [rule("genuine", weight=2)], believes("in_scope", 0.7), Disposition.IN_SCOPE),
    ("3 a carve-out", {}, [rule(SPF), rule(SPF, speaks_for=False)], believes(**{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("4 both: no report", {}, [rule("not_a_report")], believes("not_a_report"), Disposition.NOT_A_REPORT),
    ("4 the rules are silent and the model is all but sure", {}, [], believes("not_a_report", 0.99), Disposition.NOT_A_REPORT),
    ("4 the rules are silent and the model is not so sure", {}, [], believes("not_a_report", 0.8), Disposition.NEEDS_REVIEW),
    ("4 not against the model", {}, [rule("not_a_report", weight=5)], believes("in_scope", 0.8), Disposition.NEEDS_REVIEW),
    ("4 not with signs of a finding", {}, [rule("not_a_report"), rule("genuine", weight=3)], believes("not_a_report", 0.99), Disposition.NEEDS_REVIEW),
    ("4 though one weak sign stands alone against both", {}, [rule("not_a_report"), rule("genuine", weight=1.5)], believes("not_a_report", 0.99), Disposition.NOT_A_REPORT),
    ("4 a bounce by its headers", {"automatic": "bounce"}, [], believes("not_a_report", 0.6), Disposition.NOT_A_REPORT),
    ("4 a bounce that names what the policy excludes", {"automatic": "bounce"}, [rule(SPF, weight=5)], believes(p=0.7, **{SPF: 0.9}), Disposition.NOT_A_REPORT),
    ("5 a genuine part", {}, [rule(SPF)], parted(0.97, **{SPF: 0.9}), Disposition.IN_SCOPE),
    ("5 not where the whole is far from a finding", {}, [rule(SPF)], parted(0.97, 0.98, **{SPF: 0.9}), Disposition.OUT_OF_SCOPE),
    ("5 not a part that only may be genuine", {}, [rule(SPF)], parted(0.6, **{SPF: 0.9}), Disposition.OUT_OF_SCOPE),
    ("6 something technical left", {}, [rule(SPF), rule("genuine", weight=2)], believes(p=0.8, **{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("6 strong signs that the model does not believe", {}, [rule(SPF), rule("genuine", weight=3.5)], believes(**{SPF: 0.9}), Disposition.IN_SCOPE),
    ("6 the model sees a finding", {}, [rule(SPF)], believes("in_scope", 0.4, **{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("7 rules and model agree", {}, [rule(SPF)], believes(**{SPF: 0.9}), Disposition.OUT_OF_SCOPE),
    ("7 though one weak sign stands alone against both", {}, [rule(SPF), rule("genuine", weight=1.2)], believes(**{SPF: 0.9}), Disposition.OUT_OF_SCOPE),
    ("7 not what both voices see a finding in, far as the whole is from one", {}, [rule(SPF, weight=5), replace(rule("genuine", weight=3.2), span=Span(1, 60, 70))], parted(0.97, 0.995, **{SPF: 0.9}), Disposition.NEEDS_REVIEW),
    ("7 not the model alone", {}, [], believes(**{SPF: 0.97}), Disposition.NEEDS_REVIEW),
    ("7 not the rules alone", {}, [rule(SPF, weight=5)], believes("not_a_report", **{SPF: 0.05}), Disposition.NEEDS_REVIEW),
    ("8 both: incomplete", {}, [rule("incomplete")], believes("incomplete"), Disposition.INCOMPLETE),
    ("8 nothing known", {}, [], believes("out_of_scope", 0.4), Disposition.NEEDS_REVIEW),
    ("rules without a model dismiss", {}, [rule(SPF)], None, Disposition.OUT_OF_SCOPE),
    ("rules without a model, in doubt", {}, [rule(SPF), rule("genuine", weight=2)], None, Disposition.NEEDS_REVIEW),
    ("rules without a model, a finding", {}, [rule("genuine", weight=4)], None, Disposition.IN_SCOPE),
    ("nothing at all", {}, [], None, Disposition.NEEDS_REVIEW),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "evidence", "opinion", "expected"), [s[1:] for s in STEPS], ids=[s[0] for s in STEPS]
)
def test_the_first_step_that_applies_decides(
    changes: dict[str, Any], evidence: list[Evidence], opinion: Opinion | None, expected: Disposition
) -> None:
    """The README's eight steps, in their order, by the weights that are set by hand."""
    decided = verdict(replace(make_report("s", BODY), **changes), evidence, opinion)

    assert decided.disposition is expected, decided.why
    assert 0 <= decided.confidence <= 1
    assert decided.why


@pytest.mark.parametrize(
    ("signs", "part", "expected"),
    [
        (3.5, 0.99, Disposition.NEEDS_REVIEW),
        (3.5, 0.5, Disposition.OUT_OF_SCOPE),  # only the rules see one
        (2.0, 0.99, Disposition.OUT_OF_SCOPE),  # only the model does
    ],
)
def test_what_both_voices_see_in_one_part_is_not_dismissed(signs: float, part: float, expected: Disposition) -> None:
    """However sure the whole looks, and though the part is none that counts as a finding by itself."""
    sure = replace(BY_HAND, live=0.99, clear=0.98, part=1.0)
    decided = verdict(make_report("s", BODY), [rule(SPF), rule("genuine", weight=signs)], parted(part, **{SPF: 0.9}), at=sure)  # fmt: skip

    assert decided.disposition is expected, decided.why


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (0.99, Disposition.IN_SCOPE),  # they stand together in one part
        (0.6, Disposition.NOT_A_REPORT),  # here and there in a long mail
        (0.0, Disposition.IN_SCOPE),  # it has no parts
    ],
)
def test_signs_scattered_over_a_long_mail_make_no_finding(part: float, expected: Disposition) -> None:
    """Of a mail that both voices hold for none; a newsletter of many pages has each word somewhere."""
    letter = replace(believes("not_a_report", 0.99), parts=parted(part).parts if part else ())
    evidence = [rule("not_a_report", weight=5), rule("genuine", weight=3.5)]
    decided = verdict(make_report("s", BODY), evidence, letter, at=replace(BY_HAND, clear=0.0))

    assert decided.disposition is expected, decided.why


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BODY, Disposition.NOT_A_REPORT),
        ("Hier ist ein Satz von der Länge, die er hat, und dann noch ein anderer, und das ist nicht alles. " * 4, Disposition.NEEDS_REVIEW),
        ("Thanks, bye", Disposition.NEEDS_REVIEW),  # too short to tell
    ],
)  # fmt: skip
def test_each_tongue_has_a_threshold_of_its_own_for_no_report(body: str, expected: Disposition) -> None:
    """In other languages the model errs several times as often, and in a few words more than in many."""
    apart = replace(BY_HAND, not_a_report=0.5, not_a_report_short=0.9, not_a_report_other=0.9)
    decided = verdict(
        make_report("Hello to all", body), [rule("not_a_report")], believes("not_a_report", 0.3), at=apart
    )

    assert decided.disposition is expected, decided.why


def test_a_vetoed_category_is_considered_with_all_its_evidence() -> None:
    """It is not held, and a person sees both sides."""
    decided = verdict(make_report("s", BODY), [rule(SPF), rule(SPF, speaks_for=False)], believes(**{SPF: 0.9}))

    assert decided.categories == ()
    (considered,) = decided.considered
    assert {e.source.split(":")[0] for e in considered.evidence} == {"rule", "unless", "model"}


def test_in_what_a_tool_printed_the_model_names_no_category_by_itself() -> None:
    """A scanner's words are those of all its checks; where a person writes, the model may be right alone."""
    report = make_report("s", BODY)
    printed = (Region(span=Span(1, 0, len(BODY)), kind=RegionKind.TOOL),)

    assert [f.category for f in verdict(report, [], believes(**{SPF: 0.97})).categories] == [SPF]
    assert verdict(report, [], believes(**{SPF: 0.97}), printed).categories == ()
    assert [f.category for f in verdict(report, [rule(SPF)], believes(**{SPF: 0.97}), printed).categories] == [SPF]


def test_both_voices_are_shown_apart() -> None:
    """What rules and model would each say stands in the verdict."""
    decided = verdict(make_report("s", BODY), [rule(SPF)], believes("in_scope", 0.8, **{SPF: 0.6}))

    assert decided.rules_say == "out_of_scope"
    assert decided.model_says == "in_scope"


def test_a_category_no_clause_excludes_dismisses_nothing() -> None:
    """Another policy may leave a category out: then it is listed, without a clause."""
    open_policy = replace(policy(), clauses=tuple(c for c in policy().clauses if c.id != "spf"))
    decided = decide(
        make_report("s", BODY),
        regions=(), evidence=[rule(SPF, weight=5)], opinion=believes("out_of_scope", **{SPF: 0.95}),
        fusion=by_hand(), thresholds=Thresholds(), acknowledgement=Acknowledgement(state=AcknowledgementState.FOUND),
        policy=open_policy, versions=Versions(rules="", model="", policy=""),
    )  # fmt: skip

    assert decided.disposition is not Disposition.OUT_OF_SCOPE
    assert [(f.category, f.clause) for f in decided.categories] == [(SPF, None)]


def test_what_the_policy_requests_is_missing_until_a_sign_shows_it() -> None:
    """Steps shown are not missing; the word is never among what is missing."""
    decided = verdict(make_report("s", BODY), [rule("steps_to_reproduce")], None)

    assert decided.missing == ("software_and_versions",)
