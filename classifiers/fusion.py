"""Two judges, one answer: what rules saw and what the model believes, made into one probability by fitted weights. Pure.

Per category a logistic regression over four things: the model's log-odds, the rules' added weights, a carve-out, a match in
the subject; the same weights for all categories, so that one with few examples learns from the others. Per disposition a
multinomial one over the model's log-odds, the strongest category, the signs by group and one by one, and the length.
Both are fitted on predictions for texts that the model had not seen (Wolpert's stacking, 1992).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifiers.terms import Disposition, Evidence, Opinion, Place, Report

DISPOSITIONS = tuple(d for d in Disposition if d is not Disposition.NEEDS_REVIEW)
GROUPS = ("genuine", "not_a_report", "incomplete")  # of signs
_ASKED = ("steps_to_reproduce", "software_and_versions")
_EDGE = 0.002
# Below these no category is agreed on and no mail taken for no report; above the last nothing is dismissed.
NAMED, QUIET, GENUINE = 0.1, 0.3, 0.95


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
    report: Report, groups: Mapping[str, Sequence[Evidence]], opinion: Opinion, strongest: float, sources: Sequence[str]
) -> list[float]:
    """The numbers a disposition is weighed by. `strongest`: of the categories; `sources`: the signs that count one by one."""
    seen = {e.source for group in GROUPS for e in groups.get(group, ())}
    genuine = groups.get("genuine", ())
    return [
        *(logit(opinion.dispositions.get(d.value, 0.0)) for d in DISPOSITIONS),
        logit(strongest),
        *(total(groups.get(group, ())) for group in GROUPS),
        float(any(not e.speaks_for for group, found in groups.items() if group not in GROUPS for e in found)),
        *(float(asked in groups) for asked in _ASKED),
        math.log(1 + sum(len(p.text) for p in report.passages)),
        float(any(e.where is Place.SUBJECT for e in genuine)),
        *(float(source in seen) for source in sources),
    ]


def is_worth_taking_apart(p: Mapping[str, float]) -> bool:
    """Whether a report's parts can matter, by the model's probability of each label: only where a dismissal is near."""
    told = {d.value for d in DISPOSITIONS}
    named = max((x for label, x in p.items() if label not in told), default=0.0)
    quiet = p.get(Disposition.NOT_A_REPORT.value, 0.0)
    return (named >= NAMED or quiet >= QUIET) and p.get(Disposition.IN_SCOPE.value, 0.0) < GENUINE


def most_genuine(opinion: Opinion) -> float:
    """The model's probability of a genuine finding in the most genuine part; 0 where the report has no parts."""
    return max((p.get(Disposition.IN_SCOPE.value, 0.0) for _, p in opinion.parts), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """The fitted weights. Immutable; travels in the model file as plain numbers."""

    category: tuple[float, ...]  # of `of_category`, and the intercept at the end
    sources: tuple[str, ...]
    middle: tuple[float, ...]  # of each number of `of_report` over the examples
    spread: tuple[float, ...]
    dispositions: tuple[tuple[float, ...], ...]  # of each disposition: a weight a number, and the intercept at the end

    def of_category(self, evidence: Sequence[Evidence], model: float) -> float:
        """The probability of a category."""
        *weights, intercept = self.category
        return sigmoid(intercept + math.fsum(w * x for w, x in zip(weights, of_category(evidence, model), strict=True)))

    def of_dispositions(
        self, report: Report, groups: Mapping[str, Sequence[Evidence]], opinion: Opinion, strongest: float
    ) -> dict[Disposition, float]:
        """Probabilities of the four dispositions; they add up to one."""
        numbers = of_report(report, groups, opinion, strongest, self.sources)
        scaled = [(x - m) / s for x, m, s in zip(numbers, self.middle, self.spread, strict=True)]
        scores = [
            row[-1] + math.fsum(w * x for w, x in zip(row[:-1], scaled, strict=True)) for row in self.dispositions
        ]
        top = max(scores)
        parts = [math.exp(s - top) for s in scores]
        return {d: part / math.fsum(parts) for d, part in zip(DISPOSITIONS, parts, strict=True)}
