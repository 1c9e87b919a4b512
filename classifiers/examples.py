"""Texts to learn from: read, checked, compared with each other, and made reports of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

from classifiers.errors import ModelError, Problem
from classifiers.terms import Disposition, Passage, Place, Report, report_key

DISPOSITIONS = tuple(d.value for d in Disposition if d is not Disposition.NEEDS_REVIEW)
_KEYS = {"id", "subject", "body", "disposition", "categories"}
_MORE = {"lang", "voice", "hidden"}


class Origin(StrEnum):
    """Whose examples."""

    CORPUS = "corpus"
    LABELLED = "labelled"  # a team's own history
    CORRECTION = "correction"  # of the bot, by a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A correction that became an example: of which report, by whom, when, and why."""

    report: str  # the id people see
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text to learn from."""

    id: str
    subject: str
    body: str
    disposition: str
    categories: tuple[str, ...] = ()
    weight: float = 1.0
    hidden: bool = False  # a finding told inside mail of another kind: written to be overlooked
    says_categories: bool = True  # False: which apply was not said, so that none is learned to be absent
    origin: Origin = Origin.CORPUS
    said: Said | None = None  # of a correction

    @property
    def label(self) -> str:
        """As folders are named: "out_of_scope+tls_configuration"."""
        return "+".join((self.disposition, *sorted(self.categories)))


def read_corpus(folder: Path, known: Collection[str] | None = None) -> Iterator[Example]:
    """The examples of every .jsonl in a folder. Raises ModelError naming every bad line by file and line.

    `known` are the categories there are; None: whatever the lines name.
    """
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    examples: list[Example] = []
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise ModelError(Problem(str(folder), "holds no .jsonl"))
    for path in files:
        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            where = f"{path.name} line {number}"
            example = _example(line, known)
            if isinstance(example, str):
                problems.append(Problem(where, example))
            elif example.id in seen:
                problems.append(Problem(where, f"id {example.id} stands already in {seen[example.id]}"))
            else:
                seen[example.id] = where
                examples.append(example)
    if problems:
        raise ModelError(*problems)
    return iter(examples)


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError as e:
        raise ModelError(Problem(path.name, f"cannot be read: {e.strerror}")) from None


def _example(line: bytes, known: Collection[str] | None) -> Example | str:
    """The example on a line, or what is wrong with it."""
    try:
        data = json.loads(line.decode())
    except (ValueError, RecursionError) as e:
        return "is no UTF-8" if isinstance(e, UnicodeDecodeError) else "is no JSON"
    if not isinstance(data, dict) or not set(data) >= _KEYS or set(data) - _KEYS - _MORE:
        return f"needs the keys {', '.join(sorted(_KEYS))}, may have {', '.join(sorted(_MORE))}, and no others"
    return _wrong(data, known) or Example(
        id=data["id"], subject=data["subject"], body=data["body"],
        disposition=data["disposition"], categories=tuple(data["categories"]), hidden=data.get("hidden", False),
    )  # fmt: skip


def _wrong(data: Mapping[str, Any], known: Collection[str] | None) -> str:
    """What is wrong with a line that has all its keys, or ""."""
    disposition, categories, hidden = data["disposition"], data["categories"], data.get("hidden", False)
    texts = (data["id"], data["subject"], data["body"], disposition)
    if not isinstance(categories, list) or not all(isinstance(x, str) for x in (*texts, *categories)):
        return "id, subject, body and disposition are texts, categories a list of texts"
    if disposition not in DISPOSITIONS:
        return f"{disposition[:60]!r} is no disposition; there are {', '.join(DISPOSITIONS)}"
    if known is not None and (strange := [c for c in categories if c not in known]):
        return f"no category is called {', '.join(strange)[:120]!r}; there are {', '.join(sorted(known))}"
    if not isinstance(hidden, bool) or (hidden and disposition != Disposition.IN_SCOPE):
        return "hidden is true or false, and true only of what is in_scope"
    return ""


def report_of(example: Example) -> Report:
    """An example as a report: a subject and a body."""
    text = f"{example.subject}\n{example.body}".encode("utf-8", "replace")
    return Report(
        key=report_key(text),
        size=len(text),
        subject=example.subject,
        passages=(Passage(place=Place.SUBJECT, text=example.subject), Passage(place=Place.BODY, text=example.body)),
    )


def near_duplicates(examples: Iterable[Example], share: float = 0.6) -> list[tuple[str, str]]:
    """Pairs of texts that share more than that part of their five-word runs."""
    owners: dict[tuple[str, ...], list[str]] = {}
    size: dict[str, int] = {}
    shared: Counter[tuple[str, str]] = Counter()
    for example in examples:
        runs = _runs(example)
        size[example.id] = len(runs)
        for run in runs:
            for other in owners.setdefault(run, []):
                shared[other, example.id] += 1
            owners[run].append(example.id)
    return [pair for pair, n in shared.items() if n > share * min(size[pair[0]], size[pair[1]])]


def without_repeats(known: Iterable[Example], more: Iterable[Example], share: float = 0.6) -> list[Example]:
    """Those of `more` that are no near-duplicate of a known one, or of an earlier one of theirs, with the same label.

    One with another label stays: a team's word on a text that the corpus knows differs on purpose.
    """
    owners: dict[tuple[str, ...], list[int]] = {}
    sizes: list[int] = []
    labels: list[str] = []
    kept = []
    for is_new, example in chain(((False, e) for e in known), ((True, e) for e in more)):
        runs = _runs(example)
        if is_new:
            shared = Counter(n for run in runs for n in owners.get(run, ()))
            if any(labels[n] == example.label and k > share * min(sizes[n], len(runs)) for n, k in shared.items()):
                continue
            kept.append(example)
        for run in runs:
            owners.setdefault(run, []).append(len(sizes))
        sizes.append(len(runs))
        labels.append(example.label)
    return kept


def _runs(example: Example) -> set[tuple[str, ...]]:
    """Its five-word runs."""
    words = f"{example.subject} {example.body}".lower().split()
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}
