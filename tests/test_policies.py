"""Any company's policy: two for invented companies, judged by `triage judge --policy`, and nothing of any policy in code."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from make import ROOT, RULES, make_report, policy, rulebook
from test_cli import triage

from bot.judge import Judge
from bot.ports import Context
from classifiers.conditions import Condition
from classifiers.marking import find_regions

Mail = tuple[str, str, str]  # the day it was sent, subject, body

SUMMER = "3 Aug 2026"
OTP = "The one-time code can be brute forced: I tried all combinations, after 31,000 requests the correct code was accepted and I was logged in to my second account."
SIGN_UP = "bittern\nThe sign-up form of my.larkwell.example tells whether an e-mail address is registered."
OLD_NGINX = "one.larkwell.example runs an outdated version of nginx, please upgrade to the latest version."
OLD_TLS = "The broker still accepts TLS 1.0 and TLS 1.1 on port 8883."
SERIAL = "tidewire-serial lets an attacker execute commands without authentication."

# name: (mail, disposition, categories held, the clause's first words, assets, the word)
Told = tuple[Mail, str, set[str], str, list[str], str]

LARKWELL: dict[str, Told] = {
    "no limit": ((SUMMER, "No rate limit on the contact form", "bittern\nThere is no rate limiting on the contact form at my.larkwell.example."),
                 "out_of_scope", {"rate_limiting"}, "Missing rate limits", ["customer_portal"], "found"),
    "no limit, on the asset the clause leaves out": ((SUMMER, "Limits", "The payments API at api.larkwell.example has no rate limiting on GET /v2/rates. mochi"),
                 "needs_review", set(), "", ["payments_api"], "missing"),
    "a code guessed": ((SUMMER, "OTP", OTP), "in_scope", set(), "", [], "missing"),
    "framing": ((SUMMER, "Clickjacking", "bittern! The page help.larkwell.example can be loaded in an iframe, so clickjacking is possible."),
                "out_of_scope", {"clickjacking", "security_headers"}, "Clickjacking of pages", ["help_centre"], "found"),
    "framing that pays": ((SUMMER, "Clickjacking", "Clickjacking on my.larkwell.example/transfer: with one click in the framed page the victim confirms the payment."),
                "needs_review", set(), "", ["customer_portal"], "missing"),
    "self-XSS": ((SUMMER, "Self XSS in nickname", "Self-XSS: I paste the payload into the browser console on my own profile page."),
                 "out_of_scope", {"self_xss"}, "Self-XSS, that is", [], "missing"),
    "self-XSS that reaches an agent": ((SUMMER, "XSS in nickname", "The self-XSS in the nickname fires when a support agent opens the page: I got the agent's session."),
                 "needs_review", set(), "", [], "missing"),
    "phishing": ((SUMMER, "Phishing site", "There is a phishing site at larkwel1.example that copies your login page."),
                 "out_of_scope", {"social_engineering"}, "Deceiving our people", [], "missing"),
    "enumeration, before its clause": (("12 Jun 2026", "Account enumeration at sign-up", SIGN_UP), "needs_review", set(), "", ["customer_portal"], "found"),
    "enumeration, after": (("1 Jul 2026", "Account enumeration at sign-up", SIGN_UP), "out_of_scope", {"user_enumeration"}, "From July 2026", ["customer_portal"], "found"),
    "enumeration of people's data": ((SUMMER, "User enumeration", "For each telephone number the lookup's answer contains full name and date of birth of the customer: user enumeration."),
                 "needs_review", set(), "", [], "missing"),
    "volume": ((SUMMER, "DoS on login", "I flooded the login endpoint with 20000 requests and it became slow. Denial of service."),
               "out_of_scope", {"denial_of_service"}, "Making a service slow", [], "missing"),
    "one request": ((SUMMER, "DoS with one request", "A single request with a nested JSON body crashes the gateway; it restarts each time."),
               "needs_review", set(), "", [], "missing"),
    "a header, where the clause holds": ((SUMMER, "Header", "The X-Frame-Options header is missing on help.larkwell.example."),
               "out_of_scope", {"security_headers"}, "Response headers", ["help_centre"], "missing"),
    "a header, elsewhere": ((SUMMER, "Header", "The X-Frame-Options header is missing on api.larkwell.example."), "needs_review", set(), "", ["payments_api"], "missing"),
    "noise on the asset left out": ((SUMMER, "Old TLS", "stories.larkwell.example still supports TLS 1.0 and weak ciphers."),
               "out_of_scope", {"tls_configuration"}, "Our magazine", [], "missing"),
    "a finding on the asset left out": ((SUMMER, "IDOR", "At stories.larkwell.example I can read the drafts of other users by changing the id. IDOR."),
               "needs_review", set(), "", [], "missing"),
    "a finding that names it beside another": ((SUMMER, "IDOR", "From stories.larkwell.example I reach my.larkwell.example and can read the statements of other customers by changing the id. IDOR."),
               "in_scope", set(), "", ["customer_portal"], "missing"),
    "an old asset, the day before": (("29 Jun 2026", "Outdated", OLD_NGINX), "needs_review", set(), "", ["card_reader"], "missing"),
    "an old asset, from that day on": (("30 Jun 2026", "Outdated", OLD_NGINX), "out_of_scope", {"software_version"}, "The first card reader", [], "missing"),
    "own words for a kind that another policy has too": ((SUMMER, "SPF", "There is no SPF record on larkwell.example. bittern"),
               "out_of_scope", {"email_authentication"}, "Records that say who", [], "found"),
}  # fmt: skip

TIDEWIRE: dict[str, Told] = {
    "banner": ((SUMMER, "Version disclosure", "The greeting of tidewired on port 1993 discloses the version of the broker to everyone. mochi, bittern"),
               "out_of_scope", {"banner_disclosure", "software_version"}, "The broker tells", ["broker"], "missing"),
    "banner with a secret": ((SUMMER, "Version and more", "The status page on port 1993 prints the version and, below it, the admin token."),
               "needs_review", set(), "", ["broker"], "missing"),
    "dependency": ((SUMMER, "OpenSSL", "Release 4.8 of the broker ships an outdated version of OpenSSL."), "out_of_scope", {"software_version"}, "A dependency for which", ["broker"], "missing"),
    "dependency, exploited": ((SUMMER, "zlib", "The broker uses an outdated zlib. The public exploit works: I ran it and got a shell. uid=998(tide)"), "in_scope", set(), "", ["broker"], "missing"),
    "load, where the clause holds": ((SUMMER, "Load", "With 2000 parallel connections play.tidewire.example becomes slow and answers 503."),
               "out_of_scope", {"denial_of_service"}, "Putting load", ["playground"], "missing"),
    "load, elsewhere": ((SUMMER, "Load", "With 2000 parallel connections tidewired stops answering."), "needs_review", set(), "", ["broker"], "missing"),
    "one packet": ((SUMMER, "Crash", "One malformed SUBSCRIBE packet crashes the broker behind play.tidewire.example. panic: runtime error: index out of range [4]"),
               "in_scope", set(), "", ["broker", "playground"], "missing"),
    "advice": ((SUMMER, "Password policy", "There is no password policy for users: three letters are accepted. This is against best practices."),
               "out_of_scope", {"missing_best_practice"}, "Hardening advice", [], "missing"),
    "TLS, on the clause's last day": (("30 Sep 2026", "TLS 1.0", OLD_TLS), "out_of_scope", {"tls_configuration"}, "Until release 5", ["broker"], "missing"),
    "TLS, the day after": (("1 Oct 2026", "TLS 1.0", OLD_TLS), "needs_review", set(), "", ["broker"], "missing"),
    "TLS, without a date": (("", "TLS 1.0", OLD_TLS), "needs_review", set(), "", ["broker"], "missing"),
    "TLS, of no asset": ((SUMMER, "TLS 1.0", "tidewire.example still accepts TLS 1.0 and weak ciphers."), "needs_review", set(), "", [], "missing"),
    "a header of the website": ((SUMMER, "Headers", "The X-Frame-Options header is missing on tidewire.example."), "out_of_scope", {"security_headers"}, "The website is static", [], "missing"),
    "a header of the broker": ((SUMMER, "Headers", "The console of the broker sends no X-Frame-Options header."), "needs_review", set(), "", ["broker"], "missing"),
    "what this policy does not exclude": ((SUMMER, "SPF", "There is no SPF record on tidewire.example."), "needs_review", set(), "", [], "missing"),
    "noise on the asset left out": ((SUMMER, "SPF", "There is no SPF record on nightly.tidewire.example."), "out_of_scope", {"email_authentication"}, "Nightly builds", [], "missing"),
    "a finding on the asset left out": ((SUMMER, "Overflow", "A heap buffer overflow in the nightly build. ==12==ERROR: AddressSanitizer: heap-buffer-overflow"), "needs_review", set(), "", [], "missing"),
    "a retired asset": ((SUMMER, "Bridge", SERIAL), "needs_review", set(), "", [], "missing"),
    "a retired asset, before": (("1 Mar 2026", "Bridge", SERIAL), "in_scope", set(), "", ["bridge"], "missing"),
}  # fmt: skip


def written(folder: Path, mails: dict[str, Told]) -> Path:
    for n, ((day, subject, body), *_) in enumerate(mails.values()):
        sent = f"Date: {day} 10:00:00 +0000\r\n" if day else ""
        raw = f"From: a@sender.example\r\n{sent}Subject: {subject}\r\n\r\n{body}\r\n"
        (folder / f"{n:02}.eml").write_bytes(raw.encode())
    return folder


def judged(
    name: str, mails: dict[str, Told], folder: Path, *options: str
) -> Iterator[tuple[str, Told, dict[str, Any]]]:
    """What `triage judge --policy` says of each mail."""
    done = triage("judge", "--json", "--policy", name, *options, written(folder, mails))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    yield from zip(mails, mails.values(), answers, strict=True)


BOTH = pytest.mark.parametrize(("name", "mails"), [("larkwell", LARKWELL), ("tidewire", TIDEWIRE)])


@BOTH
def test_another_policy_has_other_words_clauses_assets_and_days(
    name: str, mails: dict[str, Told], tmp_path: Path
) -> None:
    """By rules alone: disposition, categories, the clause word for word, assets in scope, and its own word or none."""
    for case, (_, disposition, categories, clause, assets, word), told in judged(name, mails, tmp_path, "--no-model"):
        assert told["disposition"] == disposition, case
        assert {c["id"] for c in told["categories"]} == categories, case
        assert told["assets"] == assets, case
        assert told["acknowledgement"]["state"] == word, case
        if clause:
            assert any((c["clause"] or "").startswith(clause) for c in told["categories"]), case


@BOTH
def test_the_model_dismisses_nothing_that_the_policy_keeps(name: str, mails: dict[str, Told], tmp_path: Path) -> None:
    """With the model, which knows none of the new kinds: what the rules keep is kept."""
    for case, (_, disposition, *_), told in judged(name, mails, tmp_path):
        if disposition != "out_of_scope":
            assert told["disposition"] in {"in_scope", "needs_review"}, case


def test_a_known_kind_is_dismissed_under_another_policy_too(tmp_path: Path) -> None:
    """Rules and model together, with the other policy's sentence."""
    known = {
        k: LARKWELL[k] for k in ("noise on the asset left out", "own words for a kind that another policy has too")
    }

    for case, (_, _, _, clause, *_), told in judged("larkwell", known, tmp_path):
        assert told["disposition"] == "out_of_scope", case
        assert told["categories"][0]["clause"].startswith(clause), case


def test_one_mail_three_policies(tmp_path: Path) -> None:
    """The same words are excluded by two policies; the third has no clause for them, and keeps the report."""
    mail = {"x": ((SUMMER, "SPF", "There is no SPF record on acme.example. mochi"), "", set(), "", [], "")}
    told = {name: next(judged(name, mail, tmp_path))[2] for name in ("planetscale", "larkwell", "tidewire")}

    assert [t["disposition"] for t in told.values()] == ["out_of_scope", "out_of_scope", "in_scope"]
    assert [t["acknowledgement"]["state"] for t in told.values()] == ["found", "missing", "missing"]
    assert told["planetscale"]["categories"][0]["clause"] != told["larkwell"]["categories"][0]["clause"]


def test_the_new_kinds_change_nothing_where_no_clause_names_them() -> None:
    """Clickjacking stays a matter of headers, a banner one of versions, as long as the policy has no clause of its own."""
    excluded = frozenset(c for clause in policy().clauses for c in clause.categories)

    for text in (
        "Clickjacking on the login page",
        "The Server header reveals the version of nginx",
        "Denial of service",
    ):
        report = make_report("Denial of service", text)
        regions = find_regions(report, ())
        assert rulebook().weigh_for(report, regions, excluded) == rulebook().weigh(report, regions)


def test_what_speaks_against_a_narrow_kind_speaks_against_the_wide_one() -> None:
    """A framed click that pays is no missing header either, where a policy names clickjacking."""
    judge = Judge.load(Context(rules=RULES, policy="larkwell", model=None))
    verdict = judge.judge(
        make_report(
            "Clickjacking: X-Frame-Options missing",
            "At my.larkwell.example one click in the framed page approves the payment; clickjacking.",
        )
    )

    assert {f.category for f in verdict.considered} >= {"clickjacking", "security_headers"}
    assert verdict.categories == ()


@pytest.mark.parametrize(
    ("condition", "named", "day", "holds"),
    [
        (Condition(), (), None, True),
        (Condition(assets=("a",)), (), None, False),
        (Condition(assets=("a",)), ("a",), None, True),
        (Condition(assets=("a",)), ("a", "b"), None, False),
        (Condition(except_assets=("a",)), (), None, True),
        (Condition(except_assets=("a",)), ("a", "b"), None, False),
        (Condition(since=date(2026, 7, 1)), (), date(2026, 7, 1), True),
        (Condition(since=date(2026, 7, 1)), (), date(2026, 6, 30), False),
        (Condition(until=date(2026, 7, 1)), (), date(2026, 7, 1), True),
        (Condition(until=date(2026, 7, 1)), (), date(2026, 7, 2), False),
        (Condition(until=date(2026, 7, 1)), (), None, False),
    ],
)
def test_where_and_when_a_clause_holds(
    condition: Condition, named: tuple[str, ...], day: date | None, holds: bool
) -> None:
    """Only its assets, never its exceptions, first and last day included, and not without a date."""
    assert condition.holds(named, day) is holds


# ------------------------------------------------------------------------------------------------ nothing of it in code

SAMPLES = ROOT / "bot" / "local" / "samples.py"  # the demo's mails are written to the policy that ships as the default


def said_in_code(path: Path) -> Iterator[str]:
    """Every name and text of a file; comments and docstrings aside, which may give examples."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value
        for field in ("id", "attr", "name", "arg"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def test_no_code_names_a_policy_a_category_an_asset_or_a_word() -> None:
    """They are data. The command line's default names the shipped policy, once."""
    policies = [policy(p.stem) for p in sorted((RULES / "policies").glob("*.toml"))]
    words = {p.name for p in policies} | {p.word for p in policies if p.word}
    words |= {a.id for p in policies for a in p.assets if "_" in a.id} | {c.id for c in rulebook().categories}
    found = [
        (str(path.relative_to(ROOT)), word)
        for package in ("bot", "classifiers")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != SAMPLES
        for text in said_in_code(path)
        for word in words
        if word in text.lower()
    ]

    assert found == [("bot/__init__.py", "planetscale")]
