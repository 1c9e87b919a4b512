"""What a card must not carry: addresses, secrets, words that act; in every tier."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cardviews import HEAD, SPF, spf, view, words
from make import judge, make_report

from bot.ports import Letterhead
from bot.slack.cards import card
from bot.slack.details import details
from bot.slack.digest import DigestLine, digest
from bot.slack.shown import shown
from bot.slack.view import Tier
from classifiers.terms import Acknowledgement, AcknowledgementState, Disposition, Evidence, Finding, Place


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
