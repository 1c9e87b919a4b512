"""Two judges, one answer: what rules saw and what the model believes, made into one probability by fitted weights. Pure.

Per category a logistic regression over three things: the model's log-odds, the rules' added weights, a match in the subject;
the same weights for all categories, so that one with few examples learns from the others, and a second row for
what stands beside a genuine finding. Per disposition a multinomial one over what the model believes, what the subject names,
the strongest category, the signs by group and the length. Its weights are shrunk so hard that each is little more than the
difference of two means: the examples are written by few hands, and what sets their bodies apart sets apart no stranger's.
Both are fitted on predictions for texts that the model had not seen (Wolpert's stacking, 1992).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from classifiers.language import Tongue
from classifiers.regions import Region, opening
from classifiers.terms import Disposition, Evidence, Opinion, Place, Report, Span

DISPOSITIONS = tuple(d for d in Disposition if d is not Disposition.NEEDS_REVIEW)
GROUPS = ("genuine", "not_a_report", "incomplete")  # of signs
_ASKED = ("steps_to_reproduce", "software_and_versions")
OF_CATEGORY = 3  # numbers a category is weighed by
_EDGE = 0.002

AUTOMATIC = {
    "bounce": (5.0, "its headers say that it is a bounce"),
    "auto_reply": (5.0, "its headers say that it is an automatic reply"),
    "report": (5.0, "its headers say that it is a feedback report of a mail system"),
    "list": (1.5, "its headers say that it came through a mailing list"),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where probabilities become answers; chosen on held-out folds and kept in the model file."""

    category: float = 0.5  # a category is held from here on
    clear: float = 0.15  # nothing genuine is left over below this probability of in_scope
    live: float = 0.5  # from this probability on it counts as in_scope
    part: float = 0.9  # a part that reads more genuine is a finding by itself
    not_a_report: float = 0.8  # in the language that most examples are in
    not_a_report_short: float = 0.8  # of what is too short to tell its language
    not_a_report_other: float = 0.8  # in the other languages: fewer examples, more errors
    incomplete: float = 0.8

    def no_report(self, tongue: Tongue) -> float:
        """From where on a mail in this tongue counts as no report."""
        by_tongue = {Tongue.SHORT: self.not_a_report_short, Tongue.OTHER: self.not_a_report_other}
        return by_tongue.get(tongue, self.not_a_report)


# ------------------------------------------------------------------------------------------------ numbers


def logit(p: float) -> float:
    """Log-odds, at most about six either way: nothing that was learned is surer than that."""
    p = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


def added(weights: Sequence[float]) -> float:
    """Weights of several signs of one thing: the strongest whole, each further one half as much as the one before."""
    return math.fsum(w * 0.5**i for i, w in enumerate(sorted(weights, reverse=True)[:6]))


def total(evidence: Sequence[Evidence]) -> float:
    """What speaks for a group of signs, less what speaks against."""
    for_it = added([e.weight for e in evidence if e.speaks_for])
    return for_it - sum(e.weight for e in evidence if not e.speaks_for)


# ------------------------------------------------------------------------------------------------ what was seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything both voices have on one report."""

    groups: Mapping[str, Sequence[Evidence]]  # by category or group of signs
    opinion: Opinion
    excluded: Collection[str]  # the categories that the policy excludes
    head: Span | None  # of the sentence that stands for a subject that says nothing
    length: int  # characters

    @classmethod
    def of(
        cls,
        report: Report,
        regions: Sequence[Region],
        evidence: Sequence[Evidence],
        opinion: Opinion,
        excluded: Collection[str],
    ) -> Seen:
        """What its headers say of an automatic mail is a sign too."""
        groups: dict[str, list[Evidence]] = {}
        for e in (*evidence, *_automatic(report)):
            groups.setdefault(e.category, []).append(e)
        head = opening(report, regions)
        return cls(
            groups=groups,
            opinion=opinion,
            excluded=excluded,
            head=Span(head.passage, head.start, head.start + len(head.text)) if head else None,
            length=sum(len(p.text) for p in report.passages),
        )

    def total(self, group: str) -> float:
        return total(self.groups.get(group, ()))

    def within(self, span: Span, names: Collection[str]) -> float:
        """What speaks for these categories or groups in a stretch of the report."""
        found = (e for name in names for e in self.groups.get(name, ()) if e.speaks_for)
        return added([e.weight for e in found if _begins_in(e.span, span)])

    def believed(self, label: Disposition) -> float:
        """The model's probability."""
        return self.opinion.dispositions.get(label.value, 0.0)


def _begins_in(inner: Span | None, outer: Span) -> bool:
    return inner is not None and inner.passage == outer.passage and outer.start <= inner.start < outer.end


def _automatic(report: Report) -> Sequence[Evidence]:
    if report.automatic not in AUTOMATIC:
        return ()
    weight, reason = AUTOMATIC[report.automatic]
    source = f"sign:not_a_report.{report.automatic}"
    return (Evidence(source=source, category="not_a_report", speaks_for=True, weight=weight, reason=reason),)


def of_category(evidence: Sequence[Evidence], model: float) -> list[float]:
    """The three numbers a category is weighed by; `evidence` is the category's own. A carve-out is the decision's matter."""
    pro = [e for e in evidence if e.speaks_for]
    return [logit(model), added([e.weight for e in pro]), float(any(e.where is Place.SUBJECT for e in pro))]


def of_report(seen: Seen) -> list[float]:
    """The numbers a disposition is weighed by."""
    named = {c: e for c, e in seen.groups.items() if c in seen.excluded}
    strength = {c: added([x.weight for x in e if x.speaks_for]) for c, e in named.items()}
    free = {c: w for c, w in strength.items() if all(x.speaks_for for x in named[c])}  # no carve-out fires
    vetoed = any(strength[c] > 0 for c in strength.keys() - free.keys())
    return [
        logit(seen.opinion.headline),
        *(logit(seen.believed(d)) for d in DISPOSITIONS),
        logit(max(seen.opinion.categories.values(), default=0.0)),
        max(strength.values(), default=0.0),
        max(free.values(), default=0.0),
        float(vetoed),
        *map(seen.total, GROUPS),
        *(float(asked in seen.groups) for asked in _ASKED),
        math.log(1 + seen.length),
        *_by_subject(seen, named, free),
    ]


def _by_subject(seen: Seen, named: Mapping[str, Sequence[Evidence]], free: Collection[str]) -> list[float]:
    """What the subject names: something excluded, a finding, both, one alone, neither. Who reports says there what it is."""
    found = any(_heads(seen.head, e) for e in seen.groups.get("genuine", ()))
    noise = {c for c, evidence in named.items() if any(_heads(seen.head, e) for e in evidence)}
    clear = any(c in free for c in noise)
    flags = (bool(noise), found, noise and not found, clear and not found, found and not noise, not found and not noise)
    return [float(bool(flag)) for flag in flags]


def _heads(head: Span | None, e: Evidence) -> bool:
    if not e.speaks_for or e.span is None:
        return False
    return e.where is Place.SUBJECT or (
        head is not None and head.passage == e.span.passage and head.start <= e.span.start < head.end
    )


# ------------------------------------------------------------------------------------------------ the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The fitted weights. Immutable; travels in the model file as plain numbers."""

    category: tuple[float, ...]  # of `of_category`, and the intercept at the end: in a report that is not genuine
    beside: tuple[float, ...]  # likewise beside a genuine finding
    middle: tuple[float, ...]  # of each number of `of_report` over the examples
    spread: tuple[float, ...]
    dispositions: tuple[tuple[float, ...], ...]  # of each disposition: a weight a number, and the intercept at the end

    def of_category(self, evidence: Sequence[Evidence], model: float, live: float = 0.0) -> float:
        """The probability of a category in a report that is genuine with probability `live`."""
        numbers = of_category(evidence, model)
        alone, beside = (
            sigmoid(row[-1] + math.fsum(w * x for w, x in zip(row[:-1], numbers, strict=True)))
            for row in (self.category, self.beside)
        )
        return (1 - live) * alone + live * beside

    def of_dispositions(self, seen: Seen) -> dict[Disposition, float]:
        """Probabilities of the four dispositions; they add up to one."""
        scaled = [(x - m) / s for x, m, s in zip(of_report(seen), self.middle, self.spread, strict=True)]
        scores = [
            row[-1] + math.fsum(w * x for w, x in zip(row[:-1], scaled, strict=True)) for row in self.dispositions
        ]
        top = max(scores)
        parts = [math.exp(s - top) for s in scores]
        return {d: part / math.fsum(parts) for d, part in zip(DISPOSITIONS, parts, strict=True)}


SILENT = 0.18  # of each disposition, where no model was asked
UNASKED = Opinion(dispositions={d.value: SILENT for d in DISPOSITIONS})


def by_hand() -> Fusion:
    """Weights for rules without a model, set and not fitted: the signs speak, and a named category stands against a finding."""
    width = len(of_report(Seen(groups={}, opinion=UNASKED, excluded=(), head=None, length=0)))
    first = (
        1 + len(DISPOSITIONS) + 4
    )  # where the signs' totals begin; two before them stands what no carve-out speaks against

    def row(disposition: Disposition, group: str | None) -> tuple[float, ...]:
        weights = [0.0] * (width + 1)
        if group is not None:
            weights[1 + DISPOSITIONS.index(disposition)] = 1.0
            weights[first + GROUPS.index(group)] = 1.0
        if disposition is Disposition.IN_SCOPE:
            weights[first - 1] = -1.0  # what is half excluded is first of all in doubt
        if disposition is Disposition.OUT_OF_SCOPE:
            weights[first - 2] = 0.3
        return tuple(weights)

    groups = {
        Disposition.IN_SCOPE: "genuine",
        Disposition.NOT_A_REPORT: "not_a_report",
        Disposition.INCOMPLETE: "incomplete",
    }
    category = (0.7, 1.0, 0.0, -0.6)
    return Fusion(
        category=category,
        beside=category,
        middle=(0.0,) * width,
        spread=(1.0,) * width,
        dispositions=tuple(row(d, groups.get(d)) for d in DISPOSITIONS),
    )
