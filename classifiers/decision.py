"""The decision: evidence and opinion in, one verdict out. Pure.

It never dismisses by one voice alone: rules and model must agree, nothing may speak against it, and nothing technical may be
left over. Whatever stays in doubt goes to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from classifiers.fusion import UNASKED, Fusion, Seen, Thresholds, added
from classifiers.language import Tongue
from classifiers.partwise import most_genuine_part, no_report
from classifiers.policy import Policy, assets_named
from classifiers.readable import spoken, unreadable
from classifiers.regions import Region, RegionKind
from classifiers.terms import Acknowledgement, Disposition, Evidence, Opinion, Report, Verdict, Versions
from classifiers.weighing import HEARD, TELLING, Weighed, findings, is_listed, weigh

GENUINE = 3.0  # log-odds of signs from which a finding counts as genuine
TECHNICAL = 1.5  # from which something technical was said
AGAINST = -1.0  # signs of a plea, from which the rules contradict the model
REMOTE = 0.02  # of a finding in the whole, below which no part is taken for one
# How genuine a part reads that rules and model both hold for a finding, far as the whole may be from one.
SHOWN_IN_PART = 0.9
TOLD = 1.0  # signs of no report, from which the rules say so
PLAIN = 3.5  # signs of no report that leave no doubt: a mail system wrote it

SHOWN = "it shows a genuine finding"
CLAIMED = "a technical claim that no clause of the policy excludes"
EXCLUDED = "rules and model agree that the policy excludes all of it"
BY_RULES = "the rules say that the policy excludes all of it; no model was asked"
CONTESTED = "the policy would exclude it, but something in it speaks against that"
LEFT = "something technical may be left over beside what the policy excludes"
LEFT_IN_PART = "rules and model both see a finding in one part of it, whatever the rest is"
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
    printed = _is_printed(regions, seen.length)
    taught = opinion.categories if opinion else {}
    weigh_one = partial(weigh, live=live, fusion=fusion, at=thresholds, printed=printed, asked=opinion is not None)
    # A category of which neither voice says anything can be neither held nor considered.
    named = [
        c for c in dict.fromkeys((*policy.kinds, *sorted(taught))) if c in seen.groups or taught.get(c, 0) >= HEARD
    ]
    weighed = [weigh_one(c, seen.groups.get(c, ()), taught.get(c)) for c in named]
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
        tongue=Tongue.of(spoken(report, regions)),
    )
    unread = unreadable(report, regions)
    disposition, confidence, why = (Disposition.NEEDS_REVIEW, 0.9, unread) if unread else _first(case)
    held = [w for w in weighed if is_listed(w, disposition)]
    left = [w for w in weighed if w.evidence and w not in held]
    return Verdict(
        report=report.key, disposition=disposition, confidence=round(confidence, 4), why=why,
        categories=findings(held, policy, seen.opinion), considered=findings(left, policy, seen.opinion), signs=_signs(seen),
        acknowledgement=acknowledgement,
        missing=tuple(r.id for r in policy.requested if r.id not in seen.groups),
        assets=assets, defects=report.defects,
        rules_say=_rules_alone(case), model_says=_model_alone(opinion),
        policy=policy.name, versions=versions,
    )  # fmt: skip


def _is_printed(regions: Sequence[Region], length: int) -> bool:
    """Whether a tool wrote the report: there is a scanner's file, or most of it is pasted output."""
    if any(r.kind is RegionKind.EXPORT for r in regions):
        return True
    return 2 * sum(r.span.end - r.span.start for r in regions if r.kind is RegionKind.TOOL) > length


# ------------------------------------------------------------------------------------------------ the steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Everything a step of the decision may look at."""

    held: tuple[Weighed, ...]  # excluded by the policy and held
    vetoed: tuple[Weighed, ...]  # would be held, were it not for a carve-out
    unexcluded: bool  # a category is held that no clause excludes
    seen: Seen
    asked: bool  # whether there is a model
    at: Thresholds
    probabilities: dict[Disposition, float]
    part: float
    names_asset: bool
    tongue: Tongue

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
    if (step := _no_report(case)) is not None:
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
    if case.genuine >= GENUINE and case.part > SHOWN_IN_PART:
        return Disposition.NEEDS_REVIEW, 0.5, LEFT_IN_PART
    if case.seen.total(Disposition.NOT_A_REPORT.value) >= PLAIN and case.genuine < TECHNICAL:
        return Disposition.NOT_A_REPORT, 1 - live, "the rules know what kind of mail this is, and it holds no finding"
    if any(w.agreed for w in case.held):
        return Disposition.OUT_OF_SCOPE, 1 - live, EXCLUDED if case.asked else BY_RULES
    if case.held:
        return Disposition.NEEDS_REVIEW, 0.6, DISAGREE
    if (step := _incomplete(case)) is not None:
        return step
    return (Disposition.IN_SCOPE, 0.5, CLAIMED) if case.unexcluded else (Disposition.NEEDS_REVIEW, 0.5, UNSURE)


def _no_report(case: _Case) -> _Step | None:
    """Where both voices together say so. A mail that names a component in scope, or what the policy excludes, says something
    of it, unless the rules know what kind of mail this is: a failure report of a mail system speaks of SPF and is none about it.
    """
    probability = no_report(case.probabilities[Disposition.NOT_A_REPORT], case.part)
    known = case.seen.total(Disposition.NOT_A_REPORT.value) >= TOLD
    scattered = 0 < case.part <= SHOWN_IN_PART  # in a long mail some words of findings stand by chance, here and there
    if probability < case.at.no_report(case.tongue) or (case.genuine >= GENUINE and not scattered):
        return None
    if (case.names_asset or case.held) and not known:
        return None
    return Disposition.NOT_A_REPORT, probability, "rules and model agree: no report of a vulnerability"


def _incomplete(case: _Case) -> _Step | None:
    """Where both voices say so and nothing technical speaks against."""
    probability = case.probabilities[Disposition.INCOMPLETE]
    signs = case.seen.total(Disposition.INCOMPLETE.value)
    if probability < case.at.incomplete or case.genuine >= TECHNICAL:
        return None
    if signs <= (TOLD if case.names_asset else AGAINST):
        return None
    return Disposition.INCOMPLETE, probability, "rules and model agree: asks, but tells nothing technical"


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
