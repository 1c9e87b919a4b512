"""Policy files, read and held against the rules; and everything that is wrong with a rules folder."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifiers.conditions import ASSET_KEYS, CLAUSE_KEYS, Conditions, condition_of, read_conditions, wrong_conditions
from classifiers.errors import Problem, RuleError
from classifiers.marking import find_regions
from classifiers.policy import Asset, Clause, Policy, Requested
from classifiers.rulebook import Rulebook
from classifiers.rulefiles import ID, Rule, RuleFiles, line_of, name_of
from classifiers.terms import Passage, Place, Report

_POLICY_KEYS = {"name", "title", "url", "word", "budget", "sentences", "clause", "requested", "asset", "replies"}
_TABLES: Mapping[str, tuple[set[str], set[str]]] = {  # required keys, others
    "clause": ({"id", "text", "categories", "hits", "misses"}, {"parent", "by_extension", *CLAUSE_KEYS}),
    "requested": ({"id", "text"}, set()),
    "asset": ({"id", "title", "text"}, {"hosts", "words", *ASSET_KEYS}),
}
_TEXTS = frozenset(
    {"categories", "hits", "misses", "by_extension", "hosts", "words", "assets", "except_assets"}
)  # lists
_TEXT = frozenset({"id", "title", "text", "parent"})
_REPLIES = frozenset({"out_of_scope", "in_scope", "incomplete", "not_a_report", "word", "by_extension"})
_LANGUAGE = re.compile(r"[a-z]{2}")
LEFT = "CHANGE"  # begins what a new policy still has to fill in


def load_policy(folder: Path, name: str, rulebook: Rulebook) -> Policy:
    """A policy by its name. Raises RuleError with every problem of its file, and the names there are for an unknown one."""
    return load_conditional(folder, name, rulebook)[0]


def load_conditional(folder: Path, name: str, rulebook: Rulebook) -> tuple[Policy, Conditions]:
    """Like load_policy, with where and when its clauses hold."""
    path = folder / "policies" / f"{name}.toml"
    if not ID.fullmatch(name.replace("-", "_")) or not path.exists():
        names = ", ".join(sorted(p.stem for p in (folder / "policies").glob("*.toml"))) or "none"
        raise RuleError(f"there is no policy {name!r}; there are: {names}")
    data, problems = _read_policy(path, rulebook)
    if problems:
        raise RuleError(*problems)
    policy = _policy(data, hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12])
    return policy, read_conditions(data, [c.id for c in rulebook.categories])


def _policy(data: Mapping[str, Any], digest: str) -> Policy:
    return Policy(
        name=data["name"], title=data["title"], url=data.get("url", ""), word=data.get("word", ""),
        budget=float(data.get("budget", 0.01)),
        clauses=tuple(
            Clause(
                id=c["id"], text=c["text"], categories=tuple(c["categories"]), parent=c.get("parent"),
                by_extension=tuple(c.get("by_extension", ())),
            )
            for c in data.get("clause", ())
        ),
        requested=tuple(Requested(id=r["id"], title=r["text"]) for r in data.get("requested", ())),
        assets=tuple(
            Asset(id=a["id"], title=a["title"], text=a["text"], hosts=tuple(a.get("hosts", ())), words=tuple(a.get("words", ())))
            for a in data.get("asset", ())
        ),
        replies=_flat(data.get("replies", {})), sentences=tuple(data.get("sentences", ())), digest=digest,
    )  # fmt: skip


def _flat(replies: Mapping[str, Any]) -> dict[str, str]:
    """The texts by name; those of a language by name and language, "out_of_scope.es"."""
    own = {name: text for name, text in replies.items() if isinstance(text, str)}
    return own | {f"{n}.{lang}": t for lang, texts in replies.items() if lang not in own for n, t in texts.items()}


def _read_policy(path: Path, rulebook: Rulebook) -> tuple[Mapping[str, Any], list[Problem]]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        return {}, [Problem(name_of(path), f"cannot be read: {e.strerror}")]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        return {}, [Problem(name_of(path), f"is no TOML: {e}")]
    wrong = [*_misformed(data, path)] or [*wrong_conditions(data)] or [*_dangling(data, rulebook)]
    problems = [Problem(f"{name_of(path)} line {line_of(path, needle, nth)}", what) for needle, nth, what in wrong]
    left = left_to_change(path.read_text(encoding="utf-8"))
    return data, [
        *(Problem(f"{name_of(path)} line {n}", f"still to change: {what}") for n, what in left.items()),
        *problems,
    ]


def left_to_change(text: str) -> dict[int, str]:
    """The lines of a new policy that nobody has filled in yet, and what each wants."""
    mark = f'"{LEFT}: '
    lines = enumerate(text.split("\n"), 1)
    return {n: line.split(mark, 1)[1].strip(' ],"') for n, line in lines if mark in line.split("#", 1)[0]}


_Wrong = tuple[str, int, str]  # the table or key, which of them, what is wrong


def _misformed(data: Mapping[str, Any], path: Path) -> Iterator[_Wrong]:
    for key in sorted(set(data) - _POLICY_KEYS):
        yield key, 0, f"{key!r} is not a key of a policy; there are {', '.join(sorted(_POLICY_KEYS))}"
    if data.get("name") != path.stem or not isinstance(data.get("title"), str):
        yield "name", 0, f"name must be {path.stem!r}, the file's name, and title a text"
    for key in ("url", "word"):
        if not isinstance(data.get(key, ""), str):
            yield key, 0, f"{key} must be a text"
    budget = data.get("budget", 0.01)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget < 1:
        yield "budget", 0, "budget must be a share between 0 and 1, such as 0.01"
    if not _texts(data.get("sentences", [])):
        yield "sentences", 0, "sentences must be a list of texts"
    yield from _wrong_replies(data)
    for table in _TABLES:
        yield from _misformed_tables(data.get(table, []), table)


def _wrong_replies(data: Mapping[str, Any]) -> Iterator[_Wrong]:
    replies, asked = data.get("replies", {}), data.get("requested", [])
    names = _REPLIES | {str(r.get("id")) for r in asked if isinstance(r, dict)} if isinstance(asked, list) else _REPLIES
    spoken = {k: v for k, v in replies.items() if isinstance(v, dict)} if isinstance(replies, dict) else {}
    own = {k: v for k, v in replies.items() if k not in spoken} if isinstance(replies, dict) else {"": None}
    if any(
        set(texts) - names or not all(isinstance(t, str) for t in texts.values()) for texts in (own, *spoken.values())
    ):
        yield (
            "[replies]",
            0,
            f"[replies] holds texts, named {', '.join(sorted(names))}; [replies.es] the same in Spanish",
        )
    for lang in sorted(spoken):
        if not _LANGUAGE.fullmatch(lang):
            yield f"[replies.{lang}]", 0, "a language is two small letters: de, es, fr, id, pt"


def _misformed_tables(entries: object, table: str) -> Iterator[_Wrong]:
    required, others = _TABLES[table]
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        yield table, 0, f"write [[{table}]], once for each"
        return
    ids = [e.get("id") for e in entries]
    for nth, entry in enumerate(entries):
        wrong = [f"{k} must be a text" for k in sorted(set(entry) & _TEXT) if not _texts([entry[k]])]
        wrong += [f"{k} must be a list of texts" for k in sorted(set(entry) & _TEXTS) if not _texts(entry[k])]
        if missing := sorted(required - set(entry)):
            wrong.append(f"lacks {', '.join(missing)}")
        if ids[nth] is not None and ids[nth] in ids[:nth]:
            wrong.append(f"there is another {table} {ids[nth]!r}")
        wrong += [f"{key!r} is not a key of a {table}" for key in sorted(set(entry) - required - others)]
        yield from ((f"[[{table}]]", nth, what) for what in wrong)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)


def _dangling(data: Mapping[str, Any], rulebook: Rulebook) -> Iterator[_Wrong]:
    """What a policy names and is not there."""
    known = {c.id for c in rulebook.categories}
    sources = {r.source.removeprefix("rule:") for r in rulebook.rules if r.source.startswith("rule:")}
    clauses = {c["id"] for c in data.get("clause", ())}
    yield from _twice(data.get("clause", ()))
    for nth, clause in enumerate(data.get("clause", ())):
        for category in (c for c in clause["categories"] if c not in known):
            yield "[[clause]]", nth, f"names the category {category!r}; there are {', '.join(sorted(known))}"
        for source in clause.get("by_extension", ()):
            if source not in sources:
                yield "[[clause]]", nth, f"names the rule {source!r}, which is not there"
        if clause.get("parent") not in {None, *clauses}:
            yield "[[clause]]", nth, f"hangs under {clause['parent']!r}, which is no clause"
    for nth, item in enumerate(data.get("requested", ())):
        if item["id"] not in rulebook.groups:
            yield "[[requested]]", nth, f"{item['id']!r} needs rules in signs/{item['id']}.toml that show it"


def _twice(clauses: Sequence[Mapping[str, Any]]) -> Iterator[_Wrong]:
    """Categories that two clauses exclude for one report."""
    taken: dict[str, list[Mapping[str, Any]]] = {}
    for nth, clause in enumerate(clauses):
        for category in clause["categories"]:
            for other in taken.setdefault(category, []):
                if condition_of(clause).meets(condition_of(other)):
                    yield "[[clause]]", nth, f"{category} is excluded already by the clause {other['id']!r}"
            taken[category].append(clause)


def lint(folder: Path) -> list[Problem]:
    """Everything that is wrong with a rules folder: form, proofs, and what no policy or rule uses. Empty when all is well."""
    files = RuleFiles(folder)
    if files.problems:
        return files.problems
    rulebook = Rulebook.of(files)
    problems = [p for rule in rulebook.rules for p in _unproven(rule, rulebook)]
    used: set[str] = set()
    unread = False
    for path in sorted((folder / "policies").glob("*.toml")):
        data, wrong = _read_policy(path, rulebook)
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
