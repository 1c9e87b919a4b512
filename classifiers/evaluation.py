"""How often verdicts are right, counted on labelled reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifiers.curves import Bin, Point, precision_recall, reliability
from classifiers.rates import Counts, Rate
from classifiers.scorecard import Dismissal, Evaluation, Fired, Ground
from classifiers.terms import DISMISSALS, Disposition, Evidence, Opinion, Verdict
from classifiers.text import printable

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


def evaluate(items: Sequence[Item], answers: Sequence[Answer]) -> Evaluation:
    """Counts answers against labels; both in the same order."""
    pairs = list(zip(items, answers, strict=True))
    table = Counter((item.disposition, answer.verdict.disposition) for item, answer in pairs)
    categories = _count((i.categories, a.categories) for i, a in pairs)
    dispositions = _count(
        (frozenset({i.disposition.value}), frozenset({a.verdict.disposition.value})) for i, a in pairs
    )
    if not any(i.disposition is Disposition.NEEDS_REVIEW for i in items):
        dispositions.pop(
            Disposition.NEEDS_REVIEW.value, None
        )  # nothing can be one: to leave it to a person is no mistake
    return Evaluation(
        rates=_rates(table),
        table=table,
        dispositions=dispositions,
        categories=categories,
        dismissed=tuple(_dismissal(i, a) for i, a in pairs if _live(i) and a.verdict.disposition in DISMISSALS),
        reliability=_reliability(pairs),
        precision_recall=_precision_recall(pairs, categories),
        rules=_fired(pairs),
        words=strongest_words(a.opinion for _, a in pairs if a.opinion),
    )


def _rates(table: Counter[tuple[Disposition, Disposition]]) -> dict[str, Rate]:
    def rate(true: Disposition, *said: Disposition) -> Rate:
        whole = sum(n for (t, _), n in table.items() if t is true)
        return Rate(sum(table[true, s] for s in said), whole)

    return {
        "false dismissals": rate(Disposition.IN_SCOPE, *DISMISSALS),
        "out-of-scope recall": rate(Disposition.OUT_OF_SCOPE, Disposition.OUT_OF_SCOPE),
        "not-a-report recall": rate(Disposition.NOT_A_REPORT, Disposition.NOT_A_REPORT),
        "review": Rate(sum(n for (_, s), n in table.items() if s is Disposition.NEEDS_REVIEW), table.total()),
    }


def _reliability(pairs: Sequence[tuple[Item, Answer]]) -> dict[str, tuple[Bin, ...]]:
    return {
        "in_scope": reliability((a.in_scope, _live(i)) for i, a in pairs if a.in_scope is not None),
        "dismissal": reliability(
            (a.verdict.confidence, i.disposition is a.verdict.disposition)
            for i, a in pairs
            if a.verdict.disposition in DISMISSALS
        ),
    }


def _precision_recall(pairs: Sequence[tuple[Item, Answer]], categories: Iterable[str]) -> dict[str, tuple[Point, ...]]:
    live = precision_recall(
        ((a.in_scope, _live(i)) for i, a in pairs if a.in_scope is not None), sum(_live(i) for i, _ in pairs)
    )
    return {"in_scope": live, **{c: _curve(c, pairs) for c in categories}}


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
