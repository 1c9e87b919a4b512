"""What is not the writer's claim: pasted messages, code, tool output, the policy's words, denials, furniture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import make_report, policy

from classifiers import denials, furniture
from classifiers.language import language
from classifiers.marking import find_regions
from classifiers.regions import RegionKind, prose
from classifiers.terms import Place

BEFORE, AFTER = "The page leaks tokens.", "Please fix it soon."


@pytest.mark.parametrize(
    ("kind", "pasted"),
    [
        (RegionKind.HTTP, "GET /a HTTP/1.1\nHost: acme.example\nCookie: id=1\n\n"),
        (RegionKind.HTTP, 'HTTP/1.1 200 OK\nServer: nginx\n\n{\n  "a": 1\n}\n\n'),
        (RegionKind.HTTP, "\tHTTP/1.1 200 OK\n\tSet-Cookie: id=1; path=/\n\tVary: Accept\n"),
        (RegionKind.HTTP, "Server: nginx/1.18\nX-Powered-By: PHP/7\n"),
        (RegionKind.CODE, "```\nanything at all\n```"),
        (RegionKind.CODE, '<form action="https://acme.example/x" method=post>'),
        (RegionKind.CODE, "$ curl -i https://acme.example/"),
        (RegionKind.TOOL, 'acme.example. 300 IN TXT "v=spf1 -all"'),
        (RegionKind.TOOL, "443/tcp open https"),
        (RegionKind.TOOL, "Severity: Low\nConfidence: Certain\nHost: acme.example\nPath: /login"),
        (RegionKind.FURNITURE, "## Steps to reproduce"),
        (RegionKind.FURNITURE, "References:\nhttps://cwe.example/1021\nhttps://owasp.example/clickjacking\n"),
        (RegionKind.DISCLAIMED, "This is not about missing headers"),
    ],
)  # fmt: skip
def test_pasted_text_is_no_claim(kind: RegionKind, pasted: str) -> None:
    """It is found with its kind, and the writer's own sentences around it stay."""
    report = make_report("s", f"{BEFORE}\n\n{pasted}\n\n{AFTER}")
    regions = find_regions(report, ())

    claims = " ".join(c.text for c in prose(report, regions))

    assert kind in {r.kind for r in regions}
    assert BEFORE in claims
    assert AFTER in claims
    assert pasted.strip() not in claims


CHECK = '{"id": 7, "url": "/robots.txt", "method": "GET", "msg": "two entries"}'


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"host": "acme.example", "vulnerabilities": [' + ", ".join([CHECK.replace("id", "osvdb")] * 3) + "]}", True),
        ('{"host": "acme.example", "orders": [' + ", ".join([CHECK] * 3) + "]}", False),
        ("Host,Severity,Plugin ID,CVSS,Name,Solution,Port,Protocol,Family\na,Low,1,2.0,b,c,443,tcp,web\n", True),
        ("date,name,street,town,country\n1,a,b,c,d\n", False),
        ("I read this, of another customer:\n" * 20 + '{"vulnerabilities": [' + ", ".join([CHECK] * 3) + "]}", False),
    ],
    ids=["a list of findings", "a list of other things", "a table", "another table", "below a letter"],
)
def test_a_scanners_file_is_known_by_its_fields(text: str, is_one: bool) -> None:
    """Whatever scanner it is of; what a person wrote above it is none."""
    assert any(r.kind is RegionKind.EXPORT for r in find_regions(make_report("s", text), ())) is is_one


@pytest.mark.parametrize(
    "sentence",
    [
        "Get the report from the page and open it",
        "Severity: high, as anybody can read it.",
        "The server: a small one, is slow.",
        "I found that the host header is trusted.",
        "This is a problem for users, not a small one.",
    ],
)
def test_sentences_stay_claims(sentence: str) -> None:
    """What only resembles a pasted line stays."""
    report = make_report("s", f"{BEFORE}\n{sentence}\n{AFTER}")

    assert sentence in " ".join(c.text for c in prose(report, find_regions(report, ())))


@pytest.mark.parametrize("clause", [t for t in policy().texts if len(t.split()) >= 6])
def test_every_sentence_of_the_policy_is_known_again(clause: str) -> None:
    """Pasted with other case and line ends, each is a policy region."""
    report = make_report("s", f"{BEFORE} {clause.upper().replace(' ', chr(10), 3)} {AFTER}")

    assert RegionKind.POLICY in {r.kind for r in find_regions(report, policy().texts)}


def test_a_report_on_the_same_matter_is_no_paste() -> None:
    """Four words of a clause in one's own sentence are one's own."""
    report = make_report("s", "Your Sender Policy Framework (SPF) record is missing.")

    assert RegionKind.POLICY not in {r.kind for r in find_regions(report, policy().texts)}


def test_quotes_and_hidden_text_are_no_claims() -> None:
    """Somebody else's words, and words nobody sees, are not the writer's."""
    report = make_report(
        "s", "mine", (Place.QUOTED, "theirs"), (Place.HIDDEN, "unseen"), (Place.FORWARDED, "passed on")
    )

    assert [c.text for c in prose(report, ())] == ["s", "mine", "passed on"]


def test_spans_lie_in_their_passage() -> None:
    """Regions are spans over unchanged text."""
    report = make_report("This is not about SPF", "GET / HTTP/1.1\nHost: a\n" * 50 + "```\nx")

    for region in find_regions(report, policy().texts):
        assert 0 <= region.span.start < region.span.end <= len(report.passages[region.span.passage].text)


@pytest.mark.parametrize(
    ("text", "is_"),
    [
        ("The server does not check the session of the user and this is a problem for all of them.", "en"),
        ("Der Server prüft die Sitzung nicht und das ist ein Problem für alle, die sich dort anmelden.", "de"),
        ("Le serveur ne vérifie pas la session et c'est un problème pour tous les utilisateurs dans votre application.", "fr"),
        ("El servidor no comprueba la sesión y esto es un problema para los usuarios que están en el sistema.", "es"),
        ("サーバーはセッションを確認しないため、他の利用者の請求書を読むことができます。これは問題です。番号を変えるだけです。", "other"),
        ("HTTP 500 /a/b", ""),
    ],
)  # fmt: skip
def test_language(text: str, is_: str) -> None:
    """By frequent words; another script is "other"; too little text is no language."""
    assert language(text) == is_


_PIECES = st.sampled_from(
    ["## Summary", "steps to reproduce:", "IMPACT", "references", "https://a.example\n", "CWE-79\n", "-- ", "{F12}", "![a](b)",
     "Sent from my phone", "this is not about ", "I know that ", "is out of scope", "ce n'est pas", "\n", " ", "\u00e9", "\u017f", "x"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_a_cheap_look_overlooks_nothing(text: str) -> None:
    """What the closer look would find, the look before it lets through."""
    closer = (furniture._HEADING, furniture._REFERENCES, furniture._SIGNATURE, furniture._ATTACHED)

    assert furniture._ANY_FURNITURE.search(text) or not any(p.search(text) for p in closer)
    assert denials._ANY_DENIAL.search(text.lower()) or not denials._NOT.search(text.lower())
