"""How often verdicts are right, counted on labelled reports; every rate with its interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classifiers.curves import Bin, Point, precision_recall, reliability
from classifiers.terms import DISMISSALS, Disposition, Evidence, Opinion, Verdict
from classifiers.text import printable

Z = 1.96  # two-sided 95 %
SHOWN = 300  # characters of a report that was dismissed although in scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A report and what people say it is."""

    id: str
    subject: str
    body: str
    disposition: Disposition
    categories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot said of it, and what the model alone believed."""

    verdict: Verdict
    opinion: Opinion | None = None

    @property
    def categories(self) -> frozenset[str]:
        return frozenset(f.category for f in self.verdict.categories)

    @property
    def in_scope(self) -> float | None:
        """The model's probability; None where no model was asked."""
        return self.opinion.dispositions.get(Disposition.IN_SCOPE.value) if self.opinion else None


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its Wilson interval (E. B. Wilson, JASA 22, 1927)."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        if not self.whole:
            return (0.0, 1.0)
        n, p = self.whole, self.value
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return (max(0.0, middle - half), min(1.0, middle + half))

    def as_data(self) -> dict[str, Any]:
        value = self.value if self.whole else None
        return {"value": value, "part": self.part, "whole": self.whole, "interval": self.interval}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:6.1%}  ({self.part} of {self.whole}; {low:.1%} to {high:.1%})" if self.whole else "   none"


@dataclass(frozen=True, slots=True)
class Counts:
    """How often one label was rightly said, wrongly said, and not said."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> Rate:
        return Rate(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> Rate:
        return Rate(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        return _f1(self._overlap.value)

    @property
    def f1_interval(self) -> tuple[float, float]:
        low, high = self._overlap.interval
        return _f1(low), _f1(high)

    @property
    def f1_told(self) -> str:
        low, high = self.f1_interval
        return "none" if math.isnan(self.f1) else f"{self.f1:.3f} ({low:.3f} to {high:.3f})"

    @property
    def _overlap(self) -> Rate:
        # F1 is no share of anything, but rises with one: the hits among all that were said or true. Its interval is theirs.
        return Rate(self.hits, self.hits + self.false_alarms + self.misses)

    def as_data(self) -> dict[str, Any]:
        return {
            "hits": self.hits, "false_alarms": self.false_alarms, "misses": self.misses,
            "precision": self.precision.as_data(), "recall": self.recall.as_data(),
            "f1": {"value": None if math.isnan(self.f1) else self.f1, "interval": self.f1_interval},
        }  # fmt: skip

    def __str__(self) -> str:
        return f"precision {self.precision}   recall {self.recall}   F1 {self.f1_told}"


def _f1(overlap: float) -> float:
    return 2 * overlap / (1 + overlap)


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


def evaluate(items: Sequence[Item], answers: Sequence[Answer]) -> Evaluation:
    """Counts answers against labels; both in the same order."""
    pairs = list(zip(items, answers, strict=True))
    table = Counter((item.disposition, answer.verdict.disposition) for item, answer in pairs)

    def rate(true: Disposition, *said: Disposition) -> Rate:
        whole = sum(n for (t, _), n in table.items() if t is true)
        return Rate(sum(table[true, s] for s in said), whole)

    categories = _count((i.categories, a.categories) for i, a in pairs)
    dispositions = _count(
        (frozenset({i.disposition.value}), frozenset({a.verdict.disposition.value})) for i, a in pairs
    )
    if not any(i.disposition is Disposition.NEEDS_REVIEW for i in items):
        dispositions.pop(
            Disposition.NEEDS_REVIEW.value, None
        )  # nothing can be one: to leave it to a person is no mistake
    return Evaluation(
        rates={
            "false dismissals": rate(Disposition.IN_SCOPE, *DISMISSALS),
            "out-of-scope recall": rate(Disposition.OUT_OF_SCOPE, Disposition.OUT_OF_SCOPE),
            "not-a-report recall": rate(Disposition.NOT_A_REPORT, Disposition.NOT_A_REPORT),
            "review": Rate(sum(n for (_, s), n in table.items() if s is Disposition.NEEDS_REVIEW), len(items)),
        },
        table=table,
        dispositions=dispositions,
        categories=categories,
        dismissed=tuple(
            _dismissal(i, a)
            for i, a in pairs
            if i.disposition is Disposition.IN_SCOPE and a.verdict.disposition in DISMISSALS
        ),
        reliability={
            "in_scope": reliability((a.in_scope, _live(i)) for i, a in pairs if a.in_scope is not None),
            "dismissal": reliability(
                (a.verdict.confidence, i.disposition is a.verdict.disposition)
                for i, a in pairs
                if a.verdict.disposition in DISMISSALS
            ),
        },
        precision_recall={
            "in_scope": precision_recall(
                ((a.in_scope, _live(i)) for i, a in pairs if a.in_scope is not None), sum(_live(i) for i in items)
            ),
            **{c: _curve(c, pairs) for c in categories},
        },
        rules=_fired(pairs),
        words=strongest_words(a.opinion for _, a in pairs if a.opinion),
    )  # fmt: skip


def _live(item: Item) -> bool:
    return item.disposition is Disposition.IN_SCOPE


def _count(pairs: Iterable[tuple[frozenset[str], frozenset[str]]]) -> dict[str, Counts]:
    """For each label that is true of something or was said of it; the first of a pair is what is true."""
    hits: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    for true, said in pairs:
        hits.update(true & said)
        alarms.update(said - true)
        misses.update(true - said)
    return {label: Counts(hits[label], alarms[label], misses[label]) for label in sorted({*hits, *alarms, *misses})}


def _curve(category: str, pairs: Sequence[tuple[Item, Answer]]) -> tuple[Point, ...]:
    scored = [
        (f.probability, category in item.categories)
        for item, answer in pairs
        for f in (*answer.verdict.categories, *answer.verdict.considered)
        if f.category == category
    ]
    return precision_recall(scored, sum(category in item.categories for item, _ in pairs))


def _dismissal(item: Item, answer: Answer) -> Dismissal:
    v = answer.verdict
    return Dismissal(
        id=printable(item.id), subject=printable(item.subject), text=printable(item.body[: 4 * SHOWN], SHOWN),
        said=v.disposition, confidence=v.confidence, in_scope=answer.in_scope, why=printable(v.why),
        grounds=tuple(
            Ground(
                category=f.category,
                clause=f.clause,
                sentences=tuple(dict.fromkeys(printable(e.quote, SHOWN) for e in f.evidence if e.speaks_for and e.quote)),
            )
            for f in v.categories
        ),
    )  # fmt: skip


def _fired(pairs: Sequence[tuple[Item, Answer]]) -> tuple[Fired, ...]:
    seen: dict[str, Evidence] = {}
    fired: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for item, answer in pairs:
        v = answer.verdict
        for e in (*(e for f in (*v.categories, *v.considered) for e in f.evidence), *v.signs):
            if e.source != "model":
                seen[e.source] = e
                fired[e.source] += 1
                true = _live(item) if e.category == "genuine" else e.category in item.categories
                right[e.source] += true is e.speaks_for
    return tuple(
        Fired(source=s, weight=seen[s].weight, reason=printable(seen[s].reason), right=Rate(right[s], n))
        for s, n in sorted(fired.items(), key=lambda x: (-x[1], x[0]))
    )


def strongest_words(opinions: Iterable[Opinion], most: int = 12) -> dict[str, tuple[tuple[str, float], ...]]:
    """Of each label that the model believed most of some report: the words that added most, over all of them."""
    added: dict[str, Counter[str]] = {}
    for opinion in opinions:
        for label, word, weight in opinion.words:
            added.setdefault(label, Counter())[printable(word, 60)] += weight  # type: ignore[assignment]
    return {label: tuple(words.most_common(most)) for label, words in sorted(added.items())}
