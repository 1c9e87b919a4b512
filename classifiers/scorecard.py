"""The figures of an evaluation, as data and as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from classifiers.curves import Bin, Point
from classifiers.rates import Counts, Rate
from classifiers.terms import Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A category that a dismissal rested on: the clause that excludes it, and the sentences that were seen."""

    category: str
    clause: str | None
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """A report that is in scope and was dismissed. Its texts are safe to print: no control characters, one line."""

    id: str
    subject: str
    text: str  # how it begins
    said: Disposition
    confidence: float
    in_scope: float | None  # the model's probability
    why: str
    grounds: tuple[Ground, ...]

    def as_data(self) -> dict[str, Any]:
        grounds = [{"category": g.category, "clause": g.clause, "sentences": list(g.sentences)} for g in self.grounds]
        return {
            "id": self.id, "subject": self.subject, "text": self.text, "said": self.said.value,
            "confidence": self.confidence, "in_scope": self.in_scope, "why": self.why, "grounds": grounds,
        }  # fmt: skip

    def as_text(self) -> str:
        believed = "" if self.in_scope is None else f"; the model's in_scope {self.in_scope:.2f}"
        lines = [
            f"  {self.id}   said {self.said.value} (confidence {self.confidence:.2f}{believed})",
            f"    Subject   {self.subject or '(none)'}",
            f"    Text      {self.text or '(none)'}",
            f"    Why       {self.why}",
        ]
        for ground in self.grounds:
            lines.append(f"    Clause    {ground.category}: {ground.clause or 'not excluded by this policy'}")
            lines += [f"    Sentence  “{s}”" for s in ground.sentences]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A rule at work: in how many reports it fired, and in how many of them what it speaks for was true."""

    source: str
    weight: float
    reason: str
    right: Rate

    def as_data(self) -> dict[str, Any]:
        return {"source": self.source, "weight": self.weight, "reason": self.reason, "right": self.right.as_data()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The figures, and what the plots are drawn from."""

    rates: Mapping[str, Rate]
    table: Mapping[tuple[Disposition, Disposition], int]
    dispositions: Mapping[str, Counts]
    categories: Mapping[str, Counts]
    dismissed: tuple[Dismissal, ...]  # the list that matters most
    reliability: Mapping[str, tuple[Bin, ...]]
    precision_recall: Mapping[str, tuple[Point, ...]]
    rules: tuple[Fired, ...]  # the one that fired most often first
    words: Mapping[str, tuple[tuple[str, float], ...]]  # of each label: what they added over all reports, most first

    @property
    def macro_f1(self) -> float:
        f1 = [c.f1 for c in self.categories.values()]
        return sum(f1) / len(f1) if f1 else math.nan

    def as_data(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "rates": {k: r.as_data() for k, r in self.rates.items()},
            "macro_f1": None if math.isnan(self.macro_f1) else self.macro_f1,
            "table": [{"is": t.value, "said": s.value, "n": n} for (t, s), n in sorted(self.table.items())],
            "dispositions": {d: c.as_data() for d, c in self.dispositions.items()},
            "categories": {c: counts.as_data() for c, counts in self.categories.items()},
            "dismissed": [d.id for d in self.dismissed],
            "false_dismissals": [d.as_data() for d in self.dismissed],
            "reliability": self.reliability,
            "precision_recall": self.precision_recall,
            "rules": [r.as_data() for r in self.rules],
            "words": self.words,
        }

    def as_text(self) -> str:
        lines = [f"{name:22} {rate}" for name, rate in self.rates.items()]
        lines += [
            f"{'macro F1':22} {self.macro_f1:6.3f}",
            "",
            "is \\ said".ljust(16) + "".join(f"{d.value:>14}" for d in Disposition),
        ]
        for true in Disposition:
            row = [self.table.get((true, said), 0) for said in Disposition]
            if any(row):
                lines.append(f"{true.value:16}" + "".join(f"{n:14}" for n in row))
        lines.append("")
        lines += [f"{label:22} {counts}" for label, counts in (*self.dispositions.items(), *self.categories.items())]
        if self.dismissed:
            lines += ["", f"dismissed although in scope: {len(self.dismissed)}"]
            lines += [d.as_text() for d in self.dismissed]
        return "\n".join(lines)
