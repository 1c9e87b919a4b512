"""Verdicts as JSON: nothing lost on the way, and nothing strange let in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from make import judge, make_report

from bot.codec import opinion_from_json, opinion_to_json, strip_text, verdict_from_json, verdict_to_json
from classifiers.parts import MOST
from classifiers.terms import Opinion, PartKind, PartVerdict, Place, Span

PARTS = (
    PartVerdict(
        kind=PartKind.EXCLUDED, where=Place.BODY, span=Span(1, 0, 23), category="email_authentication", remarks=1,
        sources=("rule:email_authentication.missing_spf",), live=0.02, quote="There is no SPF record.",
    ),
    PartVerdict(kind=PartKind.GENUINE, where=Place.BODY, span=Span(1, 62, 96), quote="Other users' invoices can be read."),
)  # fmt: skip


def some() -> dict[str, Any]:
    body = "There is no SPF record. The session cookie lacks HttpOnly. Other users' invoices can be read. mochi"
    verdict = replace(judge(make_report("SPF", body, (Place.HIDDEN, "x")), with_model=False), parts=PARTS)
    return json.loads(json.dumps(verdict_to_json(verdict)))  # type: ignore[no-any-return]


def test_a_verdict_survives_the_way() -> None:
    """To JSON and back it is equal, evidence, spans and all."""
    verdict = verdict_from_json(some())

    assert json.loads(json.dumps(verdict_to_json(verdict))) == some()
    assert verdict.categories
    assert verdict.considered
    assert verdict.signs
    assert verdict.parts == PARTS


def test_a_row_from_before_there_were_parts_is_read() -> None:
    """Rows outlive versions."""
    assert verdict_from_json({k: v for k, v in some().items() if k != "parts"}).parts == ()


def part(**change: Any) -> Any:
    """A verdict whose first part was changed so."""
    return lambda d: d | {"parts": [d["parts"][0] | change]}


STRANGE: dict[str, Any] = {
    "an unknown key": lambda d: d | {"more": 1},
    "a missing key": lambda d: {k: v for k, v in d.items() if k != "why"},
    "an unknown disposition": lambda d: d | {"disposition": "fine"},
    "a number for a text": lambda d: d | {"why": 3},
    "no number": lambda d: d | {"confidence": float("nan")},
    "a truth value for a number": lambda d: d | {"confidence": True},
    "above one": lambda d: d | {"confidence": 1.5},
    "a list too long": lambda d: d | {"missing": ["x"] * 2000},
    "a text too long": lambda d: d | {"why": "x" * 10_000},
    "a key that is none": lambda d: d | {"report": "../../etc/passwd"},
    "no list": lambda d: d | {"categories": {"a": 1}},
    "evidence that is none": lambda d: d | {"signs": [[]]},
    "a strange state": lambda d: d | {"acknowledgement": {"state": "yes", "where": None, "quote": ""}},
    "a bad span": lambda d: d | {"signs": [d["signs"][0] | {"span": [0, -1, 2]}]},
    "a bad clause kind": lambda d: d | {"categories": [d["categories"][0] | {"clause_kind": "maybe"}]},
    "too many parts": lambda d: d | {"parts": d["parts"][:1] * (MOST + 1)},
    "a part that is none": lambda d: d | {"parts": ["genuine"]},
    "a part of a strange kind": part(kind="fine"),
    "a part with more": part(more=1),
    "a part whose place is none": part(where="everywhere"),
    "a part with a bad span": part(span=[1, 2]),
    "a part without its category": part(category=None),
    "a finding with a category": part(kind="genuine"),
    "a part with a strange count": part(remarks=-1),
    "a part with a truth value for a count": part(remarks=True),
    "a part with a probability above one": part(live=1.5),
    "a part with sources that are none": part(sources=[1]),
    "a part with a quote too long": part(quote="x" * 10_000),
    "nothing": lambda _: None,
    "a list": lambda _: [],
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_we_did_not_write_is_refused(name: str) -> None:
    """ValueError, whatever is strange."""
    with pytest.raises(ValueError):  # noqa: PT011 - its words are for nobody
        verdict_from_json(STRANGE[name](some()))


OPINION = Opinion(
    categories={"tls_configuration": 0.25}, dispositions={"in_scope": 0.5}, words=(("in_scope", "idor", -0.5),)
)


def test_an_opinion_survives_the_way() -> None:
    """To JSON and back it is equal; an empty one too."""
    for opinion in (OPINION, Opinion()):
        assert opinion_from_json(json.loads(json.dumps(opinion_to_json(opinion)))) == opinion


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1}, {"categories": []}, {"categories": {"a": 1.5}}, {"dispositions": {"a": "x"}}, {"words": [["a", "b"]]},
        {"words": [["a", 1, 0.5]]}, {"words": [["a", "b", float("inf")]]}, {"categories": {"x" * 9000: 0.5}},
    ],
)  # fmt: skip
def test_an_opinion_that_we_did_not_write_is_refused(change: dict[str, Any]) -> None:
    """Like a verdict."""
    with pytest.raises(ValueError):  # noqa: PT011 - its words are for nobody
        opinion_from_json(opinion_to_json(OPINION) | change)


def test_a_stripped_verdict_holds_no_word_of_the_mail() -> None:
    """Facts and our own sentences stay."""
    stripped = strip_text(verdict_from_json(some()))
    text = json.dumps(verdict_to_json(stripped))

    for word in ("HttpOnly", "invoices", "no SPF"):
        assert word not in text.replace("it says that an SPF record is missing", "")
    assert stripped.categories
    assert [(p.kind, p.category, p.span) for p in stripped.parts] == [(p.kind, p.category, None) for p in PARTS]
    assert stripped.acknowledgement.state.value == "found"
