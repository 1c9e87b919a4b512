"""Rule files, read: every rule with its proof, and everything that is wrong with them, by file and line.

rules/words.toml            words that patterns name in braces: {missing}
rules/categories/*.toml     [[rule]] speaks for a category, [[unless]] against excluding it
rules/signs/*.toml          [[rule]]s for what is no category: genuine, not_a_report, incomplete, and what policies request
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2

from classifiers.errors import Problem

WHERES = ("subject", "words", "pasted", "anywhere")
_NAMED = re.compile(r"\{([a-z_]+)\}")
ID = re.compile(r"[a-z][a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern that proves itself. It says yes or no; it never acts."""

    source: str  # "rule:security_headers.missing_csp", "unless:…", "sign:genuine.…"
    group: str  # the category, or the group of signs
    reason: str
    where: str
    patterns: tuple[str, ...]  # of RE2, over folded text
    weight: float
    speaks_for: bool
    claimed: bool  # only where a sentence says that it is so, not that it might be
    hits: tuple[str, ...]
    misses: tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of report."""

    id: str
    title: str
    about: str
    mutes: tuple[str, ...] = ()  # groups of signs that do not hear the words which name it, where a policy excludes it
    within: str = ""  # the wider category that covers it where no policy names it


def options() -> Any:
    """How every pattern is compiled."""
    options = re2.Options()
    options.log_errors = False
    return options


class RuleFiles:
    """One reading of a rules folder: what stands in it, and everything that is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.categories: list[Category] = []
        self.rules: list[Rule] = []
        self.groups: set[str] = set()
        self._digest = hashlib.sha256()
        self._seen: dict[str, str] = {}
        words = self._toml(folder / "words.toml") if (folder / "words.toml").exists() else {}
        self.words = {k: v for k, v in words.items() if isinstance(v, str)}
        for path in self._files("categories"):
            self._category(path, self._toml(path))
        for path in self._files("signs"):
            data = self._toml(path)
            self.groups.add(path.stem)
            self._unknown(path, data, {"about", "rule", "unless"})
            self._rules_of(path, data, path.stem, "sign")
        for category in self.categories:
            self._dangling(folder / "categories" / f"{category.id}.toml", category)

    @property
    def version(self) -> str:
        """12 hex digits of everything that was read."""
        return self._digest.hexdigest()[:12]

    def _files(self, kind: str) -> list[Path]:
        files = sorted((self.folder / kind).glob("*.toml"))
        if not files:
            self.problems.append(Problem(f"{self.folder.name}/{kind}", "holds no .toml"))
        return files

    def _toml(self, path: Path) -> dict[str, Any]:
        try:
            data = path.read_bytes()
            self._digest.update(path.name.encode() + b"\0" + data.replace(b"\r\n", b"\n") + b"\0")
            return tomllib.loads(data.decode("utf-8"))
        except OSError as e:
            self.problems.append(Problem(name_of(path), f"cannot be read: {e.strerror}"))
        except UnicodeDecodeError:
            self.problems.append(Problem(name_of(path), "is not UTF-8"))
        except tomllib.TOMLDecodeError as e:
            self.problems.append(Problem(name_of(path), f"is no TOML: {e}"))
        return {}

    def _unknown(self, path: Path, data: Mapping[str, Any], known: set[str]) -> None:
        for key in sorted(set(data) - known):
            self._problem(path, key, f"{key!r} is not a key here; there are {', '.join(sorted(known))}")

    def _problem(self, path: Path, needle: str, what: str, nth: int = 0) -> None:
        self.problems.append(Problem(f"{name_of(path)} line {line_of(path, needle, nth)}", what))

    def _dangling(self, path: Path, category: Category) -> None:
        """What a category names and is not there."""
        for group in sorted(set(category.mutes) - self.groups):
            self._problem(path, "mutes", f"mutes {group!r}, which is no file in signs/")
        if category.within and category.within not in {c.id for c in self.categories if c.id != category.id}:
            self._problem(path, "within", f"lies within {category.within!r}, which is no other category")

    def _category(self, path: Path, data: Mapping[str, Any]) -> None:
        if not data:
            return
        self._unknown(path, data, {"id", "title", "about", "mutes", "within", "no_unless", "rule", "unless"})
        if data.get("id") != path.stem:
            self._problem(path, "id", f"id must be {path.stem!r}, the file's name")
        for key in ("title", "about"):
            if not isinstance(data.get(key), str) or not data[key].strip():
                self._problem(path, key, f"{key} must be a sentence")
        if bool(data.get("unless")) == bool(data.get("no_unless")):
            self._problem(path, "unless", "needs an [[unless]], or the sentence `no_unless` why it needs none")
        mutes, within = data.get("mutes", []), data.get("within", "")
        if not isinstance(mutes, list) or not all(isinstance(m, str) for m in mutes):
            self._problem(path, "mutes", "mutes must be a list of names of files in signs/")
            mutes = []
        self.categories.append(
            Category(
                id=path.stem, title=str(data.get("title", "")), about=str(data.get("about", "")),
                mutes=tuple(mutes), within=str(within),
            )
        )  # fmt: skip
        self._rules_of(path, data, path.stem, "rule")

    def _rules_of(self, path: Path, data: Mapping[str, Any], group: str, prefix: str) -> None:
        for table, source in (("rule", prefix), ("unless", "unless")):
            entries = data.get(table, [])
            if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
                self._problem(path, table, f"write [[{table}]], once for each")
                continue
            for nth, entry in enumerate(entries):
                rule = self._rule(path, entry, group, source, line_of(path, f"[[{table}]]", nth))
                if rule is not None:
                    self.rules.append(rule)

    def _rule(self, path: Path, entry: Mapping[str, Any], group: str, prefix: str, line: int) -> Rule | None:
        where = f"{name_of(path)} line {line}"
        wrong = _wrong_with(entry)
        source = f"{prefix}:{group}.{entry.get('id')}"
        unprefixed = source.split(":", 1)[1]
        if not wrong and unprefixed in self._seen:
            wrong = [f"id {entry['id']!r} stands already at {self._seen[unprefixed]}"]
        patterns: list[str] = []
        for pattern in entry.get("patterns", []) if not wrong else ():
            try:
                patterns.append(_NAMED.sub(lambda m: f"(?:{self.words[m[1]]})", pattern))
                re2.compile(patterns[-1], options())
            except KeyError as e:
                wrong.append(f"names {e.args[0]!r}, which words.toml does not hold")
            except re2.error as e:
                wrong.append(f"pattern {pattern!r} cannot be used: {_text_of(e)}")
        if wrong:
            self.problems += [Problem(where, f"{entry.get('id', 'a rule without id')}: {what}") for what in wrong]
            return None
        self._seen[unprefixed] = where
        return Rule(
            source=source, group=group, reason=entry["reason"], where=entry.get("where", "words"),
            patterns=tuple(patterns), weight=float(entry["weight"]), speaks_for=prefix != "unless",
            claimed=entry.get("claimed", False), hits=tuple(entry["hits"]), misses=tuple(entry["misses"]), file=name_of(path), line=line,
        )  # fmt: skip


def _text_of(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def _wrong_with(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with the form of a rule."""
    known = {"id", "reason", "where", "claimed", "patterns", "weight", "hits", "misses"}
    wrong = [
        f"{key!r} is not a key of a rule; there are {', '.join(sorted(known))}" for key in sorted(set(entry) - known)
    ]
    if not isinstance(entry.get("id"), str) or not ID.fullmatch(entry["id"]):
        wrong.append("id must be lower-case letters, digits and _")
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        wrong.append("reason must be a sentence")
    if entry.get("where", "words") not in WHERES:
        wrong.append(f"where must be one of {', '.join(WHERES)}")
    if not isinstance(entry.get("claimed", False), bool):
        wrong.append("claimed must be true or false")
    weight = entry.get("weight")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 6:
        wrong.append("weight must be a number above 0, at most 6 (log-odds)")
    for key, why in (("patterns", ""), ("hits", ": a rule proves itself"), ("misses", ": a rule proves itself")):
        value = entry.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
            wrong.append(f"{key} must be a list of at least one text{why}")
    return wrong


def name_of(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name}" if path.parent.name in {"categories", "signs", "policies"} else path.name  # fmt: skip


def line_of(path: Path, needle: str, nth: int = 0) -> int:
    """The line where the nth table or key begins; 1 where it is not there."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return 1
    numbers = [i for i, text in enumerate(lines, 1) if text.lstrip().startswith(needle)]
    return numbers[nth] if nth < len(numbers) else 1
