"""What a card says and what it must not carry, for every tier and any words."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make import judge, make_report

from bot.local.slack.limits import block_problem, view_problem
from bot.ports import Act, ActKind, Letterhead, Outcome, RecordedVerdict, VerdictKind
from bot.slack.cards import card
from bot.slack.details import details
from bot.slack.digest import DigestLine, digest
from bot.slack.modal import change, why
from bot.slack.shown import shown
from bot.slack.view import CardView, Tier
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

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SPF = "Your domain example.com has no SPF record, so anyone can forge mail. I am ravi@hunter.example. mochi"
HEAD = Letterhead(
    subject="No SPF record for example.com",
    sender="ravi@hunter.example",
    message_id="<1@hunter.example>",
    attachments=("poc.mp4 (video/mp4, 1.2 MB), not read",),
)
TAKEN = Act(report_id=1, kind=ActKind.TAKE, by="person:ana (U0ANA)", at=NOW, outcome=Outcome.DONE)


def recorded(
    verdict: Verdict, kind: VerdictKind = VerdictKind.BOT, by: str = "bot", reason: str = ""
) -> RecordedVerdict:
    return RecordedVerdict(
        id=1, report_id=1, kind=kind, verdict=verdict, decided_by=by, decided_at=NOW, reason=reason
    )  # fmt: skip


def view(
    verdict: Verdict,
    tier: Tier = Tier.REDUCED,
    head: Letterhead | None = HEAD,
    *,
    by: RecordedVerdict | None = None,
    history: tuple[RecordedVerdict, ...] = (),
    possible_repeat: bool = False,
) -> CardView:
    return CardView(
        report="9f2c51ab",
        account="security",
        received_at=NOW,
        from_junk=False,
        recorded=by or recorded(verdict),
        history=history,
        head=head,
        tier=tier,
        word="mochi",
        titles={"email_authentication": "E-mail authentication"},
        requested={"steps_to_reproduce": "Steps to reproduce", "software_and_versions": "Software and versions"},
        assets={"dashboard_api": "Dashboard and API"},
        key="9f2c51ab" * 8,
        carve_outs={"email_authentication": ("consequence", "verifier_bypass")},
        own_domains=("example.com",),
        possible_repeat=possible_repeat,
    )


def spf() -> Verdict:
    return judge(make_report(HEAD.subject, SPF))


def words(drawn: tuple[str, list[dict[str, Any]]]) -> str:
    """All text of a message, its fallback first."""
    text, blocks = drawn
    texts = [t["text"] for b in blocks for t in ([b["text"]] if "text" in b else b["elements"])]
    return "\n".join([text, *texts])


# ------------------------------------------------------------------------------------------------ what it says


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


@pytest.mark.parametrize("draw", [card, details])
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


# ------------------------------------------------------------------------------------------------ what it must not carry


def test_reduced_shows_no_address_but_our_own() -> None:
    """The sender and other strangers stay out of Slack; full shows them, defanged."""
    verdict = judge(make_report("SPF of ravi@hunter.example", SPF + " Mail security@example.com or eve@other.example."))
    head = replace(HEAD, subject="SPF of ravi@hunter.example, cc security@example.com")

    reduced = words(card(view(verdict, head=head))) + words(details(view(verdict, head=head)))
    full = words(card(view(verdict, Tier.FULL, head)))

    assert "hunter" not in reduced
    assert "other.example" not in reduced.replace("[.]", ".")
    assert "security[@]example[.]com" in reduced
    assert "from ravi[@]hunter[.]example" in full


WORD = re.compile(r"[a-z]{5,}")


def test_ids_shows_no_word_of_the_mail() -> None:
    """Not from the subject, a quote, an attachment's name, the model's words, nor a character set's name."""
    mail = "zqsubject zqquote zqattachment zqmodel zqsender zqcharset zqword"
    e = Evidence(
        source="rule:x.y", category="c", speaks_for=True, weight=2.0, reason="ours", quote="zqquote", where=Place.BODY
    )
    model = replace(e, source="model", reason="the model gives it a probability of 0.97 for “zqmodel”", quote="")
    against = replace(e, source="unless:x.z", speaks_for=False)
    verdict = replace(
        spf(),
        categories=(
            Finding(category="c", probability=0.9, clause=None, clause_kind=None, evidence=(e, model, against)),
        ),
        considered=(Finding(category="d", probability=0.1, clause=None, clause_kind=None, evidence=(model, e)),),
        signs=(e,),
        acknowledgement=Acknowledgement(state=AcknowledgementState.NEAR_MISS, where="body", quote="zqword"),
        defects=("charset:zqcharset",),
    )
    head = Letterhead(subject="zqsubject", sender="zqsender@hunter.example", attachments=("zqattachment",))
    line = DigestLine(report="9f2c51ab", disposition=Disposition.NOT_A_REPORT, categories=(), subject="zqsubject", sender="zqsender@x.example", from_junk=False)  # fmt: skip

    def everything(tier: Tier) -> str:
        shown_view = view(verdict, tier, head)
        return words(card(shown_view)) + words(details(shown_view)) + words(digest([line], tier=tier))

    assert "zq" not in everything(Tier.IDS)
    for word in mail.split():  # so that the test would notice if any was shown
        assert word in everything(Tier.FULL)


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
KEY = "-----BEGIN RSA PRIVATE KEY----- MIIEowIBAAKCAQEAtesTtest -----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter22", "hunter22"),  # the plainest
        ("DB_PASSWORD = hunter22", "hunter22"),  # inside a longer name
        ('{"accessToken": "two words"}', "two words"),  # quoted, with a space
        ("pass\u200bword: hunter22", "hunter22"),  # split by what nobody sees
        ("client_secret: s3cr3t-value", "s3cr3t"),
        ("GET /x?token=abc123def&page=2", "abc123def"),  # in a query; the next parameter stays
        ("PHPSESSID=abc123def456", "abc123def456"),  # a session is a key
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        (f"the token {JWT} works", "dozjgNryP4J3"),
        (f"found {KEY} there", "MIIEow"),
        (f"found {KEY[:60]}", "MIIEow"),  # its end was cut off
        ("AKIAIOSFODNN7EXAMPLE is listed", "IOSFODNN7"),
        ("use ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F"),
        ("pscale_tkn_AbCdEf0123456789", "AbCdEf"),
        ("pscale_pw_AbCdEf0123456789", "AbCdEf"),
        ("xoxb-12345678-abcdefghijkl", "abcdefghijkl"),
        ("postgres://admin:p@ss@db.example.com/x", "p@ss"),  # an @ in the password
        ("redis://:s3cret@cache.example.com", "s3cret"),  # no user
        ("curl -u bob:tiger https://example.com", "tiger"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMP1EKE2", "K7MDENG"),  # bare, as AWS makes them
        ("d41d8cd98f00b204e9800998ecf8427e", "d41d8cd9"),
    ],
)
def test_a_secret_is_masked(text: str, secret: str) -> None:
    """From the first message on: what Slack never got cannot leak from there."""
    drawn = shown(text, 300)

    assert secret not in drawn
    assert "[secret]" in drawn


@pytest.mark.parametrize(
    "text",
    [
        "Cookie: missing Secure flag",
        "the password is sent in plain text",
        "bypass: yes, with the token of another user",
        "/Account/settings/profile/v2/edit",
        "CVE-2024-12345 in OpenSSH 8.2p1 Ubuntu-4ubuntu0.5",
        "Strict-Transport-Security: max-age=31536000",
        "case 550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_ordinary_words_of_a_report_stay(text: str) -> None:
    """Masking that eats the evidence would make cards useless."""
    assert shown(text, 300).replace("[.]", ".") == text


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("<!channel> & <@U123>", "&lt;!channel&gt; &amp; &lt;@U123&gt;"),  # Slack's own escapes: pings nobody
        ("<https://evil.example|policy>", "&lt;hxxps://evil[.]example|policy&gt;"),  # a disguised link
        ("see HTTP://evil.example", "see Hxxp://evil[.]example"),
        ("evil.example/login", "evil[.]example/login"),  # Slack links bare hosts too
        ("exämple.рф", "exämple[.]рф"),
        ("dmarc.elsewhere.example and .evil.example", "dmarc[.]elsewhere[.]example and .evil[.]example"),
        ("evil\u3002example", "evil[.]example"),  # an ideographic full stop is a dot to IDNA
        ("mailto:eve@evil.example", "mailto[:]eve[@]evil[.]example"),
        ("ftp://evil.example", "ftp[:]//evil[.]example"),
        ("a\u202egpj.exe", "agpj[.]exe"),  # a bidi override
        ("one\r\ntwo\x00three\u2028four", "one two three four"),
        ("```", "'''"),  # an open code mark would swallow the card
        (
            "x` *Decided by ana* `y",
            "x' \u2217Decided by ana\u2217 'y",
        ),  # out of a code span, and words that look like ours
        ("_it_ ~was~ *b", "\u02cdit\u02cd \u223cwas\u223c \u2217b"),  # one mark could pair with ours
        ("a_b-c __proto__ 2*3*4", "a_b-c \u02cd\u02cdproto\u02cd\u02cd 2*3*4"),  # inside a word it marks nothing
        (":white_check_mark: In scope", "[:]white_check_mark: In scope"),
        (":`:", "[:]':"),
        (":a::skin-tone-2: at 10:30:45", "[:]a:[:]skin-tone-2: at 10:30:45"),
        ("\U0001f4a5" * 200 + " x", "\U0001f4a5" * 3 + "… x"),  # an emoji bomb
        ("\U0001f4a5 " * 200 + "x", "\U0001f4a5 " * 3 + "… x"),  # with spaces between
        ("\U0001f44d\U0001f3fd\ufe0f ok", "\U0001f44d\U0001f3fd ok"),
        ("a" + "\u0301" * 50 + "b", "a" + "\u0301" * 3 + "b"),  # marks that climb over the lines above
        ("a\u115f\u3164\u2800\ufe0f\u034fb", "ab"),  # letters that nobody sees
    ],
)
def test_a_strangers_words_stay_words(text: str, drawn: str) -> None:
    """No ping, no link, no mark, no control character."""
    assert shown(text, 300) == drawn


# ------------------------------------------------------------------------------------------------ any words at all

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
