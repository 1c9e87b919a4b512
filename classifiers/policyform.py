"""What is wrong with the form of a policy, and what it names and is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifiers.conditions import ASSET_KEYS, CLAUSE_KEYS, condition_of
from classifiers.rulebook import Rulebook

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
Wrong = tuple[str, int, str]  # the table or key, which of them, what is wrong


def misformed(data: Mapping[str, Any], path: Path) -> Iterator[Wrong]:
    """What has not the form that a policy has: keys, values, tables."""
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


def _wrong_replies(data: Mapping[str, Any]) -> Iterator[Wrong]:
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


def _misformed_tables(entries: object, table: str) -> Iterator[Wrong]:
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


def dangling(data: Mapping[str, Any], rulebook: Rulebook) -> Iterator[Wrong]:
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


def _twice(clauses: Sequence[Mapping[str, Any]]) -> Iterator[Wrong]:
    """Categories that two clauses exclude for one report."""
    taken: dict[str, list[Mapping[str, Any]]] = {}
    for nth, clause in enumerate(clauses):
        for category in clause["categories"]:
            for other in taken.setdefault(category, []):
                if condition_of(clause).meets(condition_of(other)):
                    yield "[[clause]]", nth, f"{category} is excluded already by the clause {other['id']!r}"
            taken[category].append(clause)
