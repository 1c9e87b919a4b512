"""The decision: evidence and opinion in, one verdict out. Pure.

It never dismisses by one voice alone: rules and model must agree, nothing may speak against it, and nothing technical may be
left over. Whatever stays in doubt goes to a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from classifiers.fusion import UNASKED, Fusion, Seen, Thresholds, added, logit
from classifiers.partwise import most_genuine_part, no_report
from classifiers.policy import Policy, assets_named
from classifiers.readable import unreadable
from classifiers.regions import Region, RegionKind
from classifiers.terms import Acknowledgement, Disposition, Evidence, Finding, Opinion, Report, Verdict, Versions

TELLING = 2.5  # log-odds of rules that tell by themselves
GENUINE = 3.0  # log-odds of signs from which a finding counts as genuine
TECHNICAL = 1.5  # from which something technical was said
BESIDE = 0.7  # of a category beside a genuine finding: most of what is named there belongs to the finding
ALONE = 0.7  # of a category that no rule shows
AGAINST = -1.0  # signs of no report, from which the rules contradict the model
REMOTE = 0.02  # of a finding in the whole, below which no part is taken for one
TOLD = 1.0  # signs of no report, from which the rules say so
PLAIN = 3.5  # signs of no report that leave no doubt: a mail system wrote it
UNTAUGHT = 3.5  # what rules need by themselves for a category that the model was never taught
LIKELY = 0.5
HEARD = 0.1  # below it the model says no

SHOWN = "it shows a genuine finding"
CLAIMED = "a technical claim that no clause of the policy excludes"
EXCLUDED = "rules and model agree that the policy excludes all of it"
BY_RULES = "the rules say that the policy excludes all of it; no model was asked"
CONTESTED = "the policy would exclude it, but something in it speaks against that"
LEFT = "something technical may be left over beside what the policy excludes"
UNSURE = "neither rules nor model are sure what this is"
DISAGREE = "rules and model do not agree"


def decide(
    report: Report,
    *,
    regions: Sequence[Region],
    evidence: Sequence[Evidence],
    opinion: Opinion | None,
    fusion: Fusion,
    thresholds: Thresholds,
    acknowledgement: Acknowledgement,
    policy: Policy,
    versions: Versions,
) -> Verdict:
    """The verdict on a report, with everything that was seen beside it. `opinion`: None where no model is asked."""
    seen = Seen.of(report, regions, evidence, opinion or UNASKED, policy.kinds)
    probabilities = fusion.of_dispositions(seen)
    live = probabilities[Disposition.IN_SCOPE]
    export = any(r.kind is RegionKind.EXPORT for r in regions)
    taught = opinion.categories if opinion else {}
    weigh = partial(_weigh, live=live, fusion=fusion, at=thresholds, export=export, asked=opinion is not None)
    # A category of which neither voice says anything can be neither held nor considered.
    named = [
        c for c in dict.fromkeys((*policy.kinds, *sorted(taught))) if c in seen.groups or taught.get(c, 0) >= HEARD
    ]
    weighed = [weigh(c, seen.groups.get(c, ()), taught.get(c)) for c in named]
    assets = assets_named(report, policy.assets)
    case = _Case(
        held=tuple(w for w in weighed if w.held and not w.vetoed and w.category in policy.kinds),
        vetoed=tuple(w for w in weighed if w.held and w.vetoed and w.category in policy.kinds),
        unexcluded=any(w.held and not w.vetoed and w.category not in policy.kinds for w in weighed),
        seen=seen,
        asked=opinion is not None,
        at=thresholds,
        probabilities=probabilities,
        part=most_genuine_part(seen),
        names_asset=bool(assets),
    )
    unread = unreadable(report, regions)
    disposition, confidence, why = (Disposition.NEEDS_REVIEW, 0.9, unread) if unread else _first(case)
    held = [w for w in weighed if _is_listed(w, disposition)]
    left = [w for w in weighed if w.evidence and w not in held]
    return Verdict(
        report=report.key, disposition=disposition, confidence=round(confidence, 4), why=why,
        categories=_findings(held, policy, seen.opinion), considered=_findings(left, policy, seen.opinion), signs=_signs(seen),
        acknowledgement=acknowledgement,
        missing=tuple(r.id for r in policy.requested if r.id not in seen.groups),
        assets=assets, defects=report.defects,
        rules_say=_rules_alone(case), model_says=_model_alone(opinion),
        policy=policy.name, versions=versions,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ categories


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """One category with both voices."""

    category: str
    evidence: tuple[Evidence, ...]
    rules: float  # log-odds seen by the rules
    model: float | None  # probability; None where it was not asked or never taught
    vetoed: bool
    probability: float
    held: bool
    agreed: bool


def _weigh(
    category: str,
    evidence: Sequence[Evidence],
    model: float | None,
    *,
    live: float,
    fusion: Fusion,
    at: Thresholds,
    export: bool,
    asked: bool,
) -> _Weighed:
    """Both voices on a category. In a scanner's file words stand for findings only where a rule says so."""
    rules = added([e.weight for e in evidence if e.speaks_for])
    probability = fusion.of_category(evidence, UNTOLD if model is None else model, live)
    if model is None:
        agreed = rules >= (UNTAUGHT if asked else TELLING)
    else:
        agreed = (rules >= TELLING and model >= HEARD) or (rules >= 1.0 and model >= LIKELY)
    return _Weighed(
        category=category, evidence=tuple(evidence), rules=rules, model=model,
        vetoed=any(not e.speaks_for for e in evidence), probability=probability,
        held=probability >= (at.category if rules > 0 else max(at.category, ALONE)) and (rules > 0 or not export),
        agreed=agreed,
    )  # fmt: skip


UNTOLD = 0.12  # of a category of which no model says anything: about one report in eight

# How a sentence begins that adds something: a list item, or a word that says so.
_ADDS = re.compile(
    r"\W*(?:\(?[0-9a-h][.):]|[-*\u2022+]\s|(?i:also|besides|moreover|additionally|in addition|furthermore|further|another|secondly|"
    r"finally|minor|lastly|btw|by the way|apart from|next to|plus|ps|p\.s\.)\b)"
)


def _is_listed(w: _Weighed, disposition: Disposition) -> bool:
    """Whether a verdict names a category. Beside a genuine finding: where it is likely, or plainly added to it."""
    if w.vetoed or disposition is Disposition.NOT_A_REPORT:
        return False
    if disposition is not Disposition.IN_SCOPE:
        return w.held
    return w.probability >= BESIDE or (
        w.rules >= TELLING and any(e.speaks_for and _ADDS.match(e.quote) for e in w.evidence)
    )


def _findings(weighed: Iterable[_Weighed], policy: Policy, opinion: Opinion) -> tuple[Finding, ...]:
    return tuple(_finding(w, policy, opinion) for w in sorted(weighed, key=lambda w: -w.probability))


def _finding(w: _Weighed, policy: Policy, opinion: Opinion) -> Finding:
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


# ------------------------------------------------------------------------------------------------ the steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything a step of the decision may look at."""

    held: tuple[_Weighed, ...]  # excluded by the policy and held
    vetoed: tuple[_Weighed, ...]  # would be held, were it not for a carve-out
    unexcluded: bool  # a category is held that no clause excludes
    seen: Seen
    asked: bool  # whether there is a model
    at: Thresholds
    probabilities: dict[Disposition, float]
    part: float
    names_asset: bool

    @property
    def genuine(self) -> float:
        """Log-odds of its signs of a finding."""
        return added([e.weight for e in self.seen.groups.get("genuine", ()) if e.speaks_for])


_Step = tuple[Disposition, float, str]


def _first(case: _Case) -> _Step:
    """The first step that applies. A dismissal needs more than a probability: agreement on a clause, and no carve-out."""
    live, at = case.probabilities[Disposition.IN_SCOPE], case.at
    if live >= at.live:
        beside = ", beside parts that the policy excludes" if case.held else ""
        return Disposition.IN_SCOPE, live, (SHOWN if case.genuine >= TECHNICAL else CLAIMED) + beside
    if case.vetoed:
        return Disposition.NEEDS_REVIEW, 1 - live, CONTESTED
    quiet = no_report(case.probabilities[Disposition.NOT_A_REPORT], case.part)
    if (step := _no_finding(case, Disposition.NOT_A_REPORT, quiet, at.not_a_report)) is not None:
        return step
    if case.part > at.part and live > REMOTE:
        return Disposition.IN_SCOPE, case.part, "one part of it reads like a genuine finding"
    return _left_over(case) if live > at.clear else _dismissed(case)


def _left_over(case: _Case) -> _Step:
    """Of a report that may hold something genuine."""
    if case.genuine >= GENUINE:
        return Disposition.IN_SCOPE, max(0.5, case.probabilities[Disposition.IN_SCOPE]), SHOWN + ", beside other parts"
    return Disposition.NEEDS_REVIEW, 1 - case.probabilities[Disposition.IN_SCOPE], LEFT if case.held else UNSURE


def _dismissed(case: _Case) -> _Step:
    """Of a report in which nothing genuine is left: what it is instead, where both voices say so."""
    live = case.probabilities[Disposition.IN_SCOPE]
    if case.seen.total(Disposition.NOT_A_REPORT.value) >= PLAIN and case.genuine < TECHNICAL:
        return Disposition.NOT_A_REPORT, 1 - live, "the rules know what kind of mail this is, and it holds no finding"
    if any(w.agreed for w in case.held):
        return Disposition.OUT_OF_SCOPE, 1 - live, EXCLUDED if case.asked else BY_RULES
    if case.held:
        return Disposition.NEEDS_REVIEW, 0.6, DISAGREE
    asks = case.probabilities[Disposition.INCOMPLETE]
    if (step := _no_finding(case, Disposition.INCOMPLETE, asks, case.at.incomplete)) is not None:
        return step
    return (Disposition.IN_SCOPE, 0.5, CLAIMED) if case.unexcluded else (Disposition.NEEDS_REVIEW, 0.5, UNSURE)


def _no_finding(case: _Case, disposition: Disposition, probability: float, at: float) -> _Step | None:
    """Not a report, or an incomplete one, where both voices say so and nothing technical speaks against."""
    signs = case.seen.total(disposition.value)
    # A mail that names a component in scope says something of it, unless the rules know what kind of mail this is.
    least = TOLD if case.names_asset else AGAINST
    if probability < at or signs <= least or case.genuine >= TECHNICAL:
        return None
    # A failure report of a mail system speaks of SPF and is none about it; without signs of that kind the category stands.
    if case.held and not (disposition is Disposition.NOT_A_REPORT and signs >= TOLD):
        return None
    letter = disposition is Disposition.NOT_A_REPORT
    what = "no report of a vulnerability" if letter else "asks, but tells nothing technical"
    return disposition, probability, f"rules and model agree: {what}"


# ------------------------------------------------------------------------------------------------ each voice alone


def _signs(seen: Seen) -> tuple[Evidence, ...]:
    genuine = (e for e in seen.groups.get("genuine", ()) if e.speaks_for)
    return tuple(sorted(genuine, key=lambda e: -e.weight))


def _rules_alone(case: _Case) -> str:
    """What the rules would say by themselves, for the card."""
    if case.genuine >= GENUINE:
        return Disposition.IN_SCOPE.value
    if any(w.rules >= TELLING for w in case.held):
        return Disposition.OUT_OF_SCOPE.value
    if case.vetoed:
        return Disposition.NEEDS_REVIEW.value
    signs = {
        Disposition.NOT_A_REPORT: case.seen.total("not_a_report"),
        Disposition.INCOMPLETE: case.seen.total("incomplete"),
        Disposition.IN_SCOPE: case.genuine,
    }
    best = max(signs, key=lambda d: signs[d])
    return best.value if signs[best] >= 1.0 else ""


def _model_alone(opinion: Opinion | None) -> str:
    told = opinion.dispositions if opinion else {}
    return max(told, key=lambda d: told[d], default="")
