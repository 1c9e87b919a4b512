"""Rules are data that prove themselves: the shipped ones do, and bad ones are refused with file and line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from make import ROOT, RULES, make_report, policy, rulebook

from classifiers.errors import RuleError
from classifiers.marking import find_regions
from classifiers.policyfiles import load_policy
from classifiers.proofs import lint
from classifiers.rulebook import Rulebook
from classifiers.terms import Place

TEXT = ROOT.parent / "shared" / "policy-planetscale.md"
NINE = {
    "email_authentication", "dns_configuration", "tls_configuration", "security_headers", "cookie_flags",
    "csrf_low_impact", "public_files", "scanner_output", "software_version",
}  # fmt: skip


def test_the_shipped_rules_are_sound() -> None:
    """Every proof holds, every clause has rule and test, every category a policy."""
    assert [str(p) for p in lint(RULES)] == []


def test_all_nine_categories_are_there_and_excluded() -> None:
    """Each with rules, carve-outs and a clause of the seed policy."""
    assert {c.id for c in rulebook().categories} >= NINE
    assert {c for clause in policy().clauses for c in clause.categories} == NINE
    for category in NINE:
        kinds = {r.speaks_for for r in rulebook().rules if r.group == category}
        assert kinds == {True, False}, category


def test_every_sentence_of_the_policy_is_held_verbatim() -> None:
    """Against the page's text where it is at hand: links as their text, no emphasis."""
    if not TEXT.exists():
        pytest.skip("the policy's page is not beside the project")
    import re

    page = TEXT.read_text(encoding="utf-8").split("## Vulnerability disclosure", 1)[1]
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", page).replace("**", "").replace("`", "")
    lines = [re.sub(r"^[>\s#-]+", "", line).strip() for line in plain.split("\n")]
    held = set(policy().texts)
    for line in lines:
        if line and line not in {"In Scope", "Out of scope", "Reporting a vulnerability"}:
            assert line in held, line


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RULES, tmp_path / "rules"))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


RULE = '\n[[rule]]\nid = "{id}"\nreason = "r"\nweight = 1.0\npatterns = ["{p}"]\nhits = ["{h}"]\nmisses = ["{m}"]\n'
COOKIES = "categories/cookie_flags.toml"

BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a duplicate id": (lambda r: append(r / COOKIES, RULE.format(id="missing_flag", p="a", h="a", m="b")), COOKIES, "stands already"),
    "no hit": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="a", h="a", m="b").replace('hits = ["a"]', "hits = []")), COOKIES, "hits"),
    "no miss": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="a", h="a", m="b").replace('misses = ["b"]', "")), COOKIES, "misses"),
    "a hit that does not match": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="zzz", h="a", m="b")), COOKIES, "does not match its hit"),
    "a miss that matches": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="zzz", h="zzz", m="a zzz")), COOKIES, "matches its miss"),
    "a pattern RE2 refuses": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="(?=a)", h="a", m="b")), COOKIES, "cannot be used"),
    "an unknown word": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="{{nothing}}", h="a", m="b").replace("{{", "{").replace("}}", "}")), COOKIES, "words.toml"),
    "an unknown key": (lambda r: append(r / COOKIES, RULE.format(id="x1", p="a", h="a", m="b") + "wieght = 2\n"), COOKIES, "wieght"),
    "no TOML": (lambda r: append(r / COOKIES, "\n[[rule]\n"), COOKIES, "no TOML"),
    "a category without policy": (lambda r: (r / "categories/new_kind.toml").write_text('id = "new_kind"\ntitle = "t"\nabout = "a"\nno_unless = "n"\n' + RULE.format(id="x1", p="a", h="a", m="b"), encoding="utf-8") and None, "categories/new_kind.toml", "no policy"),
    "a category without carve-out": (lambda r: (r / "categories/new_kind.toml").write_text('id = "new_kind"\ntitle = "t"\nabout = "a"\n' + RULE.format(id="x1", p="a", h="a", m="b"), encoding="utf-8") and None, "categories/new_kind.toml", "no_unless"),
    "a clause without rule": (lambda r: append(r / "policies/planetscale.toml", '\n[[clause]]\nid = "n"\ntext = "t"\ncategories = ["nothing"]\nhits = ["a"]\nmisses = ["b"]\n'), "policies/planetscale.toml", "names the category"),
    "a clause without test": (lambda r: append(r / "policies/planetscale.toml", '\n[[clause]]\nid = "n"\ntext = "t"\ncategories = []\nhits = []\nmisses = []\n'), "policies/planetscale.toml", "needs a hit and a miss"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_lint_refuses_with_file_and_line(name: str, tmp_path: Path) -> None:
    """Each kind of mistake is found, and told where it stands."""
    break_it, file, words = BROKEN[name]
    rules = copied(tmp_path)
    text = (rules / "policies/planetscale.toml").read_text(encoding="utf-8")
    head, replies = text.split("[replies]")
    (rules / "policies/planetscale.toml").write_text(head, encoding="utf-8")
    break_it(rules)
    append(rules / "policies/planetscale.toml", "\n[replies]" + replies)

    problems = [str(p) for p in lint(rules)]

    assert any(file in p and words in p for p in problems), problems
    assert all("line" in p or "no TOML" in p for p in problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Two files with one mistake each are two problems."""
    rules = copied(tmp_path)
    append(rules / COOKIES, RULE.format(id="x1", p="(", h="a", m="b"))
    append(rules / "signs/genuine.toml", RULE.format(id="x1", p=")", h="a", m="b"))

    with pytest.raises(RuleError) as error:
        Rulebook.load(rules)

    assert len(error.value.problems) == 2


def test_an_unknown_policy_names_those_there_are() -> None:
    """A typing mistake is answered with the names."""
    with pytest.raises(RuleError, match="planetscale"):
        load_policy(RULES, "planetscal", rulebook())


def test_a_match_is_quoted_with_its_sentence() -> None:
    """Evidence points at the words, in the text as it stood."""
    body = "Hello team.\nI saw that there is no SP\u200bF record at all. Bye."
    report = make_report("", body)

    (evidence,) = [e for e in rulebook().weigh(report, find_regions(report, ())) if e.source.endswith("missing_spf")]

    assert evidence.quote == "I saw that there is no SP\u200bF record at all."
    assert evidence.where is Place.BODY
    assert evidence.span is not None
    assert body[evidence.span.start : evidence.span.end].startswith("no SP")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("There is a heap overflow in the TGA loader.", True),
        ("This could lead to a heap overflow in the TGA loader.", False),
        ("No limit on the width => heap overflow in the TGA loader.", False),
        ("A heap overflow in the TGA loader => code runs.", True),
        ("nginx 1.18: CVE-2021-23017 heap overflow in the resolver.", False),
        ("CVE-2021-23017 applies. I sent the answer, and there is a heap overflow in the resolver.", True),
    ],
)
def test_the_name_of_an_attack_is_no_claim_by_itself(text: str, seen: bool) -> None:
    """Not where it tells what might be, what something comes to, or what is known of a version; each sentence stands for itself."""
    report = make_report("", text)
    evidence = rulebook().weigh(report, find_regions(report, ()))

    assert ("sign:genuine.memory" in {e.source for e in evidence}) is seen


def test_a_large_hostile_text_is_weighed_in_linear_time() -> None:
    """Two hundred thousand characters that nearly match: it ends (the test's own limit is the bound)."""
    report = make_report("", "no spoof missing cookie header version " * 6000)

    assert rulebook().weigh(report, ()) is not None
