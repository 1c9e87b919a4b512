"""Values for tests: a report from words, and the judge with the shipped rules and model."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bot.judge import Judge
from bot.ports import Context
from classifiers.learned import Learned
from classifiers.policy import Policy
from classifiers.policyfiles import load_policy
from classifiers.rulebook import Rulebook
from classifiers.terms import Passage, Place, Report, Verdict, report_key

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


@lru_cache
def a_judge(*, with_model: bool = True) -> Judge:
    return Judge.load(
        Context(rules=RULES, policy="planetscale", model=MODEL if with_model else None, trusted_authserv=())
    )


def judge(report: Report, *, with_model: bool = True) -> Verdict:
    """What the shipped rules, model and policy say."""
    return a_judge(with_model=with_model).judge(report)
