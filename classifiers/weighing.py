"""A category weighed by both voices, and what a verdict says of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifiers.fusion import Fusion, Thresholds, added, logit
from classifiers.policy import Policy
from classifiers.terms import Disposition, Evidence, Finding, Opinion

TELLING = 2.5  # log-odds of rules that tell by themselves
BESIDE = 0.7  # of a category beside a genuine finding: most of what is named there belongs to the finding
ALONE = 0.7  # of a category that no rule shows
UNTAUGHT = 3.5  # what rules need by themselves for a category that the model was never taught
UNTOLD = 0.12  # of a category of which no model says anything: about one report in eight
LIKELY = 0.5
HEARD = 0.1  # below it the model says no

# How a sentence begins that adds something: a list item, or a word that says so.
_ADDS = re.compile(
    r"\W*(?:\(?[0-9a-h][.):]|[-*\u2022+]\s|(?i:also|besides|moreover|additionally|in addition|furthermore|further|another|secondly|"
    r"finally|minor|lastly|btw|by the way|apart from|next to|plus|ps|p\.s\.)\b)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One category with both voices."""

    category: str
    evidence: tuple[Evidence, ...]
    rules: float  # log-odds seen by the rules
    model: float | None  # probability; None where it was not asked or never taught
    vetoed: bool
    probability: float
    held: bool
    agreed: bool


def weigh(
    category: str,
    evidence: Sequence[Evidence],
    model: float | None,
    *,
    live: float,
    fusion: Fusion,
    at: Thresholds,
    printed: bool,
    asked: bool,
) -> Weighed:
    """Both voices on a category. In what a tool printed words stand for findings only where a rule says so."""
    rules = added([e.weight for e in evidence if e.speaks_for])
    probability = fusion.of_category(evidence, UNTOLD if model is None else model, live)
    if model is None:
        agreed = rules >= (UNTAUGHT if asked else TELLING)
    else:
        agreed = (rules >= TELLING and model >= HEARD) or (rules >= 1.0 and model >= LIKELY)
    return Weighed(
        category=category, evidence=tuple(evidence), rules=rules, model=model,
        vetoed=any(not e.speaks_for for e in evidence), probability=probability,
        held=probability >= (at.category if rules > 0 else max(at.category, ALONE)) and (rules > 0 or not printed),
        agreed=agreed,
    )  # fmt: skip


def is_listed(w: Weighed, disposition: Disposition) -> bool:
    """Whether a verdict names a category. Beside a genuine finding: where it is likely, or plainly added to it."""
    if w.vetoed or disposition is Disposition.NOT_A_REPORT:
        return False
    if disposition is not Disposition.IN_SCOPE:
        return w.held
    return w.probability >= BESIDE or (
        w.rules >= TELLING and any(e.speaks_for and _ADDS.match(e.quote) for e in w.evidence)
    )


def findings(weighed: Iterable[Weighed], policy: Policy, opinion: Opinion) -> tuple[Finding, ...]:
    return tuple(_finding(w, policy, opinion) for w in sorted(weighed, key=lambda w: -w.probability))


def _finding(w: Weighed, policy: Policy, opinion: Opinion) -> Finding:
    clause, kind = policy.clause_of(w.category, w.evidence)
    evidence = w.evidence
    if w.model is not None and w.model >= HEARD:
        words = next((f" for “{t}”" for label, t, _ in opinion.words if label == w.category), "")
        evidence = (
            *evidence,
            Evidence(
                source="model", category=w.category, speaks_for=w.model >= LIKELY, weight=round(logit(w.model), 2),
                reason=f"the model gives it a probability of {w.model:.2f}{words}",
            ),
        )  # fmt: skip
    return Finding(
        category=w.category, probability=round(w.probability, 4), clause=clause, clause_kind=kind, evidence=evidence
    )
