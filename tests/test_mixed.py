"""Mixed reports: which part is which, and that nothing else has parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from make import a_judge as judge
from make import make_report

from bot.answer import as_blind_data, as_data, for_people
from bot.ports import Letterhead
from classifiers.decision import decide
from classifiers.mixed import kinds_of, may_be_mixed, tell_apart
from classifiers.parts import MOST, Part
from classifiers.terms import (
    Disposition,
    Evidence,
    Finding,
    Opinion,
    PartKind,
    PartVerdict,
    Place,
    Report,
    Span,
    Verdict,
)

HEADERS = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "Referrer-Policy",
    "X-Content-Type-Options",
    "Permissions-Policy",
)
FIVE_AND_ONE = (
    "Found while reading your pages (mochi):\n\n"
    + "\n".join(f"- {name} is missing" for name in HEADERS)
    + "\n\nAnd one that worries me more: changing the id in PATCH /v1/users/1043 on api.planetscale.com lets me change the "
    "e-mail address of another user. I used my two test accounts, and the password reset mail came to me.\n\nJ.\n"
)
FOUR = """Hello team,

1. There is no SPF record for planetscale.com and DMARC is p=none.
2. TLS 1.0 is still enabled on the web server of the marketing site.
3. The cookie _ga of the marketing site has no HttpOnly flag.
4. The X-Frame-Options header is missing on the pricing page.

Please fix them. mochi
"""
EXCLUDED = PartKind.EXCLUDED


def told(verdict: Verdict) -> list[tuple[PartKind, str | None]]:
    """What the parts are, those left out of which nothing is known."""
    return [(p.kind, p.category) for p in verdict.parts if p.kind is not PartKind.UNTOLD]


# ------------------------------------------------------------------------------------------------ which part is which


@pytest.mark.parametrize("with_model", [True, False])
def test_five_header_remarks_and_one_finding(with_model: bool) -> None:
    """The list is one part with five remarks, the finding another; with the rules alone too."""
    verdict = judge(with_model=with_model).judge(make_report("Five missing headers, and an IDOR", FIVE_AND_ONE))

    assert verdict.disposition is Disposition.IN_SCOPE
    assert told(verdict) == [(EXCLUDED, "security_headers"), (PartKind.GENUINE, None)]
    headers, finding = (p for p in verdict.parts if p.kind is not PartKind.UNTOLD)
    assert headers.remarks == len(HEADERS)
    assert headers.sources == ("rule:security_headers.missing_header",)
    assert finding.quote.startswith("And one that worries me more")
    assert "sign:genuine.others_data" in finding.sources


def test_a_part_leads_back_to_its_place() -> None:
    """Its quote stands in its span, spans stand in the order of the mail and do not overlap."""
    report = make_report("Five missing headers, and an IDOR", FIVE_AND_ONE)
    end = 0
    for part in judge().judge(report).parts:
        assert part.span is not None
        passage = report.passages[part.span.passage]
        assert passage.place is part.where
        assert part.quote in passage.text[part.span.start : part.span.end]
        assert part.span.start >= end
        end = part.span.end


def test_a_list_of_four_excluded_kinds() -> None:
    """Each item with its own category, in order; none is genuine."""
    verdict = judge().judge(make_report("Vulnerabilities", FOUR))

    assert verdict.disposition is Disposition.OUT_OF_SCOPE
    assert told(verdict) == [
        (EXCLUDED, "email_authentication"), (EXCLUDED, "tls_configuration"),
        (EXCLUDED, "cookie_flags"), (EXCLUDED, "security_headers"),
    ]  # fmt: skip


def test_a_sentence_that_names_two_kinds_is_cut_between_them() -> None:
    """No full stop is needed."""
    body = "The web server of the marketing site still accepts TLS 1.0, and its _ga cookie is set without the HttpOnly flag."
    verdict = judge().judge(make_report("Two small things", body))

    assert told(verdict) == [(EXCLUDED, "tls_configuration"), (EXCLUDED, "cookie_flags")]
    tls, cookie = (p.quote for p in verdict.parts if p.category)
    assert tls.endswith("TLS 1.0, and its _ga")
    assert cookie == "cookie is set without the HttpOnly flag."


def test_what_speaks_against_a_part_stands_with_it() -> None:
    """A report that a carve-out sends to a person: the part it speaks of is contested, the others are not."""
    body = FOUR.replace("cookie _ga of the marketing site", "session cookie of the dashboard")
    verdict = judge().judge(make_report("Vulnerabilities", body))

    assert verdict.disposition is Disposition.NEEDS_REVIEW
    assert (PartKind.CONTESTED, "cookie_flags") in told(verdict)
    assert (EXCLUDED, "email_authentication") in told(verdict)


ONE_THING = {
    "one remark": "Your domain has no SPF record, so anyone can send mail in your name. Please publish one.\n\nmochi",
    "one kind many times": "\n".join(f"- The {name} header is missing on every page of the site." for name in HEADERS),
    "one finding": (
        "With a token of organization A I read the backups of organization B.\n\n1. Create two organizations.\n"
        "2. Request GET /v1/organizations/b/backups with the token of A.\n3. The answer holds the backups of B.\n"
    ),
    "a newsletter": (
        "This week: SPF and DMARC explained, how to set security headers, TLS 1.0 is dead.\n\n"
        "You get this mail because you subscribed. Unsubscribe here."
    ),
    "nothing": "",
}


@pytest.mark.parametrize("name", ONE_THING)
def test_what_is_one_thing_has_no_parts(name: str) -> None:
    """However many items or paragraphs it has."""
    assert judge().judge(make_report("A report", ONE_THING[name])).parts == ()


@pytest.mark.parametrize("body", [FIVE_AND_ONE, FOUR, *ONE_THING.values()])
def test_all_else_of_the_verdict_stays(body: str) -> None:
    """Telling parts apart decides nothing."""
    report = make_report("A report", body)
    rules = judge(with_model=False)
    verdict, regions = rules.judge(report), rules.regions(report)
    decided = decide(
        report, regions=regions, evidence=rules.rulebook.weigh_for(report, regions, frozenset(rules.policy.kinds)), opinion=None,
        fusion=rules.fusion, thresholds=rules.thresholds, policy=rules.policy, versions=rules.versions,
        acknowledgement=verdict.acknowledgement,
    )  # fmt: skip

    assert replace(verdict, parts=()) == decided


def test_many_parts_are_bounded_and_the_finding_stays() -> None:
    """Two hundred remarks of changing kinds, and the finding behind them."""
    pair = (
        "- TLS 1.0 is still enabled on the web server of the marketing site.\n"
        "- The X-Frame-Options header is missing on the pricing page of the site.\n"
    )
    finding = "\nBy changing the id in PATCH /v1/users/1043 I can change the e-mail address of any other user. IDOR.\n"
    verdict = judge(with_model=False).judge(make_report("Findings, and an IDOR", pair * 100 + finding))

    assert verdict.disposition is Disposition.IN_SCOPE
    assert len(verdict.parts) == MOST
    assert verdict.parts[-1].kind is PartKind.GENUINE


# ------------------------------------------------------------------------------------------------ by hand, without rules or model


def seen(category: str, source: str, text: str, report: Report, weight: float = 3.0) -> Evidence:
    """What a rule saw where this text stands in the body."""
    start = report.passages[1].text.index(text)
    return Evidence(
        source=source, category=category, speaks_for=True, weight=weight, reason="r",
        span=Span(1, start, start + len(text)), quote=text, where=Place.BODY,
    )  # fmt: skip


TWO = (
    "The first paragraph speaks of one remark that the policy excludes by name.\n\n"
    "The second paragraph tells calmly of something else, and no rule knows a word of it.\n"
)


def by_hand(disposition: Disposition, live: float) -> tuple[list[PartVerdict], list[str]]:
    """The parts of TWO where a rule saw its first paragraph and the model believes this of the second; what it was asked."""
    report = make_report("s", TWO)
    rule = seen("kind", "rule:kind.named", "one remark", report)
    finding = Finding(category="kind", probability=0.9, clause="Remarks", clause_kind="named", evidence=(rule,))
    verdict = Verdict(report=report.key, disposition=disposition, confidence=0.9, why="", categories=(finding,))
    asked: list[str] = []

    def ask(parts: Sequence[Part]) -> list[tuple[Span, dict[str, float]]]:
        asked.extend(part.text.strip() for part in parts)
        return [(part.span, {"in_scope": live, "kind": 0.1}) for part in parts]

    parts = tell_apart(
        report, (), verdict=verdict, stretches=(rule,), opinion=Opinion(), ask=ask
    )  # fmt: skip
    return list(parts), asked


@pytest.mark.parametrize(
    ("disposition", "live", "kinds"),
    [
        (Disposition.IN_SCOPE, 0.95, [EXCLUDED, PartKind.GENUINE]),
        (Disposition.IN_SCOPE, 0.6, [EXCLUDED, PartKind.GENUINE]),  # the likeliest: the finding stands somewhere
        (Disposition.IN_SCOPE, 0.3, []),
        (Disposition.NEEDS_REVIEW, 0.95, [EXCLUDED, PartKind.GENUINE]),
        (Disposition.NEEDS_REVIEW, 0.6, []),
        (Disposition.OUT_OF_SCOPE, 0.95, []),  # a card that recommends a dismissal calls no part genuine
    ],
)
def test_where_no_rule_fired_the_model_is_asked(disposition: Disposition, live: float, kinds: list[PartKind]) -> None:
    """And only there."""
    parts, asked = by_hand(disposition, live)

    assert [p.kind for p in parts] == kinds
    assert asked == [TWO.split("\n\n")[1].strip()]


def test_only_what_can_be_mixed_is_taken_apart() -> None:
    """Two categories, or one beside a possible finding; never mail that is no report."""
    finding = Finding(category="a", probability=0.9, clause="A", clause_kind="named")
    other = Finding(category="b", probability=0.9, clause=None, clause_kind=None)

    def mixed(disposition: Disposition, *findings: Finding) -> bool:
        verdict = Verdict(report="0" * 64, disposition=disposition, confidence=0.9, why="", categories=findings)
        return may_be_mixed(verdict, None)

    assert mixed(Disposition.OUT_OF_SCOPE, finding, other)
    assert mixed(Disposition.IN_SCOPE, finding)
    assert not mixed(Disposition.IN_SCOPE)
    assert not mixed(Disposition.OUT_OF_SCOPE, finding)
    assert not mixed(Disposition.NEEDS_REVIEW, finding)
    assert not mixed(Disposition.NOT_A_REPORT, finding, other)
    verdict = Verdict(
        report="0" * 64, disposition=Disposition.IN_SCOPE, confidence=1, why="", categories=(finding, other)
    )
    assert kinds_of(verdict) == {"a": EXCLUDED, "b": PartKind.NOT_EXCLUDED}


# ------------------------------------------------------------------------------------------------ told

HEAD = Letterhead(subject="Five missing headers, and an IDOR")


def test_the_json_names_each_part_with_clause_place_and_evidence() -> None:
    """Passage kind and offsets; nothing while an audit is open."""
    verdict = judge().judge(make_report("Five missing headers, and an IDOR", FIVE_AND_ONE))
    data = as_data("a.eml", verdict, HEAD)["parts"]

    assert [p["kind"] for p in data[:2]] == ["excluded", "genuine"]
    assert data[0]["category"] == "security_headers"
    assert data[0]["clause"] == "TLS and security header configuration suggestions"
    assert data[0]["clause_kind"] == "named"
    assert data[0]["evidence"] == ["rule:security_headers.missing_header"]
    assert (data[0]["where"], data[0]["passage"], data[0]["start"]) == ("body", 1, 0)
    assert FIVE_AND_ONE[data[1]["start"] : data[1]["end"]].strip().startswith("And one that worries me")
    assert (data[1]["category"], data[1]["clause"]) == (None, None)
    assert as_blind_data("a.eml", verdict, HEAD)["parts"] == []


def test_people_read_one_line_and_each_part() -> None:
    """ "1 genuine · 5 excluded", then where each stands; nothing of a report that is one thing."""
    verdict = judge().judge(make_report("Five missing headers, and an IDOR", FIVE_AND_ONE))
    said = for_people("a.eml", verdict, HEAD)

    assert "  Parts     1 genuine · 5 excluded: security_headers (5)\n" in said
    assert "    excluded security_headers (body, 0 to " in said
    assert "    genuine (body, " in said
    one = judge().judge(make_report("No SPF record", ONE_THING["one remark"]))
    assert "Parts" not in for_people("a.eml", one, HEAD)


def test_hostile_words_in_a_part_stay_words_on_a_terminal() -> None:
    """No control and no direction character comes through."""
    body = FIVE_AND_ONE.replace("worries me more: ", "worries me more \u202e\x1b[31m: ")
    said = for_people("a.eml", judge().judge(make_report("Headers, and an IDOR", body)), HEAD)

    assert "    genuine (body, " in said
    assert not {"\u202e", "\x1b"} & set(said)
