"""Two judges, one answer: what rules saw and what the model believes, made into one probability by fitted weights. Pure.

Per category a logistic regression over four things: the model's log-odds, the rules' added weights, a carve-out, a match in
the subject; the same weights for all categories, so that one with few examples learns from the others. Per disposition a
multinomial one over what the model believes of the subject, what the subject names, the strongest category, the signs by group
and the length. Its weights are shrunk so hard that each is little more than the difference of two means: the examples are
written by few hands, and what sets their bodies apart sets apart no stranger's.
Both are fitted on predictions for texts that the model had not seen (Wolpert's stacking, 1992).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from classifiers.terms import Disposition, Evidence, Opinion, Place, Report, Span

DISPOSITIONS = tuple(d for d in Disposition if d is not Disposition.NEEDS_REVIEW)
GROUPS = ("genuine", "not_a_report", "incomplete")  # of signs
_ASKED = ("steps_to_reproduce", "software_and_versions")
_EDGE = 0.002
# Below these no category is agreed on and no mail taken for no report; above the last nothing is dismissed.
NAMED, QUIET, GENUINE = 0.1, 0.3, 0.95
NOTHING_LIKE = 0.2  # of a category in a part: below it the part is about something else


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


def of_category(evidence: Sequence[Evidence], model: float) -> list[float]:
    """The four numbers a category is weighed by; `evidence` is the category's own."""
    pro = [e for e in evidence if e.speaks_for]
    return [
        logit(model),
        added([e.weight for e in pro]),
        float(len(pro) < len(evidence)),
        float(any(e.where is Place.SUBJECT for e in pro)),
    ]


def of_report(
    report: Report,
    head: Span | None,
    groups: Mapping[str, Sequence[Evidence]],
    opinion: Opinion,
    excluded: Collection[str],
) -> list[float]:
    """The numbers a disposition is weighed by.

    `head`: of the sentence that stands for a subject that says nothing; `excluded`: the categories that the policy excludes.
    """
    named = {c: e for c, e in groups.items() if c in excluded}
    strength = {c: added([x.weight for x in e if x.speaks_for]) for c, e in named.items()}
    free = {c: w for c, w in strength.items() if all(x.speaks_for for x in named[c])}  # no carve-out fires
    vetoed = any(strength[c] > 0 for c in strength.keys() - free.keys())
    return [
        logit(opinion.headline),
        logit(opinion.dispositions.get(Disposition.NOT_A_REPORT.value, 0.0)),
        logit(opinion.dispositions.get(Disposition.INCOMPLETE.value, 0.0)),
        logit(max(opinion.categories.values(), default=0.0)),
        max(strength.values(), default=0.0),
        max(free.values(), default=0.0),
        float(vetoed),
        *(total(groups.get(group, ())) for group in GROUPS),
        *(float(asked in groups) for asked in _ASKED),
        math.log(1 + sum(len(p.text) for p in report.passages)),
        *_by_subject(head, groups.get("genuine", ()), named, free),
    ]


def _by_subject(
    head: Span | None, genuine: Sequence[Evidence], named: Mapping[str, Sequence[Evidence]], free: Collection[str]
) -> list[float]:
    """What the subject names: something excluded, a finding, both, one alone, neither. Who reports says there what it is."""
    found = any(_heads(head, e) for e in genuine)
    noise = {c for c, seen in named.items() if any(_heads(head, e) for e in seen)}
    clear = any(c in free for c in noise)
    flags = (bool(noise), found, noise and not found, clear and not found, found and not noise, not found and not noise)
    return [float(bool(flag)) for flag in flags]


def _heads(head: Span | None, e: Evidence) -> bool:
    if not e.speaks_for or e.span is None:
        return False
    return e.where is Place.SUBJECT or (
        head is not None and head.passage == e.span.passage and head.start <= e.span.start < head.end
    )


def is_worth_taking_apart(p: Mapping[str, float]) -> bool:
    """Whether a report's parts can matter, by the model's probability of each label: only where a dismissal is near."""
    told = {d.value for d in DISPOSITIONS}
    named = max((x for label, x in p.items() if label not in told), default=0.0)
    quiet = p.get(Disposition.NOT_A_REPORT.value, 0.0)
    return (named >= NAMED or quiet >= QUIET) and p.get(Disposition.IN_SCOPE.value, 0.0) < GENUINE


def most_genuine(opinion: Opinion) -> float:
    """The model's probability of a genuine finding in the most genuine part that looks like nothing excluded.

    0 where the report has no such part: how an excluded thing is reproduced reads much like a finding.
    """
    told = {d.value for d in DISPOSITIONS}
    apart = (p for _, p in opinion.parts if max((x for c, x in p.items() if c not in told), default=0.0) < NOTHING_LIKE)
    return max((p.get(Disposition.IN_SCOPE.value, 0.0) for p in apart), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The fitted weights. Immutable; travels in the model file as plain numbers."""

    category: tuple[float, ...]  # of `of_category`, and the intercept at the end
    middle: tuple[float, ...]  # of each number of `of_report` over the examples
    spread: tuple[float, ...]
    dispositions: tuple[tuple[float, ...], ...]  # of each disposition: a weight a number, and the intercept at the end

    def of_category(self, evidence: Sequence[Evidence], model: float) -> float:
        """The probability of a category."""
        *weights, intercept = self.category
        return sigmoid(intercept + math.fsum(w * x for w, x in zip(weights, of_category(evidence, model), strict=True)))

    def of_dispositions(
        self,
        report: Report,
        head: Span | None,
        groups: Mapping[str, Sequence[Evidence]],
        opinion: Opinion,
        excluded: Collection[str],
    ) -> dict[Disposition, float]:
        """Probabilities of the four dispositions; they add up to one. Arguments as of `of_report`."""
        numbers = of_report(report, head, groups, opinion, excluded)
        scaled = [(x - m) / s for x, m, s in zip(numbers, self.middle, self.spread, strict=True)]
        scores = [
            row[-1] + math.fsum(w * x for w, x in zip(row[:-1], scaled, strict=True)) for row in self.dispositions
        ]
        top = max(scores)
        parts = [math.exp(s - top) for s in scores]
        return {d: part / math.fsum(parts) for d, part in zip(DISPOSITIONS, parts, strict=True)}
