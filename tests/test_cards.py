"""What a card says, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cardviews import recorded, spf, view, words
from make import judge, make_report

from bot.ports import VerdictKind
from bot.slack.cards import card
from bot.slack.details import details, suggestion
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
    Span,
    Verdict,
)


def test_a_card_says_what_clause_which_sentence_what_against_and_the_word() -> None:
    """Everything a person needs to agree, in one message."""
    said = words(card(view(spf())))

    assert said.startswith("Out of scope · E-mail authentication · very likely · 9f2c51ab · No SPF record")
    assert "“Sender Policy Framework (SPF) configuration suggestions”" in said
    assert "no SPF record" in said
    assert "*Against excluding it* none\nconsequence: none · verifier bypass: none\n" in said
    assert "\nmochi: found, body\n" in said
    assert "missing: steps to reproduce, software and versions" in said
    assert "attached: poc.mp4 (video/mp4, 1.2 MB), not read" in said


def test_a_clause_that_covers_only_by_extension_says_so() -> None:
    """ "aren't limited to" is weaker than a named item, and the reader is told."""
    verdict = judge(make_report("DMARC", "There is no DMARC record for example.com, the policy is missing."))
    assert [f.clause_kind for f in verdict.categories] == ["by_extension"]

    assert "by extension" in words(card(view(verdict)))


def test_what_speaks_against_is_quoted() -> None:
    """A carve-out stands on the card with the report's own sentence."""
    e = Evidence(
        source="unless:cookie_flags.session_cookie", category="cookie_flags", speaks_for=False, weight=3.0,
        reason="it names a session cookie", span=Span(1, 0, 5), quote="The session cookie can be stolen.", where=Place.BODY,
    )  # fmt: skip
    considered = Finding(category="cookie_flags", probability=0.6, clause=None, clause_kind=None, evidence=(e,))
    drawn = view(replace(spf(), considered=(considered,)))

    assert "*Against excluding it*\n&gt; “The session cookie can be stolen.” _(body)_\nit names a" in words(card(drawn))
    assert "`unless:cookie_flags.session_cookie` -3.0: " in words(details(drawn))


def test_of_the_carve_outs_each_is_named_as_found_or_not() -> None:
    """The one that fired with its sentence, the other as none; a report of no category has none to be looked for."""
    fired = Evidence(source="unless:email_authentication.consequence", category="email_authentication", speaks_for=False, weight=3.0, reason="a mail was spoofed")  # fmt: skip
    (held,) = spf().categories
    contested = replace(spf(), categories=(replace(held, evidence=(*held.evidence, fired)),))

    said = words(card(view(contested)))

    assert "*Against excluding it*\na mail was spoofed\nverifier bypass: none\n" in said
    assert "none; no clause is held to exclude it" in words(card(view(replace(spf(), categories=()))))


@pytest.mark.parametrize(
    ("acknowledgement", "line"),
    [
        (Acknowledgement(state=AcknowledgementState.FOUND, where="body", quote="mochi"), "mochi: found, body"),
        (Acknowledgement(state=AcknowledgementState.MISSING), "mochi: missing"),
        (
            Acknowledgement(state=AcknowledgementState.MISSING, where="word"),
            "mochi: missing (only inside another word)",
        ),
        (Acknowledgement(state=AcknowledgementState.MISSING, where="url"), "mochi: missing (only in a URL)"),
        (Acknowledgement(state=AcknowledgementState.NEAR_MISS, where="subject"), "mochi: near miss, subject"),
        (Acknowledgement(state=AcknowledgementState.POLICY_PASTE_ONLY, where="body"), "mochi: policy paste only, body"),
        (Acknowledgement(state=AcknowledgementState.HIDDEN_ONLY, where="hidden"), "mochi: hidden only"),
    ],
)
def test_the_word_has_a_line_of_its_own(acknowledgement: Acknowledgement, line: str) -> None:
    """State and place, apart from the verdict: it decides nothing."""
    said = words(card(view(replace(spf(), acknowledgement=acknowledgement))))

    assert line in said.splitlines()


def test_a_persons_word_leads_and_the_bots_stays() -> None:
    """Who decided, why, and what the bot had recommended."""
    bots = recorded(spf())
    persons = recorded(
        replace(spf(), disposition=Disposition.IN_SCOPE), VerdictKind.PERSON, "person:ana", "a link was stolen <@U1>"
    )
    said = words(card(view(spf(), by=persons, history=(bots, persons))))

    assert said.startswith("In scope · E-mail authentication · decided by ana · 9f2c51ab")
    assert "*Decided by ana*: a link was stolen &lt;@U1&gt;" in said
    assert "The bot recommends: ⚪ Out of scope, very likely" in said


@pytest.mark.parametrize(
    ("confidence", "disposition", "line"),
    [
        (0.97, Disposition.OUT_OF_SCOPE, "⚪ *Out of scope*, very likely · "),
        (0.85, Disposition.IN_SCOPE, "🔴 *In scope*, likely · "),
        (0.7, Disposition.INCOMPLETE, "🟡 *Incomplete*, rather likely · "),
        (0.5, Disposition.OUT_OF_SCOPE, "⚪ *Out of scope*, unsure · "),
        (0.97, Disposition.NEEDS_REVIEW, "🔵 *Needs review* · "),  # it is a person's turn: how surely says nothing
    ],
)
def test_the_first_line_says_state_class_and_how_surely_in_words(
    confidence: float, disposition: Disposition, line: str
) -> None:
    """What a phone shows; no state is told by its colour alone."""
    said = words(card(view(replace(spf(), confidence=confidence, disposition=disposition))))

    assert said.splitlines()[1].startswith(line)


def test_a_card_keeps_its_order() -> None:
    """State, clause, sentence, what speaks against, the word, who said so, precedent, asset, ids."""
    said = words(card(view(spf())))
    wanted = (
        "*Out of scope*",
        "Clause: ",
        "&gt; “",
        "*Against excluding it*",
        "mochi: ",
        "*Rules* ",
        "no precedent",
        "asset: ",
        "`9f2c51ab`",
    )
    places = [said.index(part, said.index("\n")) for part in wanted]

    assert places == sorted(places)


def test_rules_and_model_are_told_apart() -> None:
    """Also where one of them is silent, or they disagree."""
    both = replace(spf(), rules_say="out_of_scope", model_says="out_of_scope")

    assert "*Rules* out of scope · *Model* out of scope · they agree" in words(card(view(both)))
    assert "*Model* in scope · they disagree" in words(card(view(replace(both, model_says="in_scope"))))
    assert "*Rules* silent · *Model* out of scope\n" in words(card(view(replace(both, rules_say=""))))


def test_the_rules_that_spoke_are_named() -> None:
    """By id, the strongest first, so that who keeps the rules finds them; at most four, then how many more."""
    (held,) = spf().categories
    named = sorted((e for e in held.evidence if e.source != "model"), key=lambda e: -e.weight)
    ids = [e.source.removeprefix("rule:") for e in named]

    assert "\n" + ", ".join(f"`{i}`" for i in dict.fromkeys(ids[:4])) in words(card(view(spf())))
    many = tuple(replace(named[0], source=f"rule:a.{n}") for n in range(6))
    said = words(card(view(replace(spf(), categories=(replace(held, evidence=many),)))))
    assert "`a.0`, `a.1`, `a.2`, `a.3` +2\n" in said


@pytest.mark.parametrize("draw", [card, details, suggestion])
def test_a_possible_repeat_is_owned_up_to(draw: Any) -> None:
    """Where an earlier attempt could not be looked up, the message says so."""
    assert "possible repeat" in words(draw(view(spf(), possible_repeat=True)))
    assert "possible repeat" not in words(draw(view(spf())))


def test_a_purged_report_says_so() -> None:
    """No letterhead: its text was purged, its verdict stands."""
    assert "purged" in words(card(view(spf(), head=None)))


def test_details_tell_every_sign_with_source_and_weight_and_how_to_correct() -> None:
    """The card's thread holds the whole account."""
    verdict = spf()
    said = words(details(view(verdict)))

    for finding in verdict.categories:
        for e in finding.evidence:
            assert f"`{e.source}` {e.weight:+.1f}: " in said
    assert "triage reclassify 9f2c51ab --as in_scope" in said
    assert verdict.versions.policy in said


def mixed(finding: str = "I can read other users' invoices.") -> Verdict:
    """Five remarks of two excluded kinds and a finding in these words."""

    def part(kind: PartKind, category: str | None, remarks: int, quote: str) -> PartVerdict:
        return PartVerdict(
            kind=kind, where=Place.BODY, span=Span(1, 0, 9), category=category, remarks=remarks,
            sources=("rule:a.b",), live=0.25, quote=quote,
        )  # fmt: skip

    parts = (
        part(PartKind.EXCLUDED, "email_authentication", 3, "There is no SPF record."),
        part(PartKind.UNTOLD, None, 0, "Hello."),
        part(PartKind.EXCLUDED, "cookie_flags", 2, "The cookies lack a flag."),
        part(PartKind.GENUINE, None, 2, finding),
    )
    return replace(spf(), disposition=Disposition.IN_SCOPE, parts=parts)


def test_a_mixed_report_says_which_part_is_which() -> None:
    """One line on the card, the finding first; every part with clause, rules and the model's word in the thread."""
    short, full = words(card(view(mixed()))), words(details(view(mixed())))

    told = "1 genuine: “I can read other users' invoices.” · 5 excluded: E-mail authentication (3), cookie_flags (2)"
    assert f"*Parts* {told}" in short.splitlines()
    assert "*excluded* E-mail authentication “There is no SPF record.” _(body)_" in full.splitlines()
    assert "clause “Sender Policy Framework (SPF) configuration suggestions” · `rule:a.b` · model: 25% in scope" in full
    assert "*genuine* “I can read other users' invoices.” _(body)_" in full.splitlines()
    assert "Hello." not in full
    assert "*Parts*" not in words(card(view(spf()))) + words(details(view(spf())))


def test_the_tier_ids_counts_parts_and_shows_none_of_their_words() -> None:
    """What they are is ours to say, their words are not."""
    drawn = view(mixed("zqfinding zqwords"), Tier.IDS)
    both = words(card(drawn)) + words(details(drawn))

    assert "*Parts* 1 genuine · 5 excluded: E-mail authentication (3), cookie_flags (2)" in both
    assert "*genuine* _(body)_" in both
    assert "zq" not in both
    assert "SPF record." not in both


def test_hostile_words_of_a_part_are_defused() -> None:
    """No ping, no link, no direction character, no address, no secret; on the card and in the thread."""
    hostile = "<!channel> <@U1> \u202etxt.exe `x https://evil.example eve@evil.example password=hunter22"
    drawn = view(mixed(hostile))

    for said in (words(card(drawn)), words(details(drawn))):
        assert "&lt;!channel&gt; &lt;@U1&gt; txt[.]exe 'x hxxps://evil[.]example [address] password=[secret]" in said
