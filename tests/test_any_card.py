"""Cards, details, digests and modals of any words at all: Slack takes them, and they stay clean."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace

from cardviews import TAKEN, recorded, spf, view, words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.local.slack.limits import block_problem, view_problem
from bot.ports import Letterhead, VerdictKind
from bot.slack.cards import card
from bot.slack.details import details
from bot.slack.digest import DigestLine, digest
from bot.slack.modal import change, why
from bot.slack.shown import shown
from bot.slack.view import Tier
from classifiers.terms import (
    Acknowledgement,
    AcknowledgementState,
    Disposition,
    Evidence,
    Finding,
    PartKind,
    PartVerdict,
    Place,
    Verdict,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["&" * 300, "<" * 240, "\U0001f4a5" * 300, "a.b@" * 80, "x" * 2000, "", "http://a.example " * 30]
)
EVIDENCE = st.builds(
    Evidence, source=st.sampled_from(["rule:a.b", "unless:a.c", "model"]), category=st.just("a"),
    speaks_for=st.booleans(), weight=st.floats(0, 5), reason=TEXT, quote=TEXT, where=st.sampled_from(Place),
)  # fmt: skip
FINDING = st.builds(
    Finding, category=TEXT, probability=st.floats(0, 1), clause=st.none() | TEXT,
    clause_kind=st.sampled_from([None, "named", "by_extension"]),
    evidence=st.lists(EVIDENCE, max_size=12).map(tuple),
)  # fmt: skip
PART = st.builds(
    PartVerdict, kind=st.sampled_from(PartKind), where=st.sampled_from(Place), span=st.none(), category=st.none() | TEXT,
    remarks=st.integers(0, 1000), sources=st.lists(TEXT, max_size=8).map(tuple), live=st.none() | st.floats(0, 1), quote=TEXT,
)  # fmt: skip
VERDICT = st.builds(
    Verdict, report=st.just("0" * 64), disposition=st.sampled_from(Disposition), confidence=st.floats(0, 1), why=TEXT,
    categories=st.lists(FINDING, max_size=12).map(tuple), considered=st.lists(FINDING, max_size=12).map(tuple),
    signs=st.lists(EVIDENCE, max_size=12).map(tuple), parts=st.lists(PART, max_size=24).map(tuple), defects=st.lists(TEXT, max_size=12).map(tuple),
    acknowledgement=st.builds(Acknowledgement, state=st.sampled_from(AcknowledgementState), where=st.none() | st.just("body"), quote=TEXT),
)  # fmt: skip
LETTERHEAD = st.none() | st.builds(
    Letterhead, subject=TEXT, sender=TEXT, message_id=st.none(), attachments=st.lists(TEXT, max_size=9).map(tuple)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(VERDICT, LETTERHEAD, st.sampled_from(Tier), TEXT)
def test_slack_takes_any_card(verdict: Verdict, head: Letterhead | None, tier: Tier, reason: str) -> None:
    """Whatever the words: within all of Slack's limits, the word's line is there, and no half escape."""
    persons = recorded(verdict, VerdictKind.PERSON, "person:ana", reason)
    drawn = view(verdict, tier, head, by=persons, history=(recorded(verdict), persons))
    pressed = replace(view(verdict, tier, head), pressable=True, taken=TAKEN)

    assert block_problem(*reversed(card(pressed))) == ("", [])
    assert view_problem(change(pressed, "C0TRIAGE")) == ("", [])
    assert view_problem(why(pressed)) == ("", [])
    for text, blocks in (card(drawn), details(drawn)):
        assert block_problem(blocks, text) == ("", [])
        assert not re.search(r"&(?!amp;|lt;|gt;)", words((text, blocks)).replace("…", ""))
    assert any(line.startswith("mochi: ") for line in words(card(drawn)).splitlines())
    assert "*Against excluding it*" in words(card(drawn))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.builds(DigestLine, report=st.just("9f2c51ab"), disposition=st.sampled_from(Disposition), categories=st.lists(st.just("E-mail authentication"), max_size=9).map(tuple), subject=TEXT, sender=TEXT, from_junk=st.booleans()), min_size=1, max_size=40), st.sampled_from(Tier))  # fmt: skip
def test_slack_takes_any_digest_and_no_line_is_lost(lines: list[DigestLine], tier: Tier) -> None:
    """Forty lines of the longest subjects: subjects shrink, lines stay."""
    text, blocks = digest(lines, tier=tier)

    assert block_problem(blocks, text) == ("", [])
    assert words((text, blocks)).count("`9f2c51ab`") == len(lines)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.text("a1 :*_~`\u0301\U0001f4a5\u200b<&", max_size=300))
def test_whatever_is_shown_is_one_clean_line(text: str) -> None:
    """No control, format or surrogate character, no mark of Slack's, no live link, and not longer than asked."""
    drawn = shown(text, 100)

    assert not [c for c in drawn if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]
    assert not set(drawn) & set("<>`")
    assert not re.search(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])|(?<!\d):[a-z0-9_+'-]+:", drawn)
    assert "http" not in drawn.lower() or "http://" not in drawn.lower()
    assert len(drawn.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")) <= 100
    json.dumps(drawn)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(VERDICT, LETTERHEAD, st.sampled_from(Tier))
def test_slack_takes_any_audited_card_and_an_open_one_is_blind(
    verdict: Verdict, head: Letterhead | None, tier: Tier
) -> None:
    """While it is open the card is the same whatever the bot thinks, even if it is handed the opinion itself."""
    opinion = recorded(verdict, VerdictKind.AUDIT)
    blind = view(verdict, tier, head, history=(opinion,))
    persons = recorded(verdict, VerdictKind.PERSON, "person:ana")
    answered = view(verdict, tier, head, by=persons, history=(opinion, persons))

    assert block_problem(*reversed(card(blind)))[0] == ""
    pressed = replace(blind, pressable=True)
    assert block_problem(*reversed(card(pressed))) == ("", [])
    assert view_problem(change(pressed, "C0TRIAGE")) == ("", [])
    same = replace(view(spf(), tier, head, history=(opinion,)), pressable=True)
    assert (card(pressed), change(pressed, "C")) == (card(same), change(same, "C"))
    assert card(blind) == card(view(spf(), tier, head, history=(opinion,)))
    assert block_problem(*reversed(card(answered)))[0] == ""
    assert "Asked blind" in words(card(answered))
    assert "Asked blind" not in words(card(replace(answered, history=(persons,))))
