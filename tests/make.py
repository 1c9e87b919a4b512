"""Values for tests: a report from words, and the judge with the shipped rules and model."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from classifiers.acknowledgement import find_acknowledgement
from classifiers.learned import Learned
from classifiers.policy import Policy, Thresholds, decide
from classifiers.policyfiles import load_policy
from classifiers.regions import find_regions
from classifiers.rulebook import Rulebook
from classifiers.terms import Passage, Place, Report, Verdict, Versions, report_key

ROOT = Path(__file__).parent.parent
RULES = ROOT / "rules"
MODEL = ROOT / "classifiers" / "model.npz"


def make_report(subject: str = "", body: str = "", *more: tuple[Place, str]) -> Report:
    """A report with a subject, a body and further passages."""
    passages = [Passage(place=Place.SUBJECT, text=subject), Passage(place=Place.BODY, text=body)]
    passages += [Passage(place=place, text=text) for place, text in more]
    raw = "\n".join(p.text for p in passages).encode()
    return Report(key=report_key(raw), size=len(raw), subject=subject, passages=tuple(passages))


@lru_cache
def rulebook() -> Rulebook:
    return Rulebook.load(RULES)


@lru_cache
def policy(name: str = "planetscale") -> Policy:
    return load_policy(RULES, name, rulebook())


@lru_cache
def model() -> Learned:
    return Learned.load(MODEL)


def judge(report: Report, *, with_model: bool = True) -> Verdict:
    """What the shipped rules, model and policy say."""
    regions = find_regions(report, policy().texts)
    excluded = frozenset(c for clause in policy().clauses for c in clause.categories)
    return decide(
        report,
        regions=regions,
        evidence=rulebook().weigh_for(report, regions, excluded),
        opinion=model().opine(report, regions, policy().word) if with_model else None,
        thresholds=model().thresholds if with_model else Thresholds(),
        acknowledgement=find_acknowledgement(report, regions, policy().word),
        policy=policy(),
        versions=Versions(rules="", model="", policy=""),
        fusion=model().fusion if with_model else None,
    )
