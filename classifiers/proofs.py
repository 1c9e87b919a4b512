"""Everything that is wrong with a rules folder: rules and clauses prove themselves by their hits and misses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifiers.errors import Problem
from classifiers.marking import find_regions
from classifiers.policyfiles import read_policy
from classifiers.rulebook import Rulebook
from classifiers.rulefiles import Rule, RuleFiles, line_of, name_of
from classifiers.terms import Passage, Place, Report


def lint(folder: Path, *own: Path) -> list[Problem]:
    """Everything that is wrong with a rules folder: form, proofs, and what no policy or rule uses. Empty when all is well.

    `own`: files of policies that lie elsewhere.
    """
    files = RuleFiles(folder)
    if files.problems:
        return files.problems
    rulebook = Rulebook.of(files)
    problems = [p for rule in rulebook.rules for p in _unproven(rule, rulebook)]
    used: set[str] = set()
    unread = False
    for path in dict.fromkeys((*sorted((folder / "policies").glob("*.toml")), *own)):
        data, wrong = read_policy(path, rulebook)
        problems += wrong
        unread |= bool(wrong)
        if not wrong:
            used |= {c for clause in data.get("clause", ()) for c in clause["categories"]}
            problems += _unproven_clauses(path, data, rulebook)
    problems += [
        Problem(f"{folder.name}/categories/{c.id}.toml line 1", "no policy names this category")
        for c in rulebook.categories
        if c.id not in used and not unread  # a policy that cannot be read may name it
    ]
    return problems


def example(text: str, where: str = "words") -> Report:
    """A rule's example as a report: a subject for rules that look there, else a body; "a\\n---\\nb" is subject and body."""
    subject, found, body = text.partition("\n---\n")
    if not found:
        subject, body = (text, "") if where == "subject" else ("", text)
    return Report(
        key="0" * 64,
        size=len(text),
        subject=subject,
        passages=(Passage(place=Place.SUBJECT, text=subject), Passage(place=Place.BODY, text=body)),
    )


def _fires(rule: Rule, text: str, rulebook: Rulebook) -> bool:
    report = example(text, rule.where)
    return any(e.source == rule.source for e in rulebook.weigh(report, find_regions(report, ())))


def _unproven(rule: Rule, rulebook: Rulebook) -> Iterator[Problem]:
    where, name = f"{rule.file} line {rule.line}", rule.source.split(":", 1)[1]
    for text in rule.hits:
        if not _fires(rule, text, rulebook):
            yield Problem(where, f"{name} does not match its hit {text[:80]!r}")
    for text in rule.misses:
        if _fires(rule, text, rulebook):
            yield Problem(where, f"{name} matches its miss {text[:80]!r}")


def _unproven_clauses(path: Path, data: Mapping[str, Any], rulebook: Rulebook) -> Iterator[Problem]:
    for nth, clause in enumerate(data.get("clause", ())):
        where = f"{name_of(path)} line {line_of(path, '[[clause]]', nth)}"
        if not clause["hits"] or not clause["misses"]:
            yield Problem(where, f"{clause['id']}: needs a hit and a miss: a clause proves itself")
        for text in clause["hits"]:
            if not excluded(text, clause["categories"], rulebook):
                yield Problem(where, f"{clause['id']}: no rule of its categories covers its hit {text[:80]!r}")
        for text in clause["misses"]:
            if excluded(text, clause["categories"], rulebook):
                yield Problem(
                    where, f"{clause['id']}: its miss {text[:80]!r} is covered, and nothing speaks against it"
                )


def excluded(text: str, categories: Sequence[str], rulebook: Rulebook) -> bool:
    """Whether rules of these categories see a text, and nothing of theirs speaks against it."""
    report = example(text)
    seen = [e for e in rulebook.weigh(report, find_regions(report, ())) if e.category in categories]
    return any(e.speaks_for for e in seen) and all(e.speaks_for for e in seen)
