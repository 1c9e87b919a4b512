"""Policy files, read and held against the rules."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from classifiers.conditions import Conditions, read_conditions, wrong_conditions
from classifiers.errors import Problem, RuleError
from classifiers.policy import Asset, Clause, Policy, Requested, is_file_name
from classifiers.policyform import dangling, misformed
from classifiers.rulebook import Rulebook
from classifiers.rulefiles import ID, line_of, name_of

LEFT = "CHANGE"  # begins what a new policy still has to fill in


def load_policy(folder: Path, name: str, rulebook: Rulebook) -> Policy:
    """A policy by its name or file. Raises RuleError with every problem of it, and the names there are for an unknown one."""
    return load_conditional(folder, name, rulebook)[0]


def load_conditional(folder: Path, name: str, rulebook: Rulebook) -> tuple[Policy, Conditions]:
    """Like load_policy, with where and when its clauses hold."""
    path = policy_file(folder, name)
    data, problems = read_policy(path, rulebook)
    if problems:
        raise RuleError(*problems)
    policy = _policy(data, hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12])
    return policy, read_conditions(data, [c.id for c in rulebook.categories])


def policy_file(folder: Path, name: str) -> Path:
    """Where a policy lies: by its name among the rules, or wherever its file is, whose path ends in .toml."""
    if is_file_name(name):
        return Path(name)
    path = folder / "policies" / f"{name}.toml"
    if not ID.fullmatch(name.replace("-", "_")) or not path.exists():
        names = ", ".join(sorted(p.stem for p in (folder / "policies").glob("*.toml"))) or "none"
        raise RuleError(f"there is no policy {name!r}; there are: {names}; a file of your own is named with its .toml")
    return path


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


def read_policy(path: Path, rulebook: Rulebook) -> tuple[Mapping[str, Any], list[Problem]]:
    """What a policy's file holds, and every problem of it; what is left to change first."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        return {}, [Problem(name_of(path), f"cannot be read: {e.strerror}")]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        return {}, [Problem(name_of(path), f"is no TOML: {e}")]
    wrong = [*misformed(data, path)] or [*wrong_conditions(data)] or [*dangling(data, rulebook)]
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
